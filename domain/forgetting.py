"""Forgetting a thread everywhere: what its steps tell each other."""

from datetime import timedelta

from pydantic import AwareDatetime, Field

from domain.memory import MemoryMode
from domain.value import Value

MAY_STILL_RUN = timedelta(hours=50)
"""How long after a turn's end something of it may run: the rest of its own 24 h, then 25 h of late memory."""

SETTLE = timedelta(seconds=16)
"""An append that was under way when its turn was cut short goes on for up to its own 15 s."""

SUMMARY_OF_FORGETTING: dict[str, str] = {
    "stop_turns": "Stop what runs in the thread",
    "forget_record": "Delete messages and turns",
    "forget_memory": "Delete the memory session",
    "forget_thread": "Delete the thread",
}
"""What the Temporal Web UI says of a step."""


class ForgetThreadInput(Value):
    """A thread that was marked as forgotten. With memory off there is none to forget it in."""

    user_id: str
    thread_id: str
    memory_mode: MemoryMode = MemoryMode.READ_WRITE


class TurnToStop(Value):
    """A turn of which something may still run.

    Attributes:
        may_be_on_its_way: accepted and never seen to run, so Temporal may get to know it any moment.
        stopped_at: when it ended in the middle of its work; a call of a step may have gone on after that.
    """

    turn_id: str
    workflow_id: str
    may_be_on_its_way: bool = False
    stopped_at: AwareDatetime | None = None


class MarkedThread(Value):
    """A thread being forgotten, since `marked_at`, and its turns that may still run."""

    marked_at: AwareDatetime
    turns: tuple[TurnToStop, ...] = ()


class StoppedTurns(Value):
    """Nothing of the thread runs any more.

    Attributes:
        is_marked: false when there is no such thread, or one that is not to be forgotten.
        quiet_from: until then a step whose turn was cut short may still write to memory, or begin a late
            append; absent when no turn was cut short lately.
    """

    is_marked: bool = False
    quiet_from: AwareDatetime | None = None


class ForgottenRecord(Value):
    """What was deleted from the database; a step that was repeated after its commit found nothing more."""

    turns: int = 0
    messages: int = 0
    preferences: int = Field(default=0, description="inferred in the thread")


class ForgottenThread(ForgottenRecord):
    """The end: the thread is gone, and its name may be used for a new one."""

    thread_id: str
