"""The turn: one message and its reply. Input, status and typed result of `ChatTurnWorkflow`."""

from enum import StrEnum

from pydantic import Field

from domain.cards import RecItem
from domain.listings import RelaxedFilter
from domain.memory import MemoryMode, MemoryUse
from domain.slots import SlotName, Slots
from domain.thread import Agent, Language
from domain.value import Value

MAX_MESSAGE_CHARACTERS = 4000


class OnBusy(StrEnum):
    """What to do when an earlier turn of the thread is still open."""

    ENQUEUE = "enqueue"
    REJECT = "reject"
    INTERRUPT = "interrupt"


class TurnStatus(StrEnum):
    ACCEPTED = "accepted"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"
    REJECTED = "rejected"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATUSES


OPEN_STATUSES = (TurnStatus.ACCEPTED, TurnStatus.QUEUED, TurnStatus.RUNNING)
FINAL_STATUSES = frozenset(TurnStatus) - frozenset(OPEN_STATUSES)


class Speaker(StrEnum):
    """Who says a message: in the record, in memory and to a model."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class ReplyMode(StrEnum):
    """Who writes the reply."""

    MODEL = "model"
    TEMPLATE = "template"


class Act(StrEnum):
    """What a reply does. `search_and_recommend` whenever cards are shown, `ask_slot` only without cards."""

    ASK_SLOT = "ask_slot"
    SEARCH_AND_RECOMMEND = "search_and_recommend"
    CLARIFY = "clarify"
    ANSWER_QUESTION = "answer_question"
    OFFER_SUMMARY = "offer_summary"
    NEXT_PAGE = "next_page"
    ESCALATE = "escalate"


class StepName(StrEnum):
    """The steps of a turn as people see them; each is one activity (domain/progress.py maps them)."""

    OPEN = "open"
    WAIT = "wait"
    UNDERSTAND = "understand"
    RECALL = "recall"
    SEARCH = "search"
    REPLY = "reply"
    CLOSE = "close"
    REMEMBER = "remember"


class ChatTurnInput(Value):
    """Starts one turn. `user_id` and `message` are enough when an operator starts one by hand.

    Attributes:
        thread_id: a thread's UUID or the user's own name for it; absent: a thread named after the workflow.
        client_msg_id: a UUID; absent: derived from the workflow id, so a reset keeps it.
        reply_mode: decided when the turn is started, so it is the same on every worker and in every replay.
        regenerates: the turn whose message is answered anew.
        is_remembered: memory has the message already, from that turn or one before it.
    """

    user_id: str = Field(min_length=1, max_length=64)
    message: str = Field(min_length=1, max_length=MAX_MESSAGE_CHARACTERS)
    thread_id: str | None = None
    client_msg_id: str | None = None
    language: Language | None = None
    on_busy: OnBusy = OnBusy.ENQUEUE
    correlation_id: str | None = None
    memory_mode: MemoryMode = MemoryMode.READ_WRITE
    reply_mode: ReplyMode = ReplyMode.TEMPLATE
    regenerates: str | None = None
    is_remembered: bool = False


class Question(Value):
    """The one question a reply asks; `options` are codes a client may offer as quick replies."""

    slot: SlotName
    options: tuple[str, ...] = ()


class Degradation(Value):
    """A step that failed and what was done instead. `reason` is an error code, never a message text."""

    step: StepName
    reason: str
    fallback: str


class Versions(Value):
    build_id: str
    config: str


class ChatTurnResult(Value):
    """The typed result of every turn that did not fail. Never null, never partly filled."""

    turn_id: str
    thread_id: str
    message_id: str
    status: TurnStatus
    response_text: str = Field(description="may be empty only when stopped")
    agent: Agent
    act: Act
    question: Question | None = None
    language: Language
    recommendations: tuple[RecItem, ...] = ()
    filters_used: dict[str, str | int | float | bool | list[str]] = Field(default_factory=dict)
    relaxed: tuple[RelaxedFilter, ...] = ()
    slots: Slots
    memory: MemoryUse
    degraded: tuple[Degradation, ...] = ()
    model: str
    versions: Versions
