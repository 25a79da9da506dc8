"""From a turn's workflow history to its progress events: pure, so every process tells the same story.

An event's id is `{run tag}.{history event id}.{index}`. Workflow-task events are passed over: transient ones
repeat ids and are never stored.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import (
    ActivityTaskScheduledEventAttributes,
    HistoryEvent,
    MarkerRecordedEventAttributes,
)
from temporalio.converter import PayloadConverter

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
from domain.reply import ReplyDelta
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

PLACE = re.compile(r"(?P<run>[0-9a-z]{1,36})\.(?P<event>[0-9]{1,9})\.(?P<index>[0-9]{1,9})")

T = TypeVar("T")


@dataclass(frozen=True, order=True)
class Place:
    """Where a progress event comes from: the history event of a run, and the index inside it."""

    run: str
    event: int
    index: int

    def __str__(self) -> str:
        return f"{self.run}.{self.event}.{self.index}"


@dataclass(frozen=True)
class NumberedEvent:
    """A progress event with its place; the place is the id that a client resumes from."""

    place: Place
    event: ProgressEvent


@dataclass
class TurnProjection:
    """Feed it a run's history events in order; it yields the progress events each of them makes.

    `follows_another`: the run is an operator's reset of one already shown, which is void now.
    """

    turn_id: str
    thread_id: str
    run_id: str
    converter: PayloadConverter
    follows_another: bool = False
    _scheduled: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    _started: dict[int, int] = field(default_factory=dict)
    _attempt: int = 0
    _waiting: bool = False
    _has_result: bool = False

    def feed(self, event: HistoryEvent) -> list[NumberedEvent]:
        run = run_tag(self.run_id)
        return [
            NumberedEvent(Place(run, event.event_id, index), made)
            for index, made in enumerate(self._project(event))
        ]

    def _project(self, event: HistoryEvent) -> Iterator[ProgressEvent]:
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                if self.follows_another:
                    yield Reset(turn_id=self.turn_id, at=_at(event), attempt=0)
                yield Accepted(turn_id=self.turn_id, at=_at(event), thread_id=self.thread_id, steps=STEPS_AHEAD)
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
                error = _error_code(failed.failure)
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
                yield End(turn_id=self.turn_id, at=_at(event))
            case kind if kind in WITHOUT_RESULT:
                if not self._has_result:
                    code = WITHOUT_RESULT[kind]
                    yield Failed(turn_id=self.turn_id, at=_at(event), code=code, message=FAILED_SENTENCE)
                yield End(turn_id=self.turn_id, at=_at(event))

    # --- steps ----------------------------------------------------------------------------------------------

    def _scheduled_step(
        self, event: HistoryEvent, scheduled: ActivityTaskScheduledEventAttributes
    ) -> Iterator[ProgressEvent]:
        activity = scheduled.activity_type.name
        self._scheduled[event.event_id] = (activity, _at(event))
        if activity in STEP_OF_ACTIVITY:
            yield self._step(activity, StepState.STARTED, at=_at(event))

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
        at = _at(event)
        attempt = self._started.get(scheduled_id)
        yield self._step(activity, state, at=at, took=at - began, attempt=attempt, error=error)
        if result is not None:
            yield from self._what_it_told(activity, result, at)

    def _local_activity(self, marker: MarkerRecordedEventAttributes) -> Iterator[ProgressEvent]:
        data = json.loads(marker.details["data"].payloads[0].data)
        activity, at = data["activity_type"], _time(data["complete_time"])
        if activity not in STEP_OF_ACTIVITY:
            return
        failed = marker.HasField("failure")
        yield self._step(
            activity,
            _failed_state(marker.failure) if failed else StepState.FINISHED,
            at=at,
            took=at - _time(data["original_schedule_time"]),
            attempt=data["attempt"],
            error=_error_code(marker.failure) if failed else None,
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
            if opened.ended_as is not None:
                yield from self._result(opened.ended_as, at)
            yield from self._waiting_changed(waiting=bool(opened.blocked_by), at=at)

    def _result(self, result: ChatTurnResult, at: datetime) -> Iterator[ProgressEvent]:
        if not self._has_result:
            self._has_result = True
            yield Result(turn_id=self.turn_id, at=at, result=result)

    def _waiting_changed(self, *, waiting: bool, at: datetime) -> Iterator[ProgressEvent]:
        if waiting is self._waiting:
            return
        self._waiting = waiting
        yield Step(
            turn_id=self.turn_id,
            at=at,
            step=StepName.WAIT,
            state=StepState.STARTED if waiting else StepState.FINISHED,
            summary="Wait for the earlier turn",
        )

    def _delta(self, event: HistoryEvent, payloads: Payloads) -> Iterator[ProgressEvent]:
        """Pieces of another run, of an attempt that was given up, or after the result are not shown."""
        try:
            delta = self._decode(payloads, ReplyDelta)
        except (ValueError, RuntimeError, IndexError):
            return  # somebody else's signal; the workflow drops it as well
        if delta.run_id != self.run_id or delta.attempt < self._attempt or self._has_result:
            return
        if 0 < self._attempt < delta.attempt:
            yield Reset(turn_id=self.turn_id, at=_at(event), attempt=delta.attempt)
        self._attempt = delta.attempt
        yield Delta(turn_id=self.turn_id, at=_at(event), attempt=delta.attempt, index=delta.index, text=delta.text)

    def _decode(self, payloads: Payloads, kind: type[T]) -> T:
        value: T = self.converter.from_payloads(payloads.payloads, [kind])[0]
        return value


def run_tag(run_id: str) -> str:
    """Eight characters of the random end of a run id: a resume from another run begins anew."""
    return run_id.replace("-", "")[-8:]


def parse_place(text: str | None) -> Place | None:
    """The place a Last-Event-ID names; none for an absent or malformed one."""
    match = PLACE.fullmatch(text or "")
    return Place(match["run"], int(match["event"]), int(match["index"])) if match else None


def _at(event: HistoryEvent) -> datetime:
    return _utc(event.event_time)


def _utc(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)


def _time(recorded: dict[str, int]) -> datetime:
    moment = datetime.fromtimestamp(recorded["seconds"], tz=UTC)
    return moment + timedelta(microseconds=recorded["nanos"] // 1000)


def _error_code(failure: Failure) -> str:
    if failure.HasField("application_failure_info"):
        return failure.application_failure_info.type or "unknown"
    return "Timeout" if failure.HasField("timeout_failure_info") else "unknown"


def _failed_state(failure: Failure) -> StepState:
    return StepState.STOPPED if failure.HasField("canceled_failure_info") else StepState.FAILED
