"""Progress events: what a watcher of a turn sees. A pure projection of the turn's history makes them."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from domain.turn import ChatTurnResult, StepName
from domain.value import Value

STEP_OF_ACTIVITY: dict[str, StepName] = {
    "open_turn": StepName.OPEN,
    "understand_message": StepName.UNDERSTAND,
    "fetch_memory": StepName.RECALL,
    "search_listings": StepName.SEARCH,
    "generate_reply": StepName.REPLY,
    "close_turn": StepName.CLOSE,
    "create_memory": StepName.REMEMBER,
}

SUMMARY_OF_ACTIVITY: dict[str, str] = {
    "open_turn": "Open the turn in its thread",
    "understand_message": "Understand the message",
    "fetch_memory": "Recall what memory knows",
    "search_listings": "Search listings",
    "generate_reply": "Write the reply",
    "close_turn": "Store the reply",
    "create_memory": "Remember the turn",
}
"""What the Temporal Web UI and the progress events say of a step."""


class StepState(StrEnum):
    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"
    RETRYING = "retrying"
    STOPPED = "stopped"


class _Event(Value):
    turn_id: str
    at: AwareDatetime


class Accepted(_Event):
    """The turn exists. `steps` lists what it will go through, so a page can draw them ahead."""

    kind: Literal["accepted"] = "accepted"
    thread_id: str
    steps: tuple[StepName, ...]


class Step(_Event):
    """A step began, begins again or ended. `took_ms` and `attempt` are known when it ended.

    The millisecond steps (open, understand, close) are told only when they ended. Of the others the reply alone
    tells that it is tried again, with the attempt, by the first piece of its new text.
    """

    kind: Literal["step"] = "step"
    step: StepName
    state: StepState
    summary: str
    attempt: int | None = None
    took_ms: int | None = None
    error: str | None = Field(default=None, description="error code of a failed step")


class Delta(_Event):
    """A piece of the reply as it is written. A higher attempt replaces what was shown before."""

    kind: Literal["delta"] = "delta"
    attempt: int
    index: int
    text: str


class Reset(_Event):
    """Everything shown of the reply so far is void: it is written again."""

    kind: Literal["reset"] = "reset"
    attempt: int


class Result(_Event):
    """The turn's typed result; the reply is stored."""

    kind: Literal["result"] = "result"
    result: ChatTurnResult


class Failed(_Event):
    """The turn ended without a result."""

    kind: Literal["failed"] = "failed"
    code: str
    message: str


class End(_Event):
    """Nothing follows."""

    kind: Literal["end"] = "end"


ProgressEvent = Annotated[Accepted | Step | Delta | Reset | Result | Failed | End, Field(discriminator="kind")]
PROGRESS_EVENT: TypeAdapter[ProgressEvent] = TypeAdapter(ProgressEvent)


def turn_details(result: ChatTurnResult) -> str:
    """The ended turn in a few lines of Markdown, for the Temporal Web UI. No text of the conversation."""
    lines = [
        f"**{result.status}** by `{result.agent}`, act `{result.act}`",
        f"- cards: {len(result.recommendations)}",
        f"- memory: {'used' if result.memory.used else 'not used'}",
    ]
    lines += [f"- degraded: {entry.step} ({entry.reason}), instead: {entry.fallback}" for entry in result.degraded]
    return "\n".join(lines)
