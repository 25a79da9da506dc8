"""An OpenAI-compatible server on loopback that answers each request as it is told.

As a process of its own it writes the same reply to everybody: `python -m tests.openai_server PORT`.
"""

import argparse
import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Wire(Enum):
    CUT = "the connection is reset here"
    END = "the body ends here, as a complete one does"


CUT, END = Wire.CUT, Wire.END

Part = str | bytes | float | asyncio.Event | Wire
"""A piece of the reply; raw bytes of the body; seconds to wait; a gate to wait for; or an end."""


@dataclass
class Answer:
    """What one request gets. `before_head` holds even the status line back."""

    parts: Sequence[Part] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/event-stream"})
    before_head: asyncio.Event | None = None


def says(*parts: Part, finish_reason: str = "stop", before_head: asyncio.Event | None = None) -> Answer:
    """A complete stream, unless one of the parts ends it earlier."""
    return Answer(
        (*parts, event(chunk("", finish_reason=finish_reason)), event("[DONE]"), END), before_head=before_head
    )


def refuses(status: int, body: str | dict[str, Any] = "", **headers: str) -> Answer:
    """An answer that is no stream; an underscore in a header's name stands for a hyphen."""
    kind, text = ("text/html", body) if isinstance(body, str) else ("application/json", json.dumps(body))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer((text.encode(), END), status, {"Content-Type": kind, **named})


def chunk(text: str, *, finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def event(data: str | dict[str, Any]) -> bytes:
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


@dataclass
class Request:
    """One request as the server saw it. `closed` is set when the client closes its connection."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    written: int = 0
    written_out: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)


class OpenAIServer:
    """Gives its `answers` in order, then `otherwise` to everybody. One request a connection."""

    def __init__(self, *answers: Answer, otherwise: Answer | None = None) -> None:
        self.answers = list(answers)
        self.otherwise = otherwise or says("Hello", " there.")
        self.requests: list[Request] = []
        self.asked = asyncio.Condition()

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[str]:
        """The base URL, for the time of the block."""
        connections: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving = asyncio.create_task(self._serve(reader, writer))
            connections.add(serving)
            serving.add_done_callback(connections.discard)

        server = await asyncio.start_server(connected, "127.0.0.1", port)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        finally:
            server.close()
            for serving in connections:
                serving.cancel()
            await asyncio.gather(*connections, return_exceptions=True)

    async def request(self, number: int = 0) -> Request:
        """The request of that number, as soon as it has come."""
        async with self.asked:
            await self.asked.wait_for(lambda: len(self.requests) > number)
        return self.requests[number]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _read(reader)
            async with self.asked:
                self.requests.append(request)
                self.asked.notify_all()
            answer = self.answers.pop(0) if self.answers else self.otherwise
            playing = asyncio.create_task(_play(answer, request, writer))
            try:
                # The client sends nothing more: what can be read now is its end.
                with contextlib.suppress(ConnectionError):
                    await reader.read()
                request.closed.set()
            finally:
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(path=first.split(" ")[1], headers=headers, body=json.loads(body))


async def _play(answer: Answer, request: Request, writer: asyncio.StreamWriter) -> None:
    if answer.before_head:
        await _pass(answer.before_head, request)
    fields = {**answer.headers, "Transfer-Encoding": "chunked", "Connection": "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    writer.write(f"HTTP/1.1 {answer.status} X\r\n{lines}\r\n".encode())
    for part in answer.parts:
        match part:
            case asyncio.Event():
                await _pass(part, request)
            case float() | int():
                await asyncio.sleep(part)
            case Wire.CUT:
                writer.transport.abort()
                return
            case Wire.END:
                writer.write(b"0\r\n\r\n")
                request.written_out = True
                writer.close()
                return
            case str():
                _write(event(chunk(part)), writer)
                request.written += 1
            case bytes():
                _write(part, writer)
        await writer.drain()


async def _pass(gate: asyncio.Event, request: Request) -> None:
    request.reached.set()
    await gate.wait()


def _write(body: bytes, writer: asyncio.StreamWriter) -> None:
    if body:
        writer.write(b"%x\r\n%s\r\n" % (len(body), body))


def fixed_reply(pieces: int, delay: float) -> Answer:
    """`word 1 word 2 ...`, with a pause before each piece."""
    return says(*(part for number in range(1, pieces + 1) for part in (delay, f"word {number} ")))


async def _serve_for_ever(port: int, answer: Answer) -> None:
    async with OpenAIServer(otherwise=answer).listening(port):
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--pieces", type=int, default=20)
    parser.add_argument("--delay", type=float, default=0.05, help="seconds before each piece")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve_for_ever(arguments.port, fixed_reply(arguments.pieces, arguments.delay)))


if __name__ == "__main__":
    main()
