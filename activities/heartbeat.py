"""Heartbeats by the clock, so that a silent peer neither hides a dead worker nor delays a cancellation."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from temporalio import activity

EVERY_SECONDS = 0.2


@asynccontextmanager
async def heartbeating(spent: Callable[[], float] | None = None) -> AsyncIterator[None]:
    """Heartbeat at once and then five times a second while the block runs.

    `spent`: seconds of the step's budget used so far, told with every beat to the attempt that may follow.
    """

    def tell() -> None:
        activity.heartbeat(*([spent()] if spent else []))

    tell()
    beats = asyncio.create_task(_beat(tell))
    try:
        yield
    finally:
        beats.cancel()


async def _beat(tell: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        tell()
