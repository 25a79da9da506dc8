"""Which threads have new turns: one poller for all watched threads of this process.

A turn may be accepted by any process, so the database is asked. What this process accepts itself is told at once.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from adapters.thread_reading import ThreadNumber, ThreadReading
from api.wake_up import WakeUp, happens
from domain.errors import StorageUnavailable

log = structlog.get_logger("islanders.watch")

POLL_SECONDS: Final = 0.5


class WatchedThread:
    """A thread as the last look had it. `is_gone`: it is being deleted, or was deleted and maybe begun anew."""

    def __init__(self) -> None:
        self.user_id: str | None = None
        self.is_gone = False
        self.watchers = 0
        self.news = WakeUp()
        self._last_seen: ThreadNumber | None = None

    def see(self, seen: ThreadNumber | None) -> None:
        if seen is None and self._last_seen is None:
            return  # nobody has begun it yet
        if seen is None or seen.is_forgotten or self._is_begun_anew(seen):
            self.is_gone = True
        elif seen == self._last_seen:
            return
        else:
            self.user_id, self._last_seen = seen.user_id, seen
        self.news.everybody()

    def _is_begun_anew(self, seen: ThreadNumber) -> bool:
        """Numbers only grow: fewer than before belong to another thread under the same id."""
        return self._last_seen is not None and seen.last_number < self._last_seen.last_number


class ThreadWatch:
    """Asks as long as somebody watches. A database that is away is asked again; nobody is told."""

    def __init__(self, reading: ThreadReading) -> None:
        self._reading = reading
        self._threads: dict[str, WatchedThread] = {}
        self._nudged: set[str] = set()
        self._nudges = WakeUp()
        self._polling: asyncio.Task[None] | None = None
        self.is_closed = False

    @contextmanager
    def watching(self, thread_id: str) -> Iterator[WatchedThread]:
        thread = self._threads.setdefault(thread_id, WatchedThread())
        thread.watchers += 1
        self.nudge(thread_id)
        if self._polling is None and not self.is_closed:
            self._polling = asyncio.create_task(self._poll())
        try:
            yield thread
        finally:
            thread.watchers -= 1
            if not thread.watchers and self._threads.get(thread_id) is thread:
                del self._threads[thread_id]

    def nudge(self, thread_id: str) -> None:
        """Look at this thread now: something was accepted here."""
        if thread_id in self._threads:
            self._nudged.add(thread_id)
            self._nudges.everybody()

    def close(self) -> None:
        """Let every watcher go: the server stops."""
        self.is_closed = True
        if self._polling is not None:
            self._polling.cancel()
        for thread in self._threads.values():
            thread.news.everybody()

    # --- the poller -----------------------------------------------------------------------------------------

    async def _poll(self) -> None:
        clock = asyncio.get_running_loop().time
        next_round = clock()
        while self._threads:
            nudges = self._nudges.next
            if clock() >= next_round:
                await self._look_at(set(self._threads))
                next_round = clock() + POLL_SECONDS
            elif self._nudged:
                await self._look_at(self._nudged)
            else:
                await happens(nudges, within=next_round - clock())
        self._polling = None

    async def _look_at(self, thread_ids: set[str]) -> None:
        self._nudged = set()
        try:
            numbers = await self._reading.numbers_of(sorted(thread_ids & self._threads.keys()))
        except StorageUnavailable as error:
            log.info("watch_waits_for_the_database", error=str(error))
            await asyncio.sleep(POLL_SECONDS)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, no watcher shall hang because nobody looks
            log.warning("watch_failed", error=type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)
            return
        for thread_id in thread_ids:
            thread = self._threads.get(thread_id)
            if thread is not None:
                thread.see(numbers.get(thread_id))
                if thread.is_gone:  # whoever comes now begins anew
                    del self._threads[thread_id]
