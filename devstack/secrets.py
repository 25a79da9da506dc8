"""Secrets of the embedded stack: made once, kept with its other state, readable by their owner only."""

import os
from pathlib import Path
from secrets import token_urlsafe

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devstack.errors import StackError


class StackSecrets(BaseModel):
    """`jwt_secret` signs bearer tokens, which stay good over a restart; `zep_api_key` opens the local memory."""

    model_config = ConfigDict(frozen=True)

    jwt_secret: str = Field(min_length=32)
    zep_api_key: str = Field(min_length=16)


def keep_secrets(home: Path) -> StackSecrets:
    """The home's secrets. Call it with the home's lock held: two writers would each make their own."""
    path = home / "secrets.json"
    if not path.exists():
        _write(path, StackSecrets(jwt_secret=token_urlsafe(48), zep_api_key=token_urlsafe(24)))
    path.chmod(0o600)
    try:
        return StackSecrets.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise StackError(f"{path} is damaged: delete it, new secrets are made at the next start") from error


def _write(path: Path, secrets: StackSecrets) -> None:
    # Under another name first: a crash while writing must not leave half a file.
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.model_dump_json())
    unfinished.replace(path)
