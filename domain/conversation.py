"""Opening and closing a turn in the record of conversations: the types open_turn and close_turn speak."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from domain.listings import RelaxedFilter
from domain.memory import MemoryUse
from domain.names import TURN_LOST
from domain.reply import Reply, Said
from domain.thread import Language, ThreadState
from domain.turn import ChatTurnResult, Degradation, OnBusy, TurnStatus
from domain.understanding import Understanding
from domain.value import Value


class NewTurn(Value):
    """A message that was sent, with every id resolved.

    Attributes:
        workflow_id: the workflow that runs the turn.
        thread_name: the caller's own name for the thread, where one was used; kept for reading only.
        regenerates: the turn whose message is answered anew; this turn has no user message of its own.
        is_remembered: memory has that message already.
    """

    turn_id: str
    thread_id: str
    client_msg_id: str
    user_id: str
    message: str
    workflow_id: str
    language: Language | None = None
    on_busy: OnBusy = OnBusy.ENQUEUE
    correlation_id: str | None = None
    thread_name: str | None = None
    regenerates: str | None = None
    is_remembered: bool = False


class PostedTurn(Value):
    """A message as it was posted; without a thread it goes to the user's active one.

    Attributes:
        fingerprint: of the body, so that another body under the same `client_msg_id` is told apart.
        regenerates: the turn to answer anew; its message is taken, `message` is empty.
    """

    user_id: str
    client_msg_id: str
    message: str
    fingerprint: str
    thread_id: str | None = None
    thread_name: str | None = None
    language: Language | None = None
    on_busy: OnBusy = OnBusy.ENQUEUE
    correlation_id: str | None = None
    regenerates: str | None = None
    is_remembered: bool = False


class AcceptedTurn(Value):
    """The turn's row after the POST's transaction.

    Attributes:
        repeated: the same message was sent before; nothing was inserted.
        result: set when the turn has ended with a result.
    """

    turn: NewTurn
    seq: int
    status: TurnStatus
    accepted_at: AwareDatetime
    repeated: bool
    result: ChatTurnResult | None = None
    error_code: str | None = None


class RunPhase(StrEnum):
    """What Temporal says of a turn's workflow."""

    RUNNING = "running"
    COMPLETED = "completed"
    BROKEN = "broken"
    UNKNOWN = "unknown"


class TurnRun(Value):
    """A turn's workflow as Temporal sees it. `progress` grows with every step it makes.

    `error_code` says how a broken run ended.
    """

    phase: RunPhase
    progress: int = 0
    error_code: str = TURN_LOST


class Blocker(Value):
    """An earlier turn of the thread that is still open, and how far its workflow is."""

    turn_id: str
    workflow_id: str
    accepted_at: AwareDatetime
    has_started: bool
    progress: int = 0


class OpenTurnInput(Value):
    """`give_up_on` names turns without progress for so long that they are ended and taken over.

    `recent_messages`: how many of the thread's last messages the answer shall bring.
    """

    turn: NewTurn
    give_up_on: tuple[str, ...] = ()
    recent_messages: int = 0


class OpenedTurn(Value):
    """The turn's place in its thread. Exactly one of three: blocked, already ended, or free to run."""

    seq: int
    started_at: AwareDatetime
    state: ThreadState
    blocked_by: tuple[Blocker, ...] = ()
    ended_as: ChatTurnResult | None = None
    recent: tuple[Said, ...] = ()


class CloseTurnInput(Value):
    """How the turn ended. `partial_text` is what a stopped reply had shown, by `partial_model`."""

    turn: NewTurn
    status: TurnStatus
    state: ThreadState
    understood: Understanding | None = None
    reply: Reply | None = None
    partial_text: str = ""
    partial_model: str = ""
    filters_used: dict[str, str | int | float | bool | list[str]] = Field(default_factory=dict)
    relaxed: tuple[RelaxedFilter, ...] = ()
    memory: MemoryUse = MemoryUse()
    degraded: tuple[Degradation, ...] = ()


class NextTurn(Value):
    """The turn that waits directly behind the one just closed."""

    turn_id: str
    workflow_id: str


class ClosedTurn(Value):
    """What the database holds now; the first close wins, so it may differ from what was asked."""

    result: ChatTurnResult
    next_turn: NextTurn | None = None


class TurnRecord(Value):
    """A turn as the database knows it, for reading."""

    turn_id: str
    thread_id: str
    user_id: str
    client_msg_id: str
    workflow_id: str
    seq: int
    status: TurnStatus
    accepted_at: AwareDatetime
    correlation_id: str | None = None
    regenerates: str | None = None
    has_started: bool = False
    result: ChatTurnResult | None = None
    error_code: str | None = None
