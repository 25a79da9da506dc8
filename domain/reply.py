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
