"""From a turn's workflow history to its progress events: pure, so every process tells the same story.

Workflow-task events are passed over: transient ones repeat ids and are never stored.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import (
    ActivityTaskScheduledEventAttributes,
    HistoryEvent,
    MarkerRecordedEventAttributes,
    WorkflowExecutionStartedEventAttributes,
)
from temporalio.converter import PayloadConverter

from api.history_values import error_code, failed_state, recorded_time, time_of
from api.numbering import AFTER_A_RESET, NumberedEvent, Place, run_tag, seq_of
from domain.conversation import ClosedTurn, OpenedTurn
from domain.names import REPLY_DELTA, TURN_CANCELLED, TURN_FAILED, TURN_TERMINATED, TURN_TIMED_OUT
from domain.progress import (
    STEP_OF_ACTIVITY,
    SUMMARY_OF_ACTIVITY,
    Accepted,
    Delta,
    End,
    Failed,
    ProgressEvent,
    Reset,
    Result,
    Step,
    StepState,
)
from domain.reply import PartialReply, ReplyDelta
from domain.turn import ChatTurnResult, StepName

LOCAL_ACTIVITY_MARKER = "core_local_activity"

STEPS_AHEAD = (
    StepName.UNDERSTAND,
    StepName.RECALL,
    StepName.SEARCH,
    StepName.REPLY,
    StepName.REMEMBER,
)

WITHOUT_RESULT = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: TURN_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: TURN_TERMINATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: TURN_TIMED_OUT,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: TURN_CANCELLED,
}

FAILED_SENTENCE = "This message could not be answered. Please send it again."

WRITES_THE_REPLY = "generate_reply"

T = TypeVar("T")


@dataclass
class TurnProjection:
    """Feed it a run's history events in order; it yields the progress events each of them makes: fewer than ten.

    `number`: the turn's number in its thread, as its record had it. What open_turn answers counts for more.
    """

    turn_id: str
    thread_id: str
    run_id: str
    converter: PayloadConverter
    number: int = 0
    _is_reset: bool = False
    _scheduled: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    _started: dict[int, int] = field(default_factory=dict)
    _shown: PartialReply = field(default_factory=PartialReply)
    _waiting: bool = False
    _has_result: bool = False

    def feed(self, event: HistoryEvent) -> list[NumberedEvent]:
        made = list(self._project(event))
        run, event_id = run_tag(self.run_id), event.event_id + (AFTER_A_RESET if self._is_reset else 0)
        return [
            NumberedEvent(
                place=Place(run, event.event_id, index),
                event=one,
                number=self.number,
                first_seq=seq_of(self.number, event_id, index),
            )
            for index, one in enumerate(made)
        ]

    def _project(self, event: HistoryEvent) -> Iterator[ProgressEvent]:
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                yield from self._begun(event, event.workflow_execution_started_event_attributes)
            case EventType.EVENT_TYPE_MARKER_RECORDED:
                marker = event.marker_recorded_event_attributes
                if marker.marker_name == LOCAL_ACTIVITY_MARKER:
                    yield from self._local_activity(marker)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                yield from self._scheduled_step(event, event.activity_task_scheduled_event_attributes)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
                started = event.activity_task_started_event_attributes
                self._started[started.scheduled_event_id] = started.attempt
            case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                done = event.activity_task_completed_event_attributes
                yield from self._ended_step(event, done.scheduled_event_id, StepState.FINISHED, result=done.result)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
                failed = event.activity_task_failed_event_attributes
                error = error_code(failed.failure)
                yield from self._ended_step(event, failed.scheduled_event_id, StepState.FAILED, error=error)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
                late = event.activity_task_timed_out_event_attributes
                yield from self._ended_step(event, late.scheduled_event_id, StepState.FAILED, error="Timeout")
            case EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
                stopped = event.activity_task_canceled_event_attributes
                yield from self._ended_step(event, stopped.scheduled_event_id, StepState.STOPPED)
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                signal = event.workflow_execution_signaled_event_attributes
                if signal.signal_name == REPLY_DELTA:
                    yield from self._delta(event, signal.input)
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
                yield End(turn_id=self.turn_id, at=time_of(event))
            case kind if kind in WITHOUT_RESULT:
                if not self._has_result:
                    code = WITHOUT_RESULT[kind]
                    yield Failed(turn_id=self.turn_id, at=time_of(event), code=code, message=FAILED_SENTENCE)
                yield End(turn_id=self.turn_id, at=time_of(event))

    def _begun(
        self, event: HistoryEvent, started: WorkflowExecutionStartedEventAttributes
    ) -> Iterator[ProgressEvent]:
        yield Accepted(turn_id=self.turn_id, at=time_of(event), thread_id=self.thread_id, steps=STEPS_AHEAD)
        # A reset copies this event into the new run as it was, the id of the run it was written for included.
        self._is_reset = started.original_execution_run_id != self.run_id
        if self._is_reset:
            yield Reset(turn_id=self.turn_id, at=time_of(event), attempt=0)

    # --- steps ----------------------------------------------------------------------------------------------

    def _scheduled_step(
        self, event: HistoryEvent, scheduled: ActivityTaskScheduledEventAttributes
    ) -> Iterator[ProgressEvent]:
        activity = scheduled.activity_type.name
        self._scheduled[event.event_id] = (activity, time_of(event))
        if activity in STEP_OF_ACTIVITY:
            yield self._step(activity, StepState.STARTED, at=time_of(event))

    def _ended_step(
        self,
        event: HistoryEvent,
        scheduled_id: int,
        state: StepState,
        *,
        error: str | None = None,
        result: Payloads | None = None,
    ) -> Iterator[ProgressEvent]:
        activity, began = self._scheduled[scheduled_id]
        if activity not in STEP_OF_ACTIVITY:
            return
        at = time_of(event)
        attempt = self._started.get(scheduled_id)
        yield self._step(activity, state, at=at, took=at - began, attempt=attempt, error=error)
        if activity == WRITES_THE_REPLY and state is StepState.FAILED:
            if self._shown.index >= 0:
                yield Reset(turn_id=self.turn_id, at=at, attempt=self._shown.attempt + 1)
            self._shown = self._shown.voided()  # the template's reply replaces it
        if result is not None:
            yield from self._what_it_told(activity, result, at)

    def _local_activity(self, marker: MarkerRecordedEventAttributes) -> Iterator[ProgressEvent]:
        data = json.loads(marker.details["data"].payloads[0].data)
        activity, at = data["activity_type"], recorded_time(data["complete_time"])
        if activity not in STEP_OF_ACTIVITY:
            return
        failed = marker.HasField("failure")
        yield self._step(
            activity,
            failed_state(marker.failure) if failed else StepState.FINISHED,
            at=at,
            took=at - recorded_time(data["original_schedule_time"]),
            attempt=data["attempt"],
            error=error_code(marker.failure) if failed else None,
        )
        if not failed:
            yield from self._what_it_told(activity, marker.details["result"], at)

    def _step(
        self,
        activity: str,
        state: StepState,
        *,
        at: datetime,
        took: timedelta | None = None,
        attempt: int | None = None,
        error: str | None = None,
    ) -> Step:
        return Step(
            turn_id=self.turn_id,
            at=at,
            step=STEP_OF_ACTIVITY[activity],
            state=state,
            summary=SUMMARY_OF_ACTIVITY[activity],
            attempt=attempt,
            took_ms=None if took is None else max(0, round(took.total_seconds() * 1000)),
            error=error,
        )

    # --- what open_turn and close_turn answered -------------------------------------------------------------

    def _what_it_told(self, activity: str, result: Payloads, at: datetime) -> Iterator[ProgressEvent]:
        if activity == "close_turn":
            yield from self._result(self._decode(result, ClosedTurn).result, at)
        elif activity == "open_turn":
            opened = self._decode(result, OpenedTurn)
            self.number = opened.seq
            if opened.ended_as is not None:
                yield from self._result(opened.ended_as, at)
            yield from self._waiting_changed(waiting=bool(opened.blocked_by), at=at)

    def _result(self, result: ChatTurnResult, at: datetime) -> Iterator[ProgressEvent]:
        if not self._has_result:
            self._has_result = True
            yield from self._waiting_changed(waiting=False, at=at, state=StepState.STOPPED)
            yield Result(turn_id=self.turn_id, at=at, result=result)

    def _waiting_changed(
        self, *, waiting: bool, at: datetime, state: StepState = StepState.FINISHED
    ) -> Iterator[ProgressEvent]:
        if waiting is self._waiting:
            return
        self._waiting = waiting
        yield Step(
            turn_id=self.turn_id,
            at=at,
            step=StepName.WAIT,
            state=StepState.STARTED if waiting else state,
            summary="Wait for the earlier turn",
        )

    def _delta(self, event: HistoryEvent, payloads: Payloads) -> Iterator[ProgressEvent]:
        """Repeats are not shown, nor pieces of another run, of an attempt given up, or after the result."""
        try:
            delta = self._decode(payloads, ReplyDelta)
        except (ValueError, RuntimeError, LookupError):
            return  # somebody else's signal; the workflow drops it as well
        if (
            not isinstance(delta, ReplyDelta)
            or delta.run_id != self.run_id
            or self._has_result
            or not self._shown.takes(delta)
        ):
            return
        at = time_of(event)
        if self._shown.index >= 0 and delta.attempt > self._shown.attempt:
            yield self._step(WRITES_THE_REPLY, StepState.RETRYING, at=at, attempt=delta.attempt)
            yield Reset(turn_id=self.turn_id, at=at, attempt=delta.attempt)
        self._shown = self._shown.with_delta(delta)
        yield Delta(turn_id=self.turn_id, at=at, attempt=delta.attempt, index=delta.index, text=delta.text)

    def _decode(self, payloads: Payloads, kind: type[T]) -> T:
        value: T = self.converter.from_payloads(payloads.payloads, [kind])[0]
        return value
