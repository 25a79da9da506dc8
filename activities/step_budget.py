"""How long this attempt of a step may take."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from temporalio import activity

from domain.errors import ChatError

MARGIN_SECONDS = 0.1
"""Kept back so that the activity answers before Temporal declares it timed out."""

USEFUL_SECONDS = 0.1
"""Less than this is not worth another try."""


@dataclass(frozen=True)
class StepBudget:
    """Seconds for the calls of this attempt, and the moment (monotonic) at which they are spent."""

    seconds: float
    _ends_at: float
    _spent_before: float = 0.0
    _began_at: float = field(default_factory=time.monotonic)
    _useful: float = USEFUL_SECONDS

    @classmethod
    def of_one_try(cls) -> "StepBudget":
        """The whole start-to-close timeout, for a step whose tries do not share it."""
        return cls._lasting(_whole())

    @classmethod
    def of_this_attempt(cls, *, useful: float = USEFUL_SECONDS) -> "StepBudget":
        """What is left of the step's start-to-close timeout, which all its attempts share.

        A step that heartbeats what it has spent knows it exactly. For any other, an attempt that follows a dead
        worker has the whole budget again: the timeout that told of the death has passed in full. So has one
        whose first try had waited for a worker, since that time counts as used from here; the retry policy
        bounds how often. `useful`: with less left than that, in seconds, no other try is worth it.
        """
        info, whole = activity.info(), _whole()
        if info.heartbeat_timeout is not None:
            used = float(info.heartbeat_details[0]) if info.heartbeat_details else 0.0
            return cls._lasting(whole - used, spent_before=used, useful=useful)
        used = (datetime.now(UTC) - info.scheduled_time).total_seconds() if info.attempt > 1 else 0.0
        return cls._lasting(whole - used if 0 <= used < whole else whole, useful=useful)

    @classmethod
    def _lasting(
        cls, seconds: float, *, spent_before: float = 0.0, useful: float = USEFUL_SECONDS
    ) -> "StepBudget":
        now, lasts = time.monotonic(), max(seconds - MARGIN_SECONDS, 0.0)
        return cls(lasts, now + lasts, spent_before, now, useful)

    def spent(self) -> float:
        """Seconds that this attempt and those before it have used of the step's budget."""
        return self._spent_before + time.monotonic() - self._began_at

    @asynccontextmanager
    async def enforced(self, too_late: type[ChatError]) -> AsyncIterator[None]:
        """End the block with `too_late` when its time is over, whatever it waits for."""
        try:
            async with asyncio.timeout(self.seconds):
                yield
        except TimeoutError:
            raise too_late from None

    def allows_a_pause_of(self, seconds: float) -> bool:
        """Whether another try after such a pause, or after Temporal's own, would still have useful time."""
        return self._ends_at - time.monotonic() - max(seconds, _next_pause()) >= self._useful


def _next_pause() -> float:
    """Seconds that Temporal waits before the next attempt by itself."""
    info = activity.info()
    policy = info.retry_policy
    if policy is None:
        return 0.0
    return policy.initial_interval.total_seconds() * policy.backoff_coefficient ** (info.attempt - 1)


def _whole() -> float:
    timeout = activity.info().start_to_close_timeout
    if timeout is None:
        raise ValueError("a step with a budget needs a start_to_close_timeout")
    return timeout.total_seconds()
