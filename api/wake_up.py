"""Waking everybody who waits for a change, and waiting for it no longer than one wants."""

import asyncio


class WakeUp:
    """One change after another. Who takes `next` before looking at what may have changed misses nothing."""

    def __init__(self) -> None:
        self.next = asyncio.Event()

    def everybody(self) -> None:
        changed, self.next = self.next, asyncio.Event()
        changed.set()


async def happens(event: asyncio.Event, *, within: float) -> bool:
    """Whether it was set within so many seconds. Makes no task: a thousand streams wait here at a time."""
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return False
    return True
