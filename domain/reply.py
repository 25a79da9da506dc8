"""Input and result of the reply step. The sentences are in domain/sentences/."""

from enum import StrEnum

from domain.cards import RecItem
from domain.listings import FoundListings
from domain.memory import MemoryContext
from domain.thread import ThreadState
from domain.turn import Act, Degradation, Question
from domain.understanding import Understanding
from domain.value import Value


class ReplyMode(StrEnum):
    MODEL = "model"
    TEMPLATE = "template"


class GenerateReplyInput(Value):
    """Everything a reply may speak of. A reply names only listings in `found`."""

    turn_id: str
    message: str
    mode: ReplyMode
    state: ThreadState
    understood: Understanding
    found: FoundListings | None = None
    memory: MemoryContext = MemoryContext()
    degraded: tuple[Degradation, ...] = ()


class Reply(Value):
    """What the user gets, and the state the thread is left in."""

    text: str
    act: Act
    question: Question | None = None
    recommendations: tuple[RecItem, ...] = ()
    state: ThreadState
    model: str = ReplyMode.TEMPLATE


class ReplyDelta(Value):
    """A piece of the reply, signalled by the reply activity to its own workflow.

    `run_id` keeps pieces of an earlier run apart after an operator's reset, which plays old signals again.
    """

    run_id: str
    attempt: int
    index: int
    text: str


class PartialReply(Value):
    """The text shown so far; a higher attempt begins it anew."""

    attempt: int = 0
    text: str = ""

    def with_delta(self, delta: ReplyDelta) -> "PartialReply":
        if delta.attempt < self.attempt:
            return self
        shown = self.text if delta.attempt == self.attempt else ""
        return PartialReply(attempt=delta.attempt, text=shown + delta.text)
