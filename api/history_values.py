"""What a history says in protobuf, as plain values."""

from datetime import UTC, datetime, timedelta

from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from domain.progress import StepState


def time_of(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(tzinfo=UTC)


def recorded_time(recorded: dict[str, int]) -> datetime:
    """A time inside the data of a local activity's marker."""
    moment = datetime.fromtimestamp(recorded["seconds"], tz=UTC)
    return moment + timedelta(microseconds=recorded["nanos"] // 1000)


def error_code(failure: Failure) -> str:
    if failure.HasField("application_failure_info"):
        return failure.application_failure_info.type or "unknown"
    return "Timeout" if failure.HasField("timeout_failure_info") else "unknown"


def failed_state(failure: Failure) -> StepState:
    return StepState.STOPPED if failure.HasField("canceled_failure_info") else StepState.FAILED
