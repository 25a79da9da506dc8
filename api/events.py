"""Server-Sent Events: of one turn, and of a thread with all its turns."""

from contextlib import aclosing
from typing import Annotated

import structlog
from fastapi import APIRouter, Header, Query, Request

from adapters.thread_reading import ThreadReading
from api.auth import CurrentUser
from api.errors import declared
from api.event_stream import KEEP_ALIVE_SECONDS, EventBytes, EventStream
from api.history_tail import HistoryTails, Watching
from api.numbering import end_of_turn, parse_place, parse_seq
from api.thread_feed import Telling, ThreadFeeds
from api.thread_schemas import ThreadName
from api.turns import turn_of
from api.watched_turns import WatchedTurns
from domain.errors import ChatError, NotFound, TooManyWatchers
from domain.names import thread_id_for

router = APIRouter()
log = structlog.get_logger("islanders.stream")

LastEventID = Annotated[str | None, Header()]
After = Annotated[str | None, Query(description="alias of the header Last-Event-ID")]

DATA = 'data: {"kind":"step","step":"search","state":"started"}\n\n'


def _described(example: str) -> dict[int | str, dict[str, object]]:
    return {200: {"content": {"text/event-stream": {"schema": {"type": "string"}, "example": example}}}}


@router.get(
    "/api/turns/{turn_id}/events",
    tags=["turns"],
    status_code=200,
    response_class=EventStream,
    responses={**_described(f"event: step\nid: 1a2b3c4d.8.0\n{DATA}"), **declared(401, 404, 503)},
)
async def turn_events(
    turn_id: str,
    request: Request,
    user_id: CurrentUser,
    last_event_id: LastEventID = None,
    after: After = None,
) -> EventStream:
    """The turn's progress from its beginning, or from behind Last-Event-ID; ends with the event `end`."""
    watched: WatchedTurns = request.app.state.watched_turns
    tails: HistoryTails = request.app.state.tails
    turn = await watched.find(turn_id, user_id)
    watching = tails.watch(
        turn,
        lambda: turn_of(request, turn_id, user_id),
        after=parse_place(last_event_id or after),
        patience=KEEP_ALIVE_SECONDS,
    )
    return EventStream(_turn_events(watching))


async def _turn_events(watching: Watching) -> EventBytes:
    async with aclosing(watching) as events:
        async for numbered in events:
            yield None if numbered is None else numbered.turn_event


@router.get(
    "/api/v1/threads/{thread_id}/events",
    tags=["threads"],
    status_code=200,
    response_class=EventStream,
    responses={**_described(f"event: step\nid: 3000080\n{DATA}"), **declared(400, 401, 404, 503)},
)
async def thread_events(
    thread_id: ThreadName,
    request: Request,
    user_id: CurrentUser,
    last_event_id: LastEventID = None,
    after: After = None,
) -> EventStream:
    """The thread's turns one after another, each to its `result` or `failed`; never ends by itself.

    An event's id is its `seq`, the same as on the WebSocket. Begins behind Last-Event-ID, with `0` at the
    thread's beginning; without one, or with one the thread does not have, at the oldest turn that is open,
    else with the next. A thread that does not exist yet is waited for.
    """
    named = thread_id_for(user_id, thread_id)
    reading: ThreadReading = request.app.state.thread_reading
    feeds: ThreadFeeds = request.app.state.feeds
    tails: HistoryTails = request.app.state.tails
    if tails.are_full:
        raise TooManyWatchers
    number = (await reading.numbers_of([named])).get(named)
    if number is not None and (number.user_id != user_id or number.is_forgotten):
        raise NotFound
    begin = parse_seq(last_event_id or after)
    if begin is None or begin > end_of_turn(number.last_number if number else 0):
        begin = end_of_turn(await reading.covered(named))
    telling = feeds.follow(
        named,
        user_id,
        lambda turn: turn_of(request, turn.turn_id, user_id),
        after=begin,
        patience=KEEP_ALIVE_SECONDS,
    )
    return EventStream(_thread_events(telling), begins_behind=str(begin))


async def _thread_events(telling: Telling) -> EventBytes:
    async with aclosing(telling) as events:
        try:
            async for told in events:
                yield None if told is None else told.numbered.thread_event
        except ChatError as error:
            # The answer has begun; a client that comes back is told by its status.
            log.info("thread_stream_ended", reason=error.code())
