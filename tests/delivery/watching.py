"""Watchers of a turn's stream that remember the very bytes they were sent."""

import asyncio
from contextlib import suppress
from typing import Any

import httpx

from devstack.sse import ServerSentEvent, SSEParser
from domain.progress import PROGRESS_EVENT, ProgressEvent

PAUSE_SECONDS = 0.05
"""Before a reconnect, as the server's `retry:` asks of a browser."""


class Watcher:
    """Reads `path` until it ends or the connection breaks; `resume` goes on behind the last event."""

    def __init__(self, http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
        self._http = http
        self._path = path
        self._headers = headers
        self._arrived = asyncio.Condition()
        self.events: list[ServerSentEvent] = []
        self.wire = b""

    @property
    def progress(self) -> list[dict[str, Any]]:
        return [PROGRESS_EVENT.validate_json(event.data).model_dump(mode="json") for event in self.events]

    @property
    def last(self) -> ProgressEvent:
        return PROGRESS_EVENT.validate_json(self.events[-1].data)

    @property
    def ended(self) -> bool:
        return bool(self.events) and self.events[-1].event == "end"

    async def read(self, *, after: str | None = None) -> None:
        """Until the stream ends, however it does."""
        headers = self._headers | ({"Last-Event-ID": after} if after else {})
        parser = SSEParser()
        with suppress(httpx.TransportError):
            async with self._http.stream("GET", self._path, headers=headers) as answer:
                async for piece in answer.aiter_bytes():
                    if answer.is_success:
                        await self._take(piece, parser)

    async def resume(self) -> None:
        """Come back until the turn has ended, as a browser does."""
        while not self.ended:
            await self.read(after=self.events[-1].id if self.events else None)
            await asyncio.sleep(PAUSE_SECONDS)

    async def until(self, kind: str, count: int) -> None:
        """That many events of the kind have arrived."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: sum(event.event == kind for event in self.events) >= count)

    async def _take(self, piece: bytes, parser: SSEParser) -> None:
        async with self._arrived:
            self.events += parser.feed(piece)
            self.wire += piece
            self._arrived.notify_all()


def events_on_wire(wire: bytes) -> bytes:
    """The bytes of the events alone: pings and the pause before a reconnect come as they come."""
    blocks = wire.split(b"\n\n")
    return b"\n\n".join(block for block in blocks if block.startswith(b"event:"))


def behind(wire: bytes, event_id: str) -> bytes:
    """What was sent after this event."""
    blocks = events_on_wire(wire).split(b"\n\n")
    place = next(number for number, block in enumerate(blocks) if f"\nid: {event_id}\n".encode() in block)
    return b"\n\n".join(blocks[place + 1 :])
