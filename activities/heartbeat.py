"""Heartbeats by the clock, so that a silent peer neither hides a dead worker nor delays a cancellation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

EVERY_SECONDS = 0.2


@asynccontextmanager
async def heartbeating() -> AsyncIterator[None]:
    """Heartbeat at once and then five times a second while the block runs."""
    activity.heartbeat()
    beats = asyncio.create_task(_beat())
    try:
        yield
    finally:
        beats.cancel()


async def _beat() -> None:
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        activity.heartbeat()
