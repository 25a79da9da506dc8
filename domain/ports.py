"""What the turn needs from the outside, as protocols. Adapters implement them, activities receive them.

Every method raises only errors of domain/errors.py. A `budget` is in seconds and covers the whole call.
"""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Protocol

from domain.conversation import (
    ClosedTurn,
    CloseTurnInput,
    NewTurn,
    OpenedTurn,
    TurnRun,
)
from domain.forgetting import ForgottenRecord, MarkedThread
from domain.listings import FoundListings, SearchPlan
from domain.memory import MemoryContext, MemoryMessage
from domain.prompt import PromptMessage
from domain.turn import ChatTurnResult


class ConversationStore(Protocol):
    """The database's side of a turn."""

    async def open_turn(self, turn: NewTurn, *, recent_messages: int = 0) -> OpenedTurn:
        """Insert what is missing, mark the turn running or queued, read the thread's state. Idempotent."""

    async def fail_turn(self, turn_id: str, error_code: str) -> None:
        """End a turn that will not close itself. Does nothing when it has ended."""

    async def close_turn(self, closing: CloseTurnInput, result: ChatTurnResult) -> ClosedTurn:
        """Store reply, cards, state and result. The first close wins and is what is answered."""


class TurnRuns(Protocol):
    """Temporal's side of a turn."""

    async def look(self, workflow_id: str) -> TurnRun: ...

    async def stop(self, workflow_id: str) -> bool:
        """Ask a turn to stop; nothing happens when it has ended. Tells whether Temporal knows it at all."""

    async def forget(self, workflow_id: str) -> None:
        """Delete what Temporal keeps of an ended workflow. Does nothing when it keeps nothing."""

    async def terminate(self, workflow_id: str, reason: str) -> None:
        """End a turn that makes no progress. Does nothing when it has ended."""

    async def cut_off_at(self, workflow_id: str) -> datetime | None:
        """When a broken run ended; a step of it may have gone on after that. None for any other run."""


class Memory(Protocol):
    """Session memory."""

    async def fetch_context(self, user_id: str, thread_id: str, *, budget: float) -> MemoryContext:
        """Make sure user and session exist, then read what memory knows."""

    async def append(
        self, user_id: str, thread_id: str, messages: tuple[MemoryMessage, ...], *, budget: float
    ) -> None:
        """Store the messages exactly once; finding them there already is success."""

    async def forget(self, thread_id: str, *, budget: float) -> None:
        """Delete everything of the thread; finding nothing is success."""


class ForgettingStore(Protocol):
    """The database's side of forgetting a thread. Nothing happens to a thread that is not marked."""

    async def marked_thread(self, user_id: str, thread_id: str) -> MarkedThread | None: ...

    async def turns_of(self, user_id: str, thread_id: str) -> tuple[tuple[str, str], ...]:
        """Every turn of the thread with the workflow that ran it."""

    async def forget_record(self, user_id: str, thread_id: str) -> ForgottenRecord:
        """Delete all but the marked row itself, which keeps the thread from being made anew meanwhile."""

    async def forget_thread(self, user_id: str, thread_id: str) -> None:
        """Delete the marked row: from now on nothing tells that there was a thread."""


class ListingSearch(Protocol):
    """The search API, asked by the rules of the relaxation ladder."""

    async def find(self, plan: SearchPlan, *, budget: float) -> FoundListings: ...


class ReplyModel(Protocol):
    """A language model that writes replies."""

    name: str

    def write(self, prompt: tuple[PromptMessage, ...], *, budget: float) -> AsyncGenerator[str, None]:
        """The reply in pieces as they are written; closing the generator closes the provider's stream.

        Raises ModelFailure. A stream that breaks off raises as well: what came before is no reply.
        """
