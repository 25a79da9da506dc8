"""Server-Sent Events of a turn."""

import json
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api.auth import CurrentUser
from api.errors import declared
from api.history_projection import NumberedEvent, parse_place
from api.history_tail import HistoryTails
from api.turns import turn_of
from domain.progress import PROGRESS_EVENT

router = APIRouter(tags=["turns"])

KEEP_ALIVE_SECONDS = 15.0
RECONNECT_MILLISECONDS = 1000
LONGEST_CONNECTION_SECONDS = 600.0
"""A stream ends after this long and the client resumes it: no connection lives for ever."""

HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
EXAMPLE = 'event: step\nid: 1a2b3c4d.8.0\ndata: {"kind":"step","step":"search","state":"started"}\n\n'


@router.get(
    "/api/turns/{turn_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE}}},
        **declared(401, 404, 503),
    },
)
async def turn_events(
    turn_id: str,
    request: Request,
    user_id: CurrentUser,
    last_event_id: Annotated[str | None, Header()] = None,
    after: Annotated[str | None, Query(description="alias of the header Last-Event-ID")] = None,
) -> StreamingResponse:
    """The turn's progress from its beginning, or from behind Last-Event-ID; ends with the event `end`."""
    turn = await turn_of(request, turn_id, user_id)
    tails: HistoryTails = request.app.state.tails
    watching = tails.watch(
        turn,
        lambda: turn_of(request, turn_id, user_id),
        after=parse_place(last_event_id or after),
        patience=KEEP_ALIVE_SECONDS,
    )
    stream = _stream(watching)
    return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)


async def _stream(watching: AsyncIterator[NumberedEvent | None]) -> AsyncIterator[bytes]:
    closes_at = time.monotonic() + LONGEST_CONNECTION_SECONDS
    yield f"retry: {RECONNECT_MILLISECONDS}\n\n".encode()
    async for numbered in watching:
        yield b": ping\n\n" if numbered is None else encoded(numbered)
        if time.monotonic() > closes_at:
            return


def encoded(numbered: NumberedEvent) -> bytes:
    """One event on the wire; the same bytes for every watcher, every time."""
    data = json.dumps(
        PROGRESS_EVENT.dump_python(numbered.event, mode="json", by_alias=True),
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return f"event: {numbered.event.kind}\nid: {numbered.place}\ndata: {data}\n\n".encode()
