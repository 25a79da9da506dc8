"""Reading a stream of Server-Sent Events."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

from devstack.sse import SSEParser


@dataclass(frozen=True)
class ReceivedEvent:
    id: str
    event: str
    raw: str

    @property
    def data(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.raw)
        return value


async def read_events(response: httpx.Response) -> AsyncIterator[ReceivedEvent]:
    parser = SSEParser()
    async for piece in response.aiter_bytes():
        for event in parser.feed(piece):
            yield ReceivedEvent(id=event.id, event=event.event, raw=event.data)
