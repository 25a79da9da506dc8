"""How a stream of Server-Sent Events lives and ends, whatever it tells."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from api import event_stream
from api.event_stream import PING, RETRY, EventStream, encoded


class Reader:
    """The other side of an ASGI response: what was sent, and the moment it goes or stops reading."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.has_gone = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()

    async def receive(self) -> dict[str, Any]:
        await self.has_gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def was_ended(self) -> bool:
        return self.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


class Events:
    """Tells what it is given, then is quiet for ever; knows when it was let go."""

    def __init__(self, *pieces: bytes | None) -> None:
        self._pieces = pieces
        self.was_closed = False
        self.is_quiet = asyncio.Event()

    async def all(self) -> AsyncGenerator[bytes | None, None]:
        try:
            for piece in self._pieces:
                yield piece
            self.is_quiet.set()
            await asyncio.Event().wait()
        finally:
            self.was_closed = True


async def test_a_stream_says_when_to_come_back_and_that_it_is_alive() -> None:
    """First the pause before a reconnect, then the events, and a comment where nothing came for a while."""
    reader, events = Reader(), Events(encoded("step", "1", b"{}"), None)
    await EventStream(events.all(), longest=0.05)({}, reader.receive, reader.send)
    assert reader.body == RETRY + b"event: step\nid: 1\ndata: {}\n\n" + PING
    assert (b"content-type", b"text/event-stream; charset=utf-8") in reader.sent[0]["headers"]


async def test_a_quiet_stream_ends_when_its_time_is_over() -> None:
    """Cleanly, though nothing comes that it could notice the time by."""
    reader, events = Reader(), Events()
    await EventStream(events.all(), longest=0.05)({}, reader.receive, reader.send)
    assert reader.was_ended
    assert events.was_closed


async def test_a_reader_that_goes_is_let_go_at_once() -> None:
    """Also while the stream is quiet: whatever it held is free."""
    reader, events = Reader(), Events()
    serving = asyncio.create_task(EventStream(events.all())({}, reader.receive, reader.send))
    await events.is_quiet.wait()
    reader.has_gone.set()
    await serving
    assert events.was_closed


@pytest.mark.parametrize("reads_again", [True, False])
async def test_a_reader_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch, reads_again: bool) -> None:
    """Its events are released first; then it has a little time to hear that its stream has ended."""
    monkeypatch.setattr(event_stream, "CLOSE_SECONDS", 20.0 if reads_again else 0.05)
    reader, released = Reader(), asyncio.Event()

    async def events() -> AsyncGenerator[bytes | None, None]:
        try:
            yield b"one"
            reader.reads.clear()
            yield b"two"
        finally:
            released.set()

    serving = asyncio.create_task(EventStream(events(), send_seconds=0.05)({}, reader.receive, reader.send))
    await released.wait()
    if reads_again:
        reader.reads.set()
    await serving
    assert reader.body == RETRY + b"one"
    assert reader.was_ended is reads_again
