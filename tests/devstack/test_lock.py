import pytest

from devstack.errors import StackError
from devstack.lock import only_stack_of


def test_a_second_stack_on_one_home_is_told_who_holds_it(tmp_path, monkeypatch):
    """Two stacks never write one database; the second says which command is in the way."""
    monkeypatch.setattr("sys.argv", ["islanders", "dev"])
    with (
        only_stack_of(tmp_path),
        pytest.raises(StackError, match=r"in use by `islanders dev` \(pid \d+\)"),
        only_stack_of(tmp_path),
    ):
        pass


def test_the_home_is_free_after_its_stack_ended(tmp_path):
    """The next start is not held up by the lock file of the last one."""
    with only_stack_of(tmp_path):
        pass
    with only_stack_of(tmp_path):
        pass
