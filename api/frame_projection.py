"""From progress events to the frames of the WebSocket: pure, so every process sends the same.

Every event up to a turn's outcome makes one frame; the outcome makes two and is the last that makes any.
"""

from adapters.thread_reading import RecentThread, RecentTurn
from api.frames import (
    AssistantMessage,
    DeltaPayload,
    ErrorMeta,
    ErrorPayload,
    FrameAgent,
    MemoryTrace,
    MessageMeta,
    MessagePayload,
    PastTurn,
    Progress,
    ProgressPayload,
    Rehydration,
    RehydrationPayload,
    ReplyDelta,
    ReplyReset,
    ResetPayload,
    Rich,
    SeqMeta,
    StatusMeta,
    TaskFailed,
    Traces,
    TurnFrame,
    Typing,
    TypingPayload,
)
from api.numbering import NumberedEvent
from domain.conversation import TurnRecord
from domain.names import assistant_message_id
from domain.progress import Accepted, Delta, Failed, Reset, Result, Step, StepState
from domain.thread import Agent
from domain.turn import ChatTurnResult

STOPPED_SUMMARY = "Stopped before there was a reply"

NAME_OF_AGENT: dict[Agent, FrameAgent] = {
    Agent.RE: "real_estate",
    Agent.GENERAL: "general",
    Agent.LOCAL_INFO: "local_info",
    Agent.MARKETPLACE: "marketplace",
}


def frames_of(turn: TurnRecord, numbered: NumberedEvent) -> tuple[TurnFrame, ...]:
    """What a thread's socket sends for the event."""
    thread_id = turn.thread_id
    meta = StatusMeta(correlation_id=turn.correlation_id, seq=numbered.first_seq)
    match numbered.event:
        case Accepted():
            return (Typing(thread_id=thread_id, payload=TypingPayload(value=True), meta=meta),)
        case Step() as step:
            progress = ProgressPayload(step=step.step, state=step.state, summary=step.summary)
            return (Progress(thread_id=thread_id, payload=progress, meta=meta),)
        case Delta() as delta:
            piece = DeltaPayload(attempt=delta.attempt, index=delta.index, text=delta.text)
            return (ReplyDelta(thread_id=thread_id, payload=piece, meta=meta),)
        case Reset() as reset:
            return (ReplyReset(thread_id=thread_id, payload=ResetPayload(attempt=reset.attempt), meta=meta),)
        case Result() | Failed() as outcome:
            quiet = Typing(thread_id=thread_id, payload=TypingPayload(value=False), meta=meta)
            return (quiet, _outcome_frame(turn, outcome, numbered.last_seq))
    return ()


def _outcome_frame(turn: TurnRecord, outcome: Result | Failed, seq: int) -> TurnFrame:
    if isinstance(outcome, Failed):
        return TaskFailed(
            thread_id=turn.thread_id,
            payload=ErrorPayload(message=outcome.message),
            meta=ErrorMeta(in_reply_to=turn.client_msg_id, seq=seq),
        )
    if not outcome.result.response_text:
        return Progress(
            thread_id=turn.thread_id,
            payload=ProgressPayload(step="turn", state=StepState.STOPPED, summary=STOPPED_SUMMARY),
            meta=StatusMeta(correlation_id=turn.correlation_id, seq=seq),
        )
    return _message(turn, outcome.result, seq)


def _message(turn: TurnRecord, result: ChatTurnResult, seq: int) -> AssistantMessage:
    memory = result.memory
    return AssistantMessage(
        thread_id=turn.thread_id,
        payload=MessagePayload(
            text=result.response_text,
            agent=NAME_OF_AGENT[result.agent],
            rich=Rich(recommendations=result.recommendations),
        ),
        meta=MessageMeta(
            in_reply_to=turn.client_msg_id,
            queued_message_id=assistant_message_id(turn.thread_id, turn.client_msg_id),
            correlation_id=turn.correlation_id,
            seq=seq,
            traces=Traces(memory=MemoryTrace(used=memory.used, mode=memory.mode, source=memory.source)),
        ),
    )


def rehydration(thread_id: str, recent: RecentThread, *, seq: int) -> Rehydration:
    return Rehydration(
        thread_id=thread_id,
        payload=RehydrationPayload(
            turns=tuple(_past(turn) for turn in recent.turns), slots=recent.slots, language=recent.language
        ),
        meta=SeqMeta(seq=seq),
    )


def _past(recent: RecentTurn) -> PastTurn:
    turn, result = recent.turn, recent.turn.result
    return PastTurn(
        turn_id=turn.turn_id,
        in_reply_to=turn.client_msg_id,
        queued_message_id=assistant_message_id(turn.thread_id, turn.client_msg_id),
        regenerates=turn.regenerates,
        status=turn.status,
        message=recent.message,
        text=result.response_text if result else "",
        agent=NAME_OF_AGENT[result.agent] if result else None,
        rich=Rich(recommendations=result.recommendations if result else ()),
    )
