"""What never leaves for Zep: ids its paths cannot carry, and messages it would refuse or fail on."""

import re
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from domain.errors import MemoryRejected
from domain.memory import MAX_MEMORY_CHARACTERS, MemoryMessage

WELL_FORMED_ID: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.:-]{1,128}")
"""zep-python does not escape ids, so any other text would become part of the path."""

MAX_MESSAGES_PER_BATCH: Final = 30


def zep_user_id(user_id: str) -> str:
    """The user's id where Zep's paths can carry it, else one derived from it."""
    return user_id if WELL_FORMED_ID.fullmatch(user_id) else f"ei-{uuid5(NAMESPACE_URL, user_id)}"


def refuse_malformed(thread_id: str) -> None:
    if not WELL_FORMED_ID.fullmatch(thread_id):
        raise MemoryRejected("malformed thread id")


def refuse_what_zep_refuses(messages: tuple[MemoryMessage, ...]) -> None:
    """Before sending: Zep answers some of these with a 500, which would be tried for ever."""
    if len(messages) > MAX_MESSAGES_PER_BATCH:
        raise MemoryRejected("more than 30 messages in a batch")
    if any(len(message.content) > MAX_MEMORY_CHARACTERS for message in messages):
        raise MemoryRejected("a message is too long")
    if not all(WELL_FORMED_ID.fullmatch(message.id) for message in messages):
        raise MemoryRejected("malformed message id")
    if not all(_is_storable(message.content) for message in messages):
        raise MemoryRejected("a message is no text")


def _is_storable(content: str) -> bool:
    """Half a surrogate pair cannot be sent, and PostgreSQL keeps no NUL."""
    return "\0" not in content and not any("\ud800" <= character <= "\udfff" for character in content)
