"""Server-Sent Events as an ASGI response, for streams that are quiet for long and many at a time.

Leaner than Starlette's StreamingResponse, which needs a task group to hear that the client has gone.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

log = structlog.get_logger("islanders.stream")

KEEP_ALIVE_SECONDS: Final = 15.0
RECONNECT_MILLISECONDS: Final = 1000

LONGEST_CONNECTION_SECONDS: Final = 600.0
"""A stream ends after this long and the client resumes it: no connection lives for ever."""

SEND_SECONDS: Final = 10.0
"""How long a reader may leave unread what was sent to it. Then its stream ends, and it resumes where it was."""

CLOSE_SECONDS: Final = 5.0
"""How long such a reader may take to read that its stream has ended."""

PING = b": ping\n\n"
RETRY = f"retry: {RECONNECT_MILLISECONDS}\n\n".encode()

EventBytes = AsyncGenerator[bytes | None, None]
"""Encoded events; `None` where nothing came for a while, so that the connection is kept alive."""


def encoded(event: str, id: str, data: bytes) -> bytes:
    """One event on the wire; `data` has no line breaks."""
    return f"event: {event}\nid: {id}\ndata: ".encode() + data + b"\n\n"


class EventStream(Response):
    """Ends with its events, after `longest` seconds, or when the reader has gone or does not read.

    `begins_behind`: the id a reader has in effect before the first event.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: EventBytes,
        *,
        begins_behind: str | None = None,
        longest: float = LONGEST_CONNECTION_SECONDS,
        send_seconds: float = SEND_SECONDS,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self._events = events
        self._begins_behind = begins_behind
        self._longest = longest
        self._send_seconds = send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async with asyncio.timeout(self._longest) as life:
                listening = asyncio.create_task(_end_when_gone(receive, life))
                try:
                    await self._tell(send)
                finally:
                    listening.cancel()
        except TimeoutError:
            pass  # its time is over, or nobody reads it any more
        await self._finish(send)

    async def _tell(self, send: Send) -> None:
        async with aclosing(self._events) as events:
            await self._send(send, RETRY + self._place())
            async for event in events:
                await self._send(send, PING if event is None else event)

    def _place(self) -> bytes:
        """An id without data is no event, but a browser comes back with it, also when nothing was told."""
        return b"" if self._begins_behind is None else f"id: {self._begins_behind}\n\n".encode()

    async def _send(self, send: Send, piece: bytes) -> None:
        """Raises TimeoutError when the reader leaves what was sent before unread for too long."""
        try:
            async with asyncio.timeout(self._send_seconds):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            log.info("stream_reader_too_slow")
            raise

    async def _finish(self, send: Send) -> None:
        # Without this last word the server takes the connection down, as it does when the time runs out.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _end_when_gone(receive: Receive, life: asyncio.Timeout) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # the request's body, which is empty
    if not life.expired():
        life.reschedule(0)
