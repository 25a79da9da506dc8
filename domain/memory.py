"""What memory gives to a turn and takes from it, in our own words. Zep's types stay in adapters/zep.py."""

from enum import StrEnum

from pydantic import Field

from domain.names import memory_message_id
from domain.value import Value

MAX_MEMORY_CHARACTERS = 2500
"""Zep refuses a longer message content, counted in characters (reference: its Community Edition)."""


class MemoryMode(StrEnum):
    OFF = "off"
    READ_ONLY = "read_only"
    WRITE_ONLY = "write_only"
    READ_WRITE = "read_write"

    @property
    def reads(self) -> bool:
        return self in (MemoryMode.READ_ONLY, MemoryMode.READ_WRITE)

    @property
    def writes(self) -> bool:
        return self in (MemoryMode.WRITE_ONLY, MemoryMode.READ_WRITE)


class MemoryRole(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"


class MemoryMessage(Value):
    """One message as memory stores it. A fixed id makes a repeated write harmless."""

    id: str
    role: MemoryRole
    content: str


class MemoryContext(Value):
    """What memory knew before this turn; `messages` oldest first."""

    messages: tuple[MemoryMessage, ...] = ()
    facts: tuple[str, ...] = ()
    source: str = Field(default="zep", description="where it came from")


class MemoryUse(Value):
    """How memory took part in a turn, for the typed result."""

    used: bool = False
    mode: MemoryMode = MemoryMode.OFF
    source: str | None = None
    facts: int = Field(default=0, description="number of facts that reached the reply")


class FetchMemoryInput(Value):
    user_id: str
    thread_id: str


class CreateMemoryInput(Value):
    """Both texts of a closed turn. The batch built from it is the same on every try.

    `patient`: nobody waits, so a wrong key or address is waited out as well.
    `answered_anew`: memory has the user's text from an earlier turn that answered it.
    """

    user_id: str
    thread_id: str
    turn_id: str
    user_text: str
    assistant_text: str
    patient: bool = False
    answered_anew: bool = False


class MemoryWritten(Value):
    messages: int = Field(description="messages this turn has in memory now; 0 when there was nothing to store")


def memory_batch(turn: CreateMemoryInput) -> tuple[MemoryMessage, ...]:
    """The messages of one turn as memory stores them: user first, long texts in parts.

    A turn whose message has no letter and no digit is not written at all. An empty reply (a turn stopped
    before its first word) leaves only the user's message.
    """
    if not any(character.isalnum() for character in turn.user_text):
        return ()
    user_text = "" if turn.answered_anew else turn.user_text
    return tuple(
        MemoryMessage(id=memory_message_id(turn.thread_id, turn.turn_id, role, part), role=role, content=content)
        for role, text in ((MemoryRole.USER, user_text), (MemoryRole.ASSISTANT, turn.assistant_text))
        for part, content in enumerate(_parts(text))
    )


def _parts(text: str) -> list[str]:
    return [text[i : i + MAX_MEMORY_CHARACTERS] for i in range(0, len(text), MAX_MEMORY_CHARACTERS)]
