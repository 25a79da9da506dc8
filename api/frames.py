"""The frames of the WebSocket, version 1.0: existing clients depend on every key.

The JSON Schema in `frame_schemas/` is made from these models; `python -m api.frame_schemas` writes it.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from domain.cards import RecItem
from domain.memory import MemoryMode
from domain.progress import StepState
from domain.slots import Slots
from domain.thread import Language
from domain.turn import StepName, TurnStatus

FrameAgent = Literal["real_estate", "general", "local_info", "marketplace"]


class _Part(BaseModel):
    """Exactly these keys, no more and no less."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_serialization_defaults_required=True)


class _Status(_Part):
    type: Literal["chat_status"] = "chat_status"


class SeqMeta(_Part):
    seq: int = Field(ge=0, description="send the last one seen as `after` to go on behind it")


class StatusMeta(_Part):
    correlation_id: str | None = Field(description="null for a turn that was started without one")
    seq: int = Field(ge=0)


class Rich(_Part):
    recommendations: tuple[RecItem, ...]


# --- the reply ------------------------------------------------------------------------------------------------


class MessagePayload(_Part):
    text: str = Field(min_length=1)
    agent: FrameAgent
    rich: Rich


class MemoryTrace(_Part):
    used: bool
    mode: MemoryMode
    source: str | None


class Traces(_Part):
    memory: MemoryTrace


class MessageMeta(_Part):
    in_reply_to: str = Field(description="client_msg_id of the message")
    queued_message_id: str = Field(description="id of this reply, as the POST's answer had it")
    correlation_id: str | None
    seq: int = Field(ge=0)
    traces: Traces


class AssistantMessage(_Part):
    """The reply; the last frame of its turn."""

    type: Literal["chat_message"] = "chat_message"
    event: Literal["assistant_message"] = "assistant_message"
    thread_id: str
    payload: MessagePayload
    meta: MessageMeta


# --- what goes before it --------------------------------------------------------------------------------------


class TypingPayload(_Part):
    value: bool


class Typing(_Status):
    event: Literal["typing"] = "typing"
    thread_id: str
    payload: TypingPayload
    meta: StatusMeta


class ProgressPayload(_Part):
    step: StepName | Literal["turn"] = Field(description="`turn`: the turn was stopped and has no reply")
    state: StepState
    summary: str


class Progress(_Status):
    """A step began, ended or is tried again. With step `turn` it is the last frame of a turn without a reply."""

    event: Literal["progress"] = "progress"
    thread_id: str
    payload: ProgressPayload
    meta: StatusMeta


class DeltaPayload(_Part):
    attempt: int
    index: int
    text: str


class ReplyDelta(_Status):
    """A piece of the reply as it is written, to be shown behind the pieces before it."""

    event: Literal["reply_delta"] = "reply_delta"
    thread_id: str
    payload: DeltaPayload
    meta: StatusMeta


class ResetPayload(_Part):
    attempt: int


class ReplyReset(_Status):
    """The pieces shown so far are void."""

    event: Literal["reply_reset"] = "reply_reset"
    thread_id: str
    payload: ResetPayload
    meta: StatusMeta


# --- a turn without a result ----------------------------------------------------------------------------------


class ErrorPayload(_Part):
    message: str


class ErrorMeta(_Part):
    in_reply_to: str
    seq: int = Field(ge=0)


class TaskFailed(_Part):
    """The turn has ended without a reply; its last frame."""

    type: Literal["chat_error"] = "chat_error"
    event: Literal["task_failed"] = "task_failed"
    thread_id: str
    payload: ErrorPayload
    meta: ErrorMeta


# --- on connect -----------------------------------------------------------------------------------------------


class PastTurn(_Part):
    """A turn that has ended. `text` is empty where it has no reply, `message` null where it answers one anew."""

    turn_id: str
    in_reply_to: str
    queued_message_id: str
    regenerates: str | None = Field(description="the turn that is answered anew")
    status: TurnStatus
    message: str | None
    text: str
    agent: FrameAgent | None
    rich: Rich


class RehydrationPayload(_Part):
    turns: tuple[PastTurn, ...] = Field(description="oldest first; none for a client that resumes")
    slots: Slots = Field(description="what the thread knows; absent keys are not filled")
    language: Language


class Rehydration(_Status):
    """The first frame. What it covers is told no more; what follows has a higher `seq`."""

    event: Literal["rehydration"] = "rehydration"
    thread_id: str
    payload: RehydrationPayload
    meta: SeqMeta


TurnFrame = AssistantMessage | Typing | Progress | ReplyDelta | ReplyReset | TaskFailed
Frame = Annotated[TurnFrame | Rehydration, Field(discriminator="event")]
FRAME: TypeAdapter[Frame] = TypeAdapter(Frame)
