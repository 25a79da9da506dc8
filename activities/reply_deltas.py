"""A reply as it is written: its pieces are signalled to the turn's own workflow while the model goes on.

Every signal is an event of the turn's history, so they are spaced: what is written between two of them goes
with the next.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio import activity
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import TurnOver, WorkflowsUnavailable
from domain.names import REPLY_DELTA
from domain.reply import ReplyDelta

SHORTEST_INTERVAL = 0.2
LONGEST_INTERVAL = 2.0
INTERVAL_PER_REPLY = 0.02
"""Seconds. However many replies a worker writes, it sends about 50 signals a second; one alone sends five."""

MOST_DELTAS = 300
"""For one reply; the last one carries all the rest."""

SIGNAL_TIMEOUT = timedelta(seconds=2)
LAST_SIGNAL_SECONDS = 0.2
"""How long a signal that is under way is waited for when the reply is given up."""

SendDelta = Callable[[ReplyDelta], Awaitable[None]]


class SignalPace:
    """How often a reply may be told of, by the number of replies that this worker writes."""

    def __init__(self) -> None:
        self._replies = 0

    @property
    def interval(self) -> float:
        """Seconds from one signal of a reply to its next."""
        return min(max(INTERVAL_PER_REPLY * self._replies, SHORTEST_INTERVAL), LONGEST_INTERVAL)

    @contextmanager
    def one_more_reply(self) -> Iterator[None]:
        self._replies += 1
        try:
            yield
        finally:
            self._replies -= 1


class DeltaWriter:
    """Writes one reply of one attempt. What it has sent, in order, is exactly the text that it returns.

    So the whitespace around the text is never sent: what leads is dropped, what trails waits for a visible
    character to follow it.
    """

    def __init__(self, send: SendDelta, pace: SignalPace, *, run_id: str, attempt: int, model: str = "") -> None:
        self._send = send
        self._pace = pace
        self._run_id = run_id
        self._attempt = attempt
        self._model = model
        self._text = ""
        self._sent_characters = 0
        self._sent_deltas = 0
        self._more = asyncio.Event()
        self._complete = asyncio.Event()

    async def write(self, pieces: AsyncIterator[str]) -> str:
        """Read to the end and send as it goes; everything is sent when this returns.

        Raises what the pieces or `send` raise. A signal that is under way then, or when this is cancelled, is
        waited for, so that it does not reach the workflow after the failure of the activity.
        """
        with self._pace.one_more_reply():
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._send_when_due())
                    async for piece in pieces:
                        self._text = (self._text + piece).lstrip()
                        self._more.set()
                    self._complete.set()
                    self._more.set()
            except ExceptionGroup as failures:
                raise failures.exceptions[0] from None
        return self._text.rstrip()

    async def _send_when_due(self) -> None:
        while piece := await self._next_piece():
            delta = ReplyDelta(
                run_id=self._run_id,
                attempt=self._attempt,
                index=self._sent_deltas,
                text=piece,
                model=self._model,
            )
            await _to_its_end(self._send(delta))
            self._sent_characters += len(piece)
            self._sent_deltas += 1
            await self._interval()

    async def _next_piece(self) -> str:
        """What is not sent yet, as soon as there is something; empty when all is sent."""
        while not (piece := self._unsent()) and not self._complete.is_set():
            self._more.clear()
            await self._more.wait()
        return piece

    def _unsent(self) -> str:
        return self._text.rstrip()[self._sent_characters :]

    async def _interval(self) -> None:
        """Until the next piece may go out; a complete reply does not wait."""
        only_the_last_left = self._sent_deltas == MOST_DELTAS - 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if only_the_last_left else self._pace.interval):
                await self._complete.wait()


async def signal_own_workflow(delta: ReplyDelta) -> None:
    """To the very run this activity belongs to. Raises TurnOver, WorkflowsUnavailable."""
    info = activity.info()
    turn = activity.client().get_workflow_handle(info.workflow_id or "", run_id=delta.run_id)
    try:
        # The timeout of a call is one of its tries; the worker's client tries for ten seconds.
        async with asyncio.timeout(SIGNAL_TIMEOUT.total_seconds()):
            await turn.signal(REPLY_DELTA, delta, rpc_timeout=SIGNAL_TIMEOUT)
    except TimeoutError as error:
        raise WorkflowsUnavailable from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise TurnOver from error
        raise WorkflowsUnavailable from error


async def _to_its_end(sending: Awaitable[None]) -> None:
    """Await, and when cancelled meanwhile give it a moment to arrive: a signal half sent may do so any time."""
    task = asyncio.ensure_future(sending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=LAST_SIGNAL_SECONDS)
        task.cancel()
        # Its failure is of no interest any more, but unread it would be logged.
        await asyncio.gather(task, return_exceptions=True)
        raise
