"""The live feed of one thread for one watcher: its turns one after another, each to its outcome.

A watcher that comes back names the last `seq` it has; what is told then begins behind it.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from adapters.thread_reading import ThreadReading
from api.frame_projection import frames_of
from api.frames import TurnFrame
from api.history_tail import HistoryTails
from api.numbering import NumberedEvent, first_turn_behind
from api.thread_watch import ThreadWatch, WatchedThread
from api.wake_up import happens
from domain.conversation import TurnRecord
from domain.errors import NotFound, StorageUnavailable, ThreadBeingForgotten

RETRY_SECONDS: Final = 0.5
"""How long the feed lets a database be that did not answer."""

ReadTurn = Callable[[TurnRecord], Awaitable[TurnRecord]]


@dataclass(frozen=True)
class Told:
    """One progress event of a turn of the thread."""

    turn: TurnRecord
    numbered: NumberedEvent

    @property
    def seq(self) -> int:
        """Of the last of its frames: who has it has the event."""
        return self.numbered.last_seq

    @property
    def frames(self) -> tuple[TurnFrame, ...]:
        return frames_of(self.turn, self.numbered)


Telling = AsyncGenerator[Told | None, None]
"""Events as they come. `None` tells that nothing came for as long as the watcher is patient."""


class ThreadFeeds:
    """All feeds of this process."""

    def __init__(self, reading: ThreadReading, tails: HistoryTails, watch: ThreadWatch) -> None:
        self._reading = reading
        self._tails = tails
        self._watch = watch

    async def follow(
        self, thread_id: str, user_id: str, read_turn: ReadTurn, *, after: int, patience: float
    ) -> Telling:
        """What comes behind `after`. Ends when the server stops.

        A thread that does not exist yet is waited for. Steps after a turn's outcome are not told.

        Raises:
            NotFound: the thread is somebody else's, as it turns out.
            ThreadBeingForgotten: it is being deleted.
            TooManyWatchers: this process follows as many open turns as it may.
        """
        number = first_turn_behind(after)
        with self._watch.watching(thread_id) as thread:
            while not self._watch.is_closed:
                news = thread.news.next
                _refuse_gone(thread, user_id)
                try:
                    turn = await self._reading.next_turn(thread_id, number)
                except StorageUnavailable:
                    await asyncio.sleep(RETRY_SECONDS)
                    yield None
                    continue
                if turn is None:
                    if not await happens(news, within=patience):
                        yield None
                    continue
                if turn.user_id != user_id:
                    raise NotFound
                async with aclosing(self._turn(turn, read_turn, patience)) as events:
                    async for numbered in events:
                        if numbered is None:
                            _refuse_gone(thread, user_id)
                            yield None
                        elif numbered.last_seq > after:
                            yield Told(turn, numbered)
                number = turn.seq + 1

    async def _turn(
        self, turn: TurnRecord, read_turn: ReadTurn, patience: float
    ) -> AsyncGenerator[NumberedEvent | None, None]:
        """The turn's events to its outcome, or until it turns out to have moved to a later place."""
        watching = self._tails.watch(turn, lambda: read_turn(turn), patience=patience)
        async with aclosing(watching) as events:
            async for numbered in events:
                # It was given up as never started, and started after all: under a new number, told in its turn.
                if numbered is not None and numbered.number != turn.seq:
                    return
                yield numbered
                if numbered is not None and numbered.is_outcome:
                    return


def _refuse_gone(thread: WatchedThread, user_id: str) -> None:
    if thread.is_gone:
        raise ThreadBeingForgotten
    if thread.user_id not in (None, user_id):
        raise NotFound
