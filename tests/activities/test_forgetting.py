"""What stop_turns does about the workflows of a thread, and which failures of memory are waited out."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import forgetting
from activities.forgetting import ForgettingActivities
from domain.conversation import RunPhase, TurnRun
from domain.errors import (
    ChatError,
    MemoryMisconfigured,
    MemoryRejected,
    MemoryUnauthorized,
    MemoryUnavailable,
    WorkflowsUnavailable,
)
from domain.forgetting import SETTLE, ForgetThreadInput, ForgottenRecord, MarkedThread, StoppedTurns, TurnToStop
from domain.names import remember_turn_workflow_id
from domain.waiting import START_GRACE

NOW = datetime.now(UTC)
INPUT = ForgetThreadInput(user_id="ada", thread_id="t")


class Record:
    """A marked thread; without turns it is not marked."""

    def __init__(self, *turns: TurnToStop, marked_at: datetime = NOW) -> None:
        self._thread = MarkedThread(marked_at=marked_at, turns=turns) if turns else None

    async def marked_thread(self, user_id: str, thread_id: str) -> MarkedThread | None:
        return self._thread

    async def turns_of(self, user_id: str, thread_id: str) -> tuple[tuple[str, str], ...]:
        return tuple((one.turn_id, one.workflow_id) for one in self._thread.turns) if self._thread else ()

    async def forget_record(self, user_id: str, thread_id: str) -> ForgottenRecord:
        return ForgottenRecord()


class Runs:
    """Temporal with these workflows running; a stubborn one does not stop when asked.

    `then_starts` names the workflow that another one starts at its end, `ends` when the broken ones ended.
    """

    def __init__(
        self,
        *running: str,
        stubborn: Iterable[str] = (),
        then_starts: dict[str, str] | None = None,
        broken: dict[str, datetime] | None = None,
    ) -> None:
        self.running = list(running)
        self.appear_after: dict[str, int] = {}
        """So many looks until the workflow is there."""
        self.asked: list[tuple[str, str]] = []
        self._stubborn = set(stubborn)
        self._then_starts = then_starts or {}
        self._broken = dict(broken or {})
        self._known = {*running, *self._broken}

    async def look(self, workflow_id: str) -> TurnRun:
        if workflow_id in self.appear_after:
            self.appear_after[workflow_id] -= 1
            if not self.appear_after[workflow_id]:
                self._start(workflow_id)
        if workflow_id in self.running:
            return TurnRun(phase=RunPhase.RUNNING)
        if workflow_id in self._broken:
            return TurnRun(phase=RunPhase.BROKEN)
        return TurnRun(phase=RunPhase.COMPLETED if workflow_id in self._known else RunPhase.UNKNOWN)

    async def stop(self, workflow_id: str) -> bool:
        self.asked.append(("stop", workflow_id))
        if workflow_id not in self._stubborn:
            self._end(workflow_id)
        return workflow_id in self._known

    async def terminate(self, workflow_id: str, reason: str) -> None:
        self.asked.append(("terminate", workflow_id))
        self._broken[workflow_id] = datetime.now(UTC)
        self._end(workflow_id)

    async def forget(self, workflow_id: str) -> None:
        self.asked.append(("forget", workflow_id))

    async def cut_off_at(self, workflow_id: str) -> datetime | None:
        return self._broken.get(workflow_id)

    def _start(self, workflow_id: str) -> None:
        self.running.append(workflow_id)
        self._known.add(workflow_id)
        self.appear_after.pop(workflow_id, None)

    def _end(self, workflow_id: str) -> None:
        self.running.remove(workflow_id)
        if workflow_id in self._then_starts:
            self._start(self._then_starts[workflow_id])


def turn(name: str, **told: object) -> TurnToStop:
    return TurnToStop(turn_id=name, workflow_id=f"run-{name}", **told)


async def stopped(record: Record, runs: Runs) -> StoppedTurns:
    return await ActivityEnvironment().run(ForgettingActivities(record, runs, None).stop_turns, INPUT)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(forgetting, "LOOK_EVERY_SECONDS", 0.01)


async def test_without_a_mark_nothing_is_stopped() -> None:
    """A thread that is not to be forgotten, or that is gone, is left alone."""
    runs = Runs("run-a")
    assert await stopped(Record(), runs) == StoppedTurns()
    assert runs.asked == []


async def test_an_idle_thread_is_quiet_at_once() -> None:
    """Ended turns are looked at and that is all."""
    runs = Runs()
    assert await stopped(Record(turn("a"), turn("b")), runs) == StoppedTurns(is_marked=True)
    assert runs.asked == []


async def test_turns_are_asked_to_stop_from_the_last(impatient: None) -> None:
    """Nobody is released into running by the one in front, and nobody is terminated who stops."""
    runs = Runs("run-a", "run-b")
    await stopped(Record(turn("a"), turn("b")), runs)
    assert runs.asked == [("stop", "run-b"), ("stop", "run-a")]


async def test_a_turn_that_does_not_stop_is_terminated(impatient: None) -> None:
    """After some patience it is ended; then there is a while to wait, for a step of it may go on."""
    runs = Runs("run-a", stubborn=["run-a"])
    quiet = await stopped(Record(turn("a")), runs)
    assert runs.asked == [("stop", "run-a"), ("terminate", "run-a")]
    assert quiet.quiet_from is not None
    assert quiet.quiet_from >= NOW + SETTLE


async def test_a_late_append_is_ended_too() -> None:
    """What goes on remembering an ended turn is stopped."""
    runs = Runs("remember-a")
    await stopped(Record(turn("a")), runs)
    assert runs.asked == [("stop", "remember-a")]


async def test_a_late_append_begun_by_the_dying_turn_is_ended_too(impatient: None) -> None:
    """It looks again until nothing runs."""
    runs = Runs("run-a", then_starts={"run-a": "remember-a"})
    await stopped(Record(turn("a")), runs)
    assert runs.asked == [("stop", "run-a"), ("stop", "remember-a")]


async def test_a_turn_on_its_way_to_temporal_is_waited_for(impatient: None) -> None:
    """Accepted before the mark and started after it: it is stopped when it appears."""
    runs = Runs()
    runs.appear_after = {"run-a": 7}
    await stopped(Record(turn("a", may_be_on_its_way=True), marked_at=datetime.now(UTC)), runs)
    assert runs.asked == [("stop", "run-a")]


async def test_a_turn_that_never_came_is_waited_for_no_longer() -> None:
    """After the grace of a start it will not come any more."""
    record = Record(turn("a", may_be_on_its_way=True), marked_at=NOW - START_GRACE)
    assert await stopped(record, Runs()) == StoppedTurns(is_marked=True)


async def test_the_quiet_counts_from_the_last_turn_that_was_cut_short() -> None:
    """Of all that were stopped, terminated or lost, by whomever; so another attempt finds the same."""
    ago = [NOW - timedelta(seconds=seconds) for seconds in range(4)]
    runs = Runs(broken={"run-b": ago[2], "remember-a": ago[1]})
    quiet = await stopped(Record(turn("a", stopped_at=ago[3]), turn("b")), runs)
    assert quiet.quiet_from == ago[1] + SETTLE
    quiet = await stopped(Record(turn("a", stopped_at=ago[0]), turn("b")), runs)
    assert quiet.quiet_from == ago[0] + SETTLE


class Failing:
    """A port whose every call fails."""

    def __init__(self, error: ChatError) -> None:
        self._error = error

    async def look(self, workflow_id: str) -> TurnRun:
        raise self._error

    async def forget(self, thread_id: str, *, budget: float) -> None:
        raise self._error


async def test_an_outage_of_temporal_is_tried_again() -> None:
    """The step fails typed, and may be repeated."""
    with pytest.raises(ApplicationError) as failure:
        await stopped(Record(turn("a")), Failing(WorkflowsUnavailable()))
    assert (failure.value.type, failure.value.non_retryable) == ("WorkflowsUnavailable", False)


@pytest.mark.parametrize(
    "error",
    [
        MemoryUnavailable(status=503),
        MemoryUnauthorized(status=401),
        MemoryMisconfigured(status=404),
        MemoryRejected(status=400),
    ],
)
async def test_whatever_memory_answers_is_waited_out(error: ChatError) -> None:
    """A thread is not left half forgotten because Zep, or a proxy before it, refuses once."""
    environment = ActivityEnvironment()
    forget = ForgettingActivities(None, None, Failing(error)).forget_memory
    with pytest.raises(ApplicationError) as failure:
        await environment.run(forget, INPUT)
    assert (failure.value.type, failure.value.non_retryable) == (type(error).__name__, False)


async def test_temporal_forgets_what_was_said_too() -> None:
    """Its histories hold the texts: every turn's workflow is deleted, and the late append's."""
    runs = Runs()
    forget = ForgettingActivities(Record(turn("a"), turn("b")), runs, None).forget_record
    await ActivityEnvironment().run(forget, INPUT)
    expected = ["run-a", remember_turn_workflow_id("a"), "run-b", remember_turn_workflow_id("b")]
    assert runs.asked == [("forget", workflow_id) for workflow_id in expected]
