"""Tails of turn histories: one per turn and process, shared by every watcher of that turn.

A tail needs no worker and leaves nothing in the history. It keeps what it projected, so a late watcher reads
from memory. It survives outages of Temporal by reading again and going on behind the last event it knew.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final

import structlog
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.history_projection import TurnProjection
from api.numbering import NumberedEvent, Place, run_tag
from api.story_from_database import FROM_DATABASE, story_of
from api.wake_up import WakeUp, happens
from domain.conversation import TurnRecord
from domain.errors import ChatError, NotFound, TooManyWatchers
from domain.names import TURN_LOST
from domain.progress import End
from domain.turn import TurnStatus

log = structlog.get_logger("islanders.tail")

MAX_OPEN_TAILS: Final = 800
"""The server limits long polls per namespace; 1,300 were refused (measured)."""

MAX_ENDED_TAILS: Final = 200
POLL_TIMEOUT: Final = timedelta(seconds=30)
DESCRIBE_TIMEOUT: Final = timedelta(seconds=2)
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 2.0

WORKFLOW_TASK_EVENTS = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    }
)

ReadTurn = Callable[[], Awaitable[TurnRecord]]
Watching = AsyncGenerator[NumberedEvent | None, None]
"""Events as they come. `None` tells that nothing came for as long as the watcher is patient."""

TailKey = tuple[str, int, datetime]


class TurnTail:
    """Follows one turn to its end, through resets of its workflow."""

    def __init__(self, client: Client, turn: TurnRecord, read_turn: ReadTurn) -> None:
        self._client = client
        self.turn = turn
        self._read_turn = read_turn
        self._events: list[NumberedEvent] = []
        self._runs: list[str] = []
        self._news = WakeUp()
        self._last_event_id = 0
        self.ended = False
        self.watchers = 0
        self._following = asyncio.create_task(self._follow())

    async def events(self, after: Place | None, *, patience: float) -> Watching:
        """The events behind `after`, then live ones.

        A place in a run this turn does not have begins anew: rather twice than not at all.
        """
        position = 0
        while True:
            news = self._news.next
            while position < len(self._events):
                numbered = self._events[position]
                position += 1
                if not self._was_seen(numbered.place, after):
                    yield numbered
            if self.ended:
                return
            if not await happens(news, within=patience):
                yield None

    def close(self) -> None:
        """Stop following and let the watchers go; they are told to come back."""
        self._following.cancel()
        self.ended = True
        self._news.everybody()

    def _was_seen(self, place: Place, after: Place | None) -> bool:
        if after is None or after.run not in self._runs:
            return False
        before, now = self._runs.index(after.run), self._runs.index(place.run)
        return (now, place.event, place.index) <= (before, after.event, after.index)

    # --- following ------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Read until the turn has ended, however often Temporal goes away meanwhile."""
        pause = SHORTEST_PAUSE
        while not self.ended:
            known = len(self._events)
            try:
                await self._read_on()
            except (RPCError, RuntimeError, TimeoutError, ChatError) as error:
                log.info("tail_waits_for_a_server", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - whatever it is, no watcher shall hang because nobody reads
                log.warning("tail_failed", error=type(error).__name__)
            if not self.ended:
                pause = SHORTEST_PAUSE if len(self._events) > known else min(pause * 2, LONGEST_PAUSE)
                await asyncio.sleep(pause)

    async def _read_on(self) -> None:
        try:
            await self._follow_run(await self._current_run())
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        else:
            return
        await self._tell_from_the_database()

    async def _current_run(self) -> str:
        handle = self._client.get_workflow_handle(self.turn.workflow_id)
        async with asyncio.timeout(2 * DESCRIBE_TIMEOUT.total_seconds()):  # a first connect may hang for ever
            return (await handle.describe(rpc_timeout=DESCRIBE_TIMEOUT)).run_id

    async def _follow_run(self, run_id: str) -> None:
        if run_tag(run_id) not in self._runs:
            self._begin_run(run_id)
        handle = self._client.get_workflow_handle(self.turn.workflow_id, run_id=run_id)
        async for event in handle.fetch_history_events(wait_new_event=True, rpc_timeout=POLL_TIMEOUT):
            # Transient workflow-task events repeat ids, so they must not count as seen.
            if event.event_type in WORKFLOW_TASK_EVENTS or event.event_id <= self._last_event_id:
                continue
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED and (
                await self._current_run() != run_id
            ):
                return  # an operator's reset: the next round follows the new run
            self._last_event_id = event.event_id  # before: an event that cannot be told is passed over, once
            numbered = self._projection.feed(event)
            self._tell(numbered)

    def _begin_run(self, run_id: str) -> None:
        self._projection = TurnProjection(
            turn_id=self.turn.turn_id,
            thread_id=self.turn.thread_id,
            run_id=run_id,
            converter=self._client.data_converter.payload_converter,
            number=self.turn.seq,
        )
        self._runs.append(run_tag(run_id))
        self._last_event_id = 0

    async def _tell_from_the_database(self) -> None:
        """Temporal does not know the turn: not yet, or not any more. The record has the outcome then."""
        try:
            turn = await self._read_turn()
        except NotFound:  # deleted with its thread: nobody knows how it ended
            turn = self.turn.model_copy(update={"status": TurnStatus.FAILED, "error_code": TURN_LOST})
        if not turn.status.is_final:
            return
        self._runs.append(FROM_DATABASE)
        self._tell(story_of(turn, told=[numbered.event for numbered in self._events]))

    def _tell(self, numbered: list[NumberedEvent]) -> None:
        self._events.extend(numbered)
        self.ended = any(isinstance(one.event, End) for one in numbered)
        if numbered:
            self._news.everybody()


class HistoryTails:
    """All tails of this process."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._tails: OrderedDict[TailKey, TurnTail] = OrderedDict()
        self._closed = False

    def watch(
        self, turn: TurnRecord, read_turn: ReadTurn, *, after: Place | None = None, patience: float
    ) -> Watching:
        """The turn's events. The tail is shared, and kept for a while after the end for late watchers.

        Raises:
            TooManyWatchers: this process tails as many open turns as it may. Raised here and not while
                streaming, when an answer has begun already.
        """
        if _key(turn) not in self._tails and self.are_full:
            raise TooManyWatchers
        return self._watching(turn, read_turn, after, patience)

    def followed(self, turn_id: str) -> TurnRecord | None:
        """The turn, if it is being followed here at the moment."""
        open_tails = (tail for (known, _, _), tail in self._tails.items() if known == turn_id and not tail.ended)
        return next((tail.turn for tail in open_tails), None)

    @property
    def are_full(self) -> bool:
        """Whether this process tails as many open turns as it may."""
        return sum(not tail.ended for tail in self._tails.values()) >= MAX_OPEN_TAILS

    async def _watching(
        self, turn: TurnRecord, read_turn: ReadTurn, after: Place | None, patience: float
    ) -> Watching:
        if self._closed:
            return
        tail = self._tail_of(turn, read_turn)
        tail.watchers += 1
        try:
            async with aclosing(tail.events(after, patience=patience)) as events:
                async for numbered in events:
                    yield numbered
        finally:
            tail.watchers -= 1
            self._forget_unused(turn)

    def close(self) -> None:
        """Let every watcher go and take no more: the server stops."""
        self._closed = True
        for tail in self._tails.values():
            tail.close()

    def _tail_of(self, turn: TurnRecord, read_turn: ReadTurn) -> TurnTail:
        tail = self._tails.get(_key(turn))
        if tail is None:
            tail = self._tails[_key(turn)] = TurnTail(self._client, turn, read_turn)
        self._tails.move_to_end(_key(turn))
        return tail

    def _forget_unused(self, turn: TurnRecord) -> None:
        """An open tail goes with its last watcher; of the ended ones the latest are kept."""
        tail = self._tails.get(_key(turn))
        if tail is not None and not tail.ended and tail.watchers == 0:
            self._tails.pop(_key(turn)).close()
        unused = [key for key, known in self._tails.items() if known.ended and known.watchers == 0]
        for key in unused[: max(0, len(unused) - MAX_ENDED_TAILS)]:
            del self._tails[key]


def _key(turn: TurnRecord) -> TailKey:
    """A turn that never started and is sent again gets another number: what was told of it is void.

    In a thread that was deleted and begun anew it may have the same one, but not the same time.
    """
    return turn.turn_id, turn.seq, turn.accepted_at
