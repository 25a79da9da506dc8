"""When a turn gives up on the one in front."""

from datetime import UTC, datetime, timedelta

from domain.conversation import Blocker
from domain.waiting import LONGEST_GAP, PATIENCE, StalledTurns

START = datetime(2026, 1, 1, tzinfo=UTC)
SLICE = timedelta(seconds=5)


def blocker(progress: int) -> Blocker:
    return Blocker(turn_id="a", workflow_id="w", accepted_at=START, has_started=True, progress=progress)


def looks(progresses: list[int], every: timedelta = SLICE) -> list[tuple[str, ...]]:
    stalled = StalledTurns()
    return [stalled.observe((blocker(p),), START + every * number) for number, p in enumerate(progresses)]


def test_a_turn_without_progress_is_given_up_after_the_patience() -> None:
    """It is named at the first look two minutes after it last moved, and not before."""
    answers = looks([7] * 30)
    first = next(number for number, answer in enumerate(answers) if answer)
    assert SLICE * first == PATIENCE


def test_progress_renews_the_patience() -> None:
    """A turn that moves, however slowly, is never given up."""
    assert not any(looks(list(range(60))))


def test_time_without_a_worker_does_not_count() -> None:
    """After a gap between looks the wait starts anew: nobody could have moved."""
    stalled = StalledTurns()
    stalled.observe((blocker(7),), START)
    assert stalled.observe((blocker(7),), START + PATIENCE + LONGEST_GAP) == ()
