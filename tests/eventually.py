"""Waiting for a condition instead of for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T | None]], *, within: float = 15.0) -> T:
    """What `look` finds, as soon as it finds something; fails when it has not by then."""
    ends_at = time.monotonic() + within
    while True:
        found = await look()
        if found:
            return found
        if time.monotonic() > ends_at:
            raise AssertionError(f"nothing of the kind happened within {within} s")
        await asyncio.sleep(0.02)
