"""What open_turn does about the turns in front."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.turns import TurnActivities
from domain.conversation import Blocker, NewTurn, OpenedTurn, OpenTurnInput, RunPhase, TurnRun
from domain.thread import ThreadState
from domain.turn import OnBusy, Versions
from domain.waiting import START_GRACE

NOW = datetime.now(UTC)


class Record:
    """A thread with one earlier turn, open until it is failed."""

    def __init__(self, *, accepted_at: datetime = NOW, has_started: bool = True) -> None:
        self.failed: dict[str, str] = {}
        self._blocker = Blocker(turn_id="a", workflow_id="run-a", accepted_at=accepted_at, has_started=has_started)

    async def open_turn(self, turn: NewTurn, *, recent_messages: int = 0) -> OpenedTurn:
        blocked_by = () if self.failed else (self._blocker,)
        return OpenedTurn(seq=2, started_at=NOW, state=ThreadState(), blocked_by=blocked_by)

    async def fail_turn(self, turn_id: str, error_code: str) -> None:
        self.failed[turn_id] = error_code


class Runs:
    def __init__(self, run: TurnRun) -> None:
        self._run = run
        self.asked: list[str] = []

    async def look(self, workflow_id: str) -> TurnRun:
        return self._run

    async def stop(self, workflow_id: str) -> bool:
        self.asked.append("stop")
        return True

    async def terminate(self, workflow_id: str, reason: str) -> None:
        self.asked.append("terminate")


async def opened(record: Record, runs: Runs, *, on_busy=OnBusy.ENQUEUE, give_up_on=()) -> OpenedTurn:
    turn = NewTurn(
        turn_id="b", thread_id="t", client_msg_id="b", user_id="u", message="hi", workflow_id="w", on_busy=on_busy
    )
    activities = TurnActivities(record, runs, Versions(build_id="x", config="y"))
    return await ActivityEnvironment().run(activities.open_turn, OpenTurnInput(turn=turn, give_up_on=give_up_on))


async def test_a_running_turn_in_front_is_waited_for() -> None:
    """It is left alone, and its progress is told."""
    record, runs = Record(), Runs(TurnRun(phase=RunPhase.RUNNING, progress=41))
    assert [blocker.progress for blocker in (await opened(record, runs)).blocked_by] == [41]
    assert (record.failed, runs.asked) == ({}, [])


async def test_a_stalled_turn_is_terminated_and_taken_over() -> None:
    """Given up on, the turn in front is ended in Temporal and in the record, and the way is free."""
    record, runs = Record(), Runs(TurnRun(phase=RunPhase.RUNNING))
    assert (await opened(record, runs, give_up_on=("a",))).blocked_by == ()
    assert (record.failed, runs.asked) == ({"a": "turn_terminated"}, ["terminate"])


async def test_an_interrupting_turn_asks_the_one_in_front_to_stop() -> None:
    """It is asked, and still waited for."""
    record, runs = Record(), Runs(TurnRun(phase=RunPhase.RUNNING))
    assert (await opened(record, runs, on_busy=OnBusy.INTERRUPT)).blocked_by
    assert runs.asked == ["stop"]


@pytest.mark.parametrize(
    ("phase", "has_started", "code"),
    [
        (RunPhase.BROKEN, True, "turn_timed_out"),
        (RunPhase.COMPLETED, True, "turn_timed_out"),
        (RunPhase.UNKNOWN, True, "turn_timed_out"),
        (RunPhase.UNKNOWN, False, "turn_not_started"),
    ],
)
async def test_a_turn_that_runs_no_more_is_taken_over(phase: RunPhase, has_started: bool, code: str) -> None:
    """Its record is closed with the reason, and the way is free."""
    record = Record(accepted_at=NOW - 2 * START_GRACE, has_started=has_started)
    runs = Runs(TurnRun(phase=phase, error_code="turn_timed_out"))
    assert (await opened(record, runs)).blocked_by == ()
    assert record.failed == {"a": code}


async def test_a_turn_on_its_way_to_temporal_is_not_passed_by() -> None:
    """A row of a moment ago whose workflow is not there yet holds its place."""
    record = Record(accepted_at=datetime.now(UTC) - timedelta(seconds=1), has_started=False)
    assert (await opened(record, Runs(TurnRun(phase=RunPhase.UNKNOWN)))).blocked_by
    assert record.failed == {}
