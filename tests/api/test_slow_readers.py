"""Readers that do not keep up: they are let go, hold nobody up, and miss nothing when they come back."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from websockets.exceptions import ConnectionClosed

from api import event_stream, events, server
from api.event_stream import EventStream
from api.history_tail import HistoryTails
from api.open_sockets import OpenSockets
from api.server import StreamClosingServer
from api.thread_watch import ThreadWatch
from domain.names import REPLY_DELTA, chat_turn_workflow_id
from domain.reply import ReplyDelta
from tests.chat_socket import Frame, chat_socket, seq_of
from tests.eventually import eventually
from tests.ports import free_port
from tests.running_stack import RunningStack, fill, running_api, stack_settings
from tests.server_sent_events import read_events

SMALL = 16 * 1024
PIECES, PIECE = 20, "x" * 20_000
"""More than the buffers of the system and of both sides hold together, with small ones."""


@pytest.fixture
async def narrow_stack(
    own_temporal: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningStack]:
    """An API without a worker, whose connections hold little that was not read."""
    start = StreamClosingServer.startup

    async def with_small_buffers(server: StreamClosingServer, sockets: list[socket.socket] | None = None) -> None:
        await start(server, sockets)
        for listening in server.servers[0].sockets:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)

    monkeypatch.setattr(StreamClosingServer, "startup", with_small_buffers)
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port())
    await fill(settings.database_url)
    async with running_api(settings, own_temporal.client) as stack:
        yield stack


def watchers(stack: RunningStack) -> int:
    tails: HistoryTails = stack.app.state.tails
    return sum(tail.watchers for tail in tails._tails.values())


async def long_turn(stack: RunningStack, thread_id: str) -> tuple[str, WorkflowHandle]:
    """A turn whose reply is longer than every buffer, and that has not ended."""
    turn_id = (await stack.post("ada", "hello", thread_id=thread_id)).json()["turn_id"]
    handle = stack.temporal.get_workflow_handle(chat_turn_workflow_id(turn_id))
    run_id = (await handle.describe()).run_id or ""
    for index in range(PIECES):
        await handle.signal(REPLY_DELTA, ReplyDelta(run_id=run_id, attempt=1, index=index, text=PIECE))
    return turn_id, handle


async def test_a_slow_reader_of_a_stream_is_let_go_and_resumes(
    narrow_stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tail is free while it still sleeps, a fast reader has everything, and the rest follows its last id."""
    monkeypatch.setattr(events, "EventStream", partial(EventStream, send_seconds=0.3))
    turn_id, handle = await long_turn(narrow_stack, "t")
    path, headers = f"/api/turns/{turn_id}/events", narrow_stack.as_user("ada")
    transport = httpx.AsyncHTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)])
    async with (
        httpx.AsyncClient(transport=transport, base_url=narrow_stack.http.base_url, timeout=20) as slow,
        slow.stream("GET", path, headers=headers) as response,
    ):
        fast = asyncio.create_task(narrow_stack.events("ada", turn_id))
        await handle.terminate()
        whole = await fast
        await eventually(lambda: _is_true(lambda: watchers(narrow_stack) == 0))
        told = [event async for event in read_events(response)]
    assert 0 < len(told) < len(whole)
    assert told + await narrow_stack.events("ada", turn_id, after=told[-1].id) == whole


async def test_a_slow_reader_of_a_socket_is_told_to_come_back(
    narrow_stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tail is free while it still sleeps; it finds 1013 behind what it was sent, and the rest by `after`."""
    monkeypatch.setattr("api.socket.SEND_SECONDS", 0.3)
    monkeypatch.setattr("api.socket.CLOSE_SECONDS", 20.0)
    thread_id = str(uuid4())
    _, handle = await long_turn(narrow_stack, thread_id)
    with socket.socket() as small:
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        small.connect(("127.0.0.1", narrow_stack.settings.islanders_port))
        small.setblocking(False)
        async with chat_socket(narrow_stack, "ada", thread_id, sock=small, max_queue=1) as (client, _):
            await eventually(lambda: _is_true(lambda: watchers(narrow_stack) == 1))
            await eventually(lambda: _is_true(lambda: watchers(narrow_stack) == 0))
            told: list[Frame] = []
            with contextlib.suppress(ConnectionClosed):
                while True:
                    told.append(await client.frame())
            assert client.connection.close_code == 1013
            assert client.close_reason == "slow_reader"
    await handle.terminate()
    async with chat_socket(narrow_stack, "ada", thread_id, after=seq_of(told[-1])) as (client, _):
        rest = await client.turn()
    deltas = [frame["payload"]["index"] for frame in told + rest if frame["event"] == "reply_delta"]
    assert deltas == list(range(PIECES))
    assert len(told) < PIECES


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system does not bound unread data")
async def test_a_reader_that_never_reads_again_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system takes the connection down with all that waits in it; nothing of it stays in the process."""
    monkeypatch.setattr(server, "UNREAD_MILLISECONDS", 500)
    monkeypatch.setattr(event_stream, "CLOSE_SECONDS", 0.1)
    app = FastAPI()
    app.state.thread_watch, app.state.tails, app.state.sockets = (
        ThreadWatch(None),
        HistoryTails(None),
        OpenSockets(),
    )

    async def flood() -> AsyncIterator[bytes]:
        while True:
            yield PIECE.encode()

    @app.get("/")
    async def endless() -> EventStream:
        return EventStream(flood(), send_seconds=0.2)

    running = StreamClosingServer(app, host="127.0.0.1", port=free_port())
    serving = asyncio.create_task(running._serve())
    await eventually(lambda: _is_true(lambda: running.started))
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        deaf.connect(("127.0.0.1", running.config.port))
        deaf.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await eventually(lambda: _is_true(lambda: running.server_state.connections))
        await eventually(lambda: _is_true(lambda: not running.server_state.connections))
    running.should_exit = True
    await serving


async def _is_true(look) -> bool:
    return bool(look())
