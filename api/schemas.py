"""Bodies of the chat routes."""

import re
import unicodedata
from uuid import UUID, uuid4

from pydantic import BaseModel, Field, field_validator

from domain.names import THREAD_NAME_PATTERN
from domain.thread import Language
from domain.turn import MAX_MESSAGE_CHARACTERS, ChatTurnResult, OnBusy, TurnStatus

INVISIBLE = frozenset({"Cf", "Cc", "Zs", "Zl", "Zp"})
"""Unicode categories of a text that nobody can see: format and control characters, spaces."""


class ChatRequest(BaseModel):
    """A message. Unknown fields are ignored: existing clients send more."""

    message: str = Field(description=f"1 to {MAX_MESSAGE_CHARACTERS} characters after trimming")
    thread_id: str | None = Field(
        default=None, description="a thread's UUID or the caller's own name for a thread", examples=["my-flat"]
    )
    client_msg_id: str | None = Field(default=None, description="UUID, the idempotency key; made when absent")
    language: Language | None = None
    on_busy: OnBusy = OnBusy.ENQUEUE

    @field_validator("message")
    @classmethod
    def _said_something(cls, message: str) -> str:
        text = message.strip()
        if all(unicodedata.category(character) in INVISIBLE for character in text):
            raise ValueError("Write a message of at least one visible character.")
        if len(text) > MAX_MESSAGE_CHARACTERS:
            raise ValueError(f"Write at most {MAX_MESSAGE_CHARACTERS} characters, this is {len(text)}.")
        if "\x00" in text or not _is_encodable(text):  # PostgreSQL stores no NUL, nobody half a surrogate pair
            raise ValueError("Write a message without NUL characters and without unpaired surrogates.")
        return text

    @field_validator("thread_id")
    @classmethod
    def _well_formed_name(cls, thread_id: str | None) -> str | None:
        if thread_id is not None and not re.fullmatch(THREAD_NAME_PATTERN, thread_id):
            raise ValueError("Write a thread's UUID, or a name of 1 to 64 letters, digits, '_' and '-'.")
        return thread_id

    @field_validator("client_msg_id")
    @classmethod
    def _is_a_uuid(cls, client_msg_id: str | None) -> str | None:
        return None if client_msg_id is None else canonical_uuid(client_msg_id)


def canonical_uuid(text: str) -> str:
    """Raises ValueError with a sentence for the caller."""
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError(f"Write a UUID, for example {uuid4()}.") from None


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class TurnLinks(BaseModel):
    turn: str
    events: str
    cancel: str
    temporal_ui: str | None = Field(default=None, description="when a Web UI address is configured")


class TurnError(BaseModel):
    code: str
    message: str


class ChatAnswer(BaseModel):
    """`result` is there when the turn has ended with one and the client waited, or repeated itself."""

    ok: bool = True
    thread_id: str
    turn_id: str
    queued_message_id: str = Field(description="id the assistant's message will have")
    client_msg_id_echo: str
    correlation_id: str
    idempotent: bool = Field(description="this message was sent before: the same turn")
    status: TurnStatus
    links: TurnLinks
    regenerates: str | None = Field(default=None, description="the turn whose message is answered anew")
    result: ChatTurnResult | None = None
    error: TurnError | None = None


class TurnView(BaseModel):
    """A turn's status; every final status but `failed` has a result, `failed` has an error."""

    turn_id: str
    thread_id: str
    client_msg_id: str
    status: TurnStatus
    links: TurnLinks
    regenerates: str | None = Field(default=None, description="the turn whose message is answered anew")
    result: ChatTurnResult | None = None
    error: TurnError | None = None
