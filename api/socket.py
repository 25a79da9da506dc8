"""The WebSocket of a thread: what a client needs first, then the thread's feed.

Close codes: 4401 without a valid token and when it expires, 4403 for somebody else's thread or an origin that is
not allowed, 1000 when the thread is deleted, 1013 to come back later, 1011 for a fault of ours.
"""

import asyncio
import contextlib
import re
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final, Literal

import structlog
from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, ValidationError, ValidatorFunctionWrapHandler, field_validator
from starlette.websockets import WebSocketDisconnect

from adapters.thread_reading import ThreadReading
from api.auth import identify
from api.event_stream import CLOSE_SECONDS, KEEP_ALIVE_SECONDS, SEND_SECONDS
from api.frame_projection import rehydration
from api.frames import Rehydration, TurnFrame
from api.numbering import LONGEST_SEQ, end_of_turn, parse_seq
from api.open_sockets import OpenSockets
from api.thread_feed import ThreadFeeds
from api.turns import turn_of
from domain import errors
from domain.names import THREAD_NAME_PATTERN, thread_id_for

router = APIRouter()
log = structlog.get_logger("islanders.socket")

HELLO_SECONDS: Final = 1.0
"""How long a client may take to say where it was; one that says nothing gets the recent turns."""

REHYDRATED_TURNS: Final = 10
LONGEST_CORRELATION_ID: Final = 128

NORMAL, INTERNAL, TRY_LATER, UNAUTHORIZED, NOT_THE_OWNER = 1000, 1011, 1013, 4401, 4403

CODE_OF_ERROR: dict[type[errors.ChatError], int] = {
    errors.Unauthorized: UNAUTHORIZED,
    errors.Forbidden: NOT_THE_OWNER,
    errors.NotFound: NOT_THE_OWNER,
    errors.ThreadBeingForgotten: NORMAL,
    errors.TooManyWatchers: TRY_LATER,
    errors.StorageUnavailable: TRY_LATER,
}


class SlowReader(Exception):
    """The client left what was sent to it unread for too long."""


class ClientHello(BaseModel):
    """What a client may say first. `after`: the last `seq` it has; one that makes no sense counts as none."""

    type: Literal["client_hello"]
    thread_id: str | None = None
    after: int | None = None

    @field_validator("after", mode="wrap")
    @classmethod
    def _sensible(cls, after: Any, validate: ValidatorFunctionWrapHandler) -> int | None:  # noqa: ANN401
        try:
            seq: int | None = validate(after)
        except ValidationError:
            return None
        return seq if seq is not None and 0 <= seq <= LONGEST_SEQ else None


@router.websocket("/ws/chat/{thread_id}/")
async def chat_socket(websocket: WebSocket, thread_id: str) -> None:
    sockets: OpenSockets = websocket.app.state.sockets
    with sockets.one():
        await ChatSocket(websocket, thread_id).serve()


class ChatSocket:
    """One client of one thread."""

    def __init__(self, socket: WebSocket, thread_name: str) -> None:
        self._socket = socket
        self._thread_name = thread_name
        self._reading: ThreadReading = socket.app.state.thread_reading
        self._feeds: ThreadFeeds = socket.app.state.feeds
        self._client_has_gone = False

    async def serve(self) -> None:
        await self._socket.accept()  # first, for a browser is not told why a handshake was refused
        code, reason = await self._outcome()
        if not self._client_has_gone:
            await self._close(code, reason)
        correlation_id = self._socket.query_params.get("cid", "")[:LONGEST_CORRELATION_ID] or None
        log.info("socket_closed", code=code, reason=reason, correlation_id=correlation_id)

    async def _outcome(self) -> tuple[int, str]:
        """Serve the client until there is a reason to close."""
        try:
            identity = identify(self._socket)
            async with asyncio.timeout((identity.expires_at - datetime.now(UTC)).total_seconds()) as life:
                await self._talk(identity.user_id, life)
            return TRY_LATER, "server_stops"
        except WebSocketDisconnect:
            self._client_has_gone = True
        except TimeoutError:
            if not self._client_has_gone:
                return UNAUTHORIZED, "token_expired"
        except SlowReader:
            return TRY_LATER, "slow_reader"
        except errors.ChatError as error:
            return CODE_OF_ERROR.get(type(error), INTERNAL), error.code()
        except Exception:  # the client shall hear that the fault is ours
            log.exception("socket_crashed")
            return INTERNAL, "internal"
        return NORMAL, "client_has_gone"

    async def _talk(self, user_id: str, life: asyncio.Timeout) -> None:
        thread_id = self._thread_id(user_id)
        first = await self._first_frame(thread_id, user_id)
        listening = asyncio.create_task(self._listen(life))
        try:
            await self._send(first)
            await self._tell(thread_id, user_id, after=first.meta.seq)
        finally:
            listening.cancel()

    def _thread_id(self, user_id: str) -> str:
        if not re.fullmatch(THREAD_NAME_PATTERN, self._thread_name):
            raise errors.NotFound
        return thread_id_for(user_id, self._thread_name)

    # --- where the client begins ----------------------------------------------------------------------------

    async def _first_frame(self, thread_id: str, user_id: str) -> Rehydration:
        """What the thread knows, and for a client that does not say what it has the turns that have ended."""
        thread = (await self._reading.numbers_of([thread_id])).get(thread_id)
        if thread is not None and thread.user_id != user_id:
            raise errors.NotFound
        if thread is not None and thread.is_forgotten:
            raise errors.ThreadBeingForgotten
        after = await self._what_it_has(user_id, thread_id)
        if after is not None and after <= end_of_turn(thread.last_number if thread else 0):
            return rehydration(thread_id, await self._reading.recent(thread_id, turns=0), seq=after)
        recent = await self._reading.recent(thread_id, turns=REHYDRATED_TURNS)
        return rehydration(thread_id, recent, seq=end_of_turn(recent.covered))

    async def _what_it_has(self, user_id: str, thread_id: str) -> int | None:
        """The last `seq` that the client has, by the query or by its hello."""
        asked = parse_seq(self._socket.query_params.get("after"))
        if asked is not None:
            return asked
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HELLO_SECONDS):
                while True:
                    hello = _hello(await self._receive())
                    if hello is not None:
                        # What it has of another thread is of no use here.
                        is_ours = hello.thread_id is None or thread_id_for(user_id, hello.thread_id) == thread_id
                        return hello.after if is_ours else None
        return None

    async def _listen(self, life: asyncio.Timeout) -> None:
        """Nothing a client says later is of interest, only that it goes."""
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await self._receive()
        self._client_has_gone = True
        if not life.expired():
            life.reschedule(0)

    async def _receive(self) -> str:
        """Empty for a binary frame."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", NORMAL))
        return message.get("text") or ""

    # --- what it is told ------------------------------------------------------------------------------------

    async def _tell(self, thread_id: str, user_id: str, *, after: int) -> None:
        following = self._feeds.follow(
            thread_id,
            user_id,
            lambda turn: turn_of(self._socket, turn.turn_id, user_id),
            after=after,
            patience=KEEP_ALIVE_SECONDS,
        )
        async with aclosing(following) as telling:
            async for told in telling:
                for frame in told.frames if told else ():
                    if frame.meta.seq > after:  # it may have the first of two frames of one event
                        await self._send(frame)

    async def _send(self, frame: Rehydration | TurnFrame) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send_text(frame.model_dump_json(by_alias=True))
        except TimeoutError:
            raise SlowReader from None

    async def _close(self, code: int, reason: str) -> None:
        # A reader that was too slow gets a little time more, else the server takes the connection down.
        with contextlib.suppress(TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(code, reason)


def _hello(text: str) -> ClientHello | None:
    """None for a frame of another type, and for one that is no frame at all."""
    try:
        return ClientHello.model_validate_json(text)
    except ValidationError:
        return None
