import os
import stat

import pytest

from devstack.errors import StackError
from devstack.secrets import keep_secrets


def test_secrets_are_made_once_and_kept(tmp_path):
    """A token from before a restart stays good after it."""
    assert keep_secrets(tmp_path) == keep_secrets(tmp_path)


def test_two_homes_have_different_secrets(tmp_path):
    """No secret ships with the program."""
    for home in ("a", "b"):
        (tmp_path / home).mkdir()
    a, b = keep_secrets(tmp_path / "a"), keep_secrets(tmp_path / "b")
    assert a.jwt_secret != b.jwt_secret
    assert a.zep_api_key != b.zep_api_key


def test_secrets_are_for_their_owner_only(tmp_path):
    """Mode 0600 under any umask, and again after somebody widened it."""
    before = os.umask(0)
    try:
        keep_secrets(tmp_path)
    finally:
        os.umask(before)
    path = tmp_path / "secrets.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    keep_secrets(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_file_says_what_to_do(tmp_path):
    """Half a file is told, without its content."""
    (tmp_path / "secrets.json").write_text('{"jwt_secret": "shhh"')
    with pytest.raises(StackError, match="delete it") as told:
        keep_secrets(tmp_path)
    assert "shhh" not in str(told.value)
