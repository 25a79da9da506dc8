"""Input and result of the reply step. The sentences are in domain/sentences/."""

from domain.cards import RecItem
from domain.listings import FoundListings
from domain.memory import MemoryContext
from domain.thread import ThreadState
from domain.turn import Act, Degradation, Question, ReplyMode, Speaker
from domain.understanding import Understanding
from domain.value import Value

RECENT_MESSAGES = 6
"""Three turns back is what a reply refers to; the slots carry what was agreed before."""


class Said(Value):
    """A message of an earlier turn, as the user saw it; of a stopped turn the part that was shown."""

    speaker: Speaker
    text: str
    stopped: bool = False


class GenerateReplyInput(Value):
    """Everything a reply may speak of. A reply names only listings in `found`.

    `recent`: what was said in the thread before, oldest first; only a model is told. `answers_anew`: the message
    has had a reply, which shall not be repeated.
    """

    turn_id: str
    message: str
    mode: ReplyMode
    state: ThreadState
    understood: Understanding
    found: FoundListings | None = None
    memory: MemoryContext = MemoryContext()
    degraded: tuple[Degradation, ...] = ()
    recent: tuple[Said, ...] = ()
    answers_anew: bool = False


class Reply(Value):
    """What the user gets, and the state the thread is left in."""

    text: str
    act: Act
    question: Question | None = None
    recommendations: tuple[RecItem, ...] = ()
    state: ThreadState
    model: str = ReplyMode.TEMPLATE


class ReplyDelta(Value):
    """A piece of the reply, signalled by the reply activity to its own workflow; `index` counts from 0.

    `run_id` keeps pieces of an earlier run apart after an operator's reset, which plays old signals again.
    """

    run_id: str
    attempt: int
    index: int
    text: str
    model: str = ""


class PartialReply(Value):
    """The text shown so far; a higher attempt begins it anew. Workflow and watchers keep it by the same rule.

    `index` is that of the last piece, -1 before the first. `is_void`: the step has failed, so nothing that was
    shown holds, and no late word of any attempt is taken.
    """

    attempt: int = 0
    index: int = -1
    text: str = ""
    model: str = ""
    is_void: bool = False

    def takes(self, delta: ReplyDelta) -> bool:
        """Whether the piece is new: neither a repeat nor a late word of an attempt that was given up."""
        return not self.is_void and (delta.attempt, delta.index) > (self.attempt, self.index)

    def with_delta(self, delta: ReplyDelta) -> "PartialReply":
        if not self.takes(delta):
            return self
        shown = self.text if delta.attempt == self.attempt else ""
        return PartialReply(attempt=delta.attempt, index=delta.index, text=shown + delta.text, model=delta.model)

    def voided(self) -> "PartialReply":
        return PartialReply(attempt=self.attempt, is_void=True)
