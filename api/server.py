"""The server around the app: how long connections live, and how they end."""

import asyncio
import contextlib
import socket
from typing import Final

import uvicorn
from fastapi import FastAPI

from api.history_tail import HistoryTails
from api.open_sockets import OpenSockets
from api.thread_watch import ThreadWatch

MAX_FRAME_BYTES: Final = 64 * 1024
PING_SECONDS: Final = 20.0
"""A client that does not answer the WebSocket's ping for as long again has gone."""

UNREAD_MILLISECONDS: Final = 30_000
"""A connection whose other side reads nothing for so long is cut by the system, with all that waits to be sent."""

GRACEFUL_SECONDS: Final = 2
SOCKETS_CLOSE_SECONDS: Final = 1.0


class StreamClosingServer(uvicorn.Server):
    """Ends open streams and sockets when told to stop.

    uvicorn waits for open connections before it runs the app's shutdown, and a stream never ends by itself.
    """

    def __init__(self, app: FastAPI, *, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_config=None,
                lifespan="on",
                timeout_graceful_shutdown=GRACEFUL_SECONDS,
                ws_max_size=MAX_FRAME_BYTES,
                ws_ping_interval=PING_SECONDS,
                ws_ping_timeout=PING_SECONDS,
                ws_per_message_deflate=False,  # about 40 KB a socket, for frames that are mostly short
            )
        )
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; every accepted connection inherits it
            for server in self.servers:
                for listening in server.sockets:
                    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MILLISECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        watch: ThreadWatch = self._app.state.thread_watch
        tails: HistoryTails = self._app.state.tails
        open_sockets: OpenSockets = self._app.state.sockets
        watch.close()
        tails.close()
        # uvicorn closes what is left with a code of its own.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SOCKETS_CLOSE_SECONDS):
                await open_sockets.all_closed()
        await super().shutdown(sockets)
