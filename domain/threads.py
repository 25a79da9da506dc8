"""Threads and messages as their user reads them."""

from typing import Generic, TypeVar

from pydantic import AwareDatetime, Field

from domain.cards import RecItem
from domain.thread import Agent
from domain.turn import Speaker, TurnStatus
from domain.value import Value

TITLE_CHARACTERS = 80


class ThreadSummary(Value):
    """A thread without its messages."""

    thread_id: str
    name: str | None = Field(description="the caller's own name for it, where one was used")
    is_active: bool = Field(description="a message without a thread goes here")
    created_at: AwareDatetime
    last_message_at: AwareDatetime | None = Field(description="null while nothing was said")
    turns: int
    title: str | None = Field(description=f"its first message, up to {TITLE_CHARACTERS} characters")
    unread_count: int = Field(description="replies that came since its messages were marked read")


class ThreadMessage(Value):
    """One message. `status` is that of its turn."""

    id: str
    thread_id: str
    turn_id: str
    client_msg_id: str
    role: Speaker
    text: str
    agent: Agent | None = Field(description="who replied; null for the user's own messages")
    recommendations: tuple[RecItem, ...]
    status: TurnStatus
    regenerates: str | None = Field(description="the turn that this reply answers anew")
    created_at: AwareDatetime


class UnreadCount(Value):
    """How many replies were not marked read when it was counted, at `last_updated`."""

    unread_count: int
    last_updated: AwareDatetime


T = TypeVar("T", bound=Value)


class Page(Value, Generic[T]):
    """`count` is how many there are on all pages; `page` counts from 1."""

    count: int
    page: int
    limit: int
    results: tuple[T, ...]


class ThreadPage(Page[ThreadSummary]):
    pass


class MessagePage(Page[ThreadMessage]):
    pass
