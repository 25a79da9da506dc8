"""When a turn behind another loses patience."""

from datetime import datetime, timedelta

from domain.conversation import Blocker

PATIENCE = timedelta(minutes=2)
"""A turn in front that makes no progress for this long is ended and taken over."""

START_GRACE = timedelta(seconds=10)
"""A turn whose row is younger may still be on its way to Temporal; the API gives a start up sooner."""

LONGEST_GAP = timedelta(seconds=20)
"""Looks further apart than this mean that nobody ran at all: the wait starts anew."""


class StalledTurns:
    """Remembers since when each turn in front has not moved."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, datetime]] = {}
        self._last_look: datetime | None = None

    def observe(self, blockers: tuple[Blocker, ...], now: datetime) -> tuple[str, ...]:
        """The turns to give up on, of those that are in front at `now`.

        A long gap since the last look is an outage of the workers and not the fault of the turn in front,
        which may be about to go on.
        """
        if self._last_look is None or now - self._last_look > LONGEST_GAP:
            self._seen = {}
        self._last_look = now
        self._seen = {blocker.turn_id: self._since(blocker, now) for blocker in blockers}
        return tuple(turn_id for turn_id, (_, since) in self._seen.items() if now - since >= PATIENCE)

    def _since(self, blocker: Blocker, now: datetime) -> tuple[int, datetime]:
        progress, since = self._seen.get(blocker.turn_id, (blocker.progress, now))
        return (progress, since) if progress == blocker.progress else (blocker.progress, now)
