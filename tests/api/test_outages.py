"""What a client sees while a part of the service is away."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from adapters.database import Database
from adapters.tables import TurnRow
from domain.conversation import PostedTurn
from domain.names import TURN_NOT_STARTED
from domain.waiting import START_GRACE
from tests.ports import free_port
from tests.postgres_server import PostgresServer
from tests.running_stack import RunningStack, fill, running_api, stack_settings

FIND = "2 bedroom apartments in Girne, long term"
NOBODY_LISTENS = "http://127.0.0.1:9"
PROMISED_SECONDS = 2.0


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """Accepts connections and never answers."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def stack_with(
    own_temporal: WorkflowEnvironment, folder: Path, **changed: object
) -> AsyncIterator[RunningStack]:
    settings = stack_settings(f"sqlite+aiosqlite:///{folder}/x.db", free_port(), **changed)
    await fill(settings.database_url)
    async with running_api(settings, own_temporal.client) as stack:
        yield stack


async def test_without_temporal_a_message_is_503_and_not_lost(
    own_temporal: WorkflowEnvironment, temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    """While Temporal is away a POST answers 503 with Retry-After; the same POST later runs the turn."""
    message = {"message": FIND, "client_msg_id": "0d1f5a3e-42c4-4c52-9a55-54c3a3b1b111"}
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port())
    await fill(settings.database_url)
    await own_temporal.shutdown()
    async with running_api(settings, own_temporal.client) as stack:
        began = time.monotonic()
        refused = await stack.http.post("/api/chat/", json=message, headers=stack.as_user("ada"))
        took = time.monotonic() - began
        ready = await stack.http.get("/api/health/ready")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "workflows_unavailable")
    assert int(refused.headers["retry-after"]) >= 1
    assert took < 3 * PROMISED_SECONDS
    assert ready.status_code == 503
    assert ready.json()["checks"]["temporal"]["state"] == "down"
    assert ready.json()["checks"]["database"]["state"] == "ok"
    settings = settings.model_copy(update={"islanders_port": free_port()})
    async with running_api(settings, temporal.client) as stack:
        accepted = await stack.http.post("/api/chat/", json=message, headers=stack.as_user("ada"))
    assert (accepted.status_code, accepted.json()["idempotent"]) == (202, True)


async def test_an_outage_of_temporal_locks_nobody_out(
    own_temporal: WorkflowEnvironment, temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    """Messages refused during the outage do not count as open turns after it."""
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port(), open_turns_per_user=2)
    await fill(settings.database_url)
    await own_temporal.shutdown()
    async with running_api(settings, own_temporal.client) as stack:
        assert [(await stack.post("ada", FIND)).status_code for _ in range(4)] == [503] * 4
    settings = settings.model_copy(update={"islanders_port": free_port()})
    async with running_api(settings, temporal.client) as stack:
        assert (await stack.post("ada", FIND)).status_code == 202


async def test_cancelling_what_never_started_ends_it(temporal: WorkflowEnvironment, tmp_path: Path) -> None:
    """A turn that Temporal never got ends by its cancel, once it cannot be on its way; no repeat runs it."""
    async with stack_with(temporal, tmp_path) as stack:
        client_msg_id = str(uuid4())
        turn_id = await unstarted_turn(stack, client_msg_id)
        early = await stack.http.post(f"/api/turns/{turn_id}/cancel", headers=stack.as_user("ada"))
        assert early.status_code == 503
        await make_older(stack, turn_id)
        answer = await stack.http.post(f"/api/turns/{turn_id}/cancel", headers=stack.as_user("ada"))
        again = await stack.post("ada", FIND, client_msg_id=client_msg_id)
    assert (answer.status_code, answer.json()["status"]) == (200, "failed")
    assert (again.status_code, again.json()["error"]["code"]) == (200, "turn_cancelled")


async def test_lost_records_do_not_lock_a_user_out(temporal: WorkflowEnvironment, tmp_path: Path) -> None:
    """Records that no workflow will ever close are closed when the user runs into the limit of open turns."""
    async with stack_with(temporal, tmp_path, open_turns_per_user=2) as stack:
        lost = [await unstarted_turn(stack, str(uuid4())) for _ in range(2)]
        assert (await stack.post("ada", FIND)).status_code == 429
        for turn_id in lost:
            await make_older(stack, turn_id)
        assert (await stack.post("ada", FIND)).status_code == 202
        assert (await stack.turn("ada", lost[0]))["error"]["code"] == "turn_not_started"


async def test_a_start_given_up_too_early_reads_as_accepted(
    own_temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    """Called not started although Temporal has it, a turn reads accepted, can be cancelled, and ends stopped."""
    async with stack_with(own_temporal, tmp_path) as stack:
        body = (await stack.post("ada", FIND)).json()
        await stack.conversations.fail_turn(body["turn_id"], TURN_NOT_STARTED)
        assert (await stack.turn("ada", body["turn_id"]))["status"] == "accepted"
        answer = await stack.http.post(body["links"]["cancel"], headers=stack.as_user("ada"))
        assert answer.status_code == 202
        async with stack.working():
            assert (await stack.until_ended("ada", body["turn_id"]))["status"] == "stopped"


async def test_a_silent_temporal_is_told_in_time(own_temporal: WorkflowEnvironment, tmp_path: Path) -> None:
    """An API that starts beside a frozen Temporal refuses messages and still answers what the record knows."""
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port())
    await fill(settings.database_url)
    async with silent_server() as silent, running_api(settings, silent.removeprefix("http://")) as stack:
        turn_id = await unstarted_turn(stack, str(uuid4()))
        began = time.monotonic()
        assert (await stack.turn("ada", turn_id))["status"] == "accepted"
        assert (await stack.post("ada", FIND)).status_code == 503
        cancel = await stack.http.post(f"/api/turns/{turn_id}/cancel", headers=stack.as_user("ada"))
        assert cancel.status_code == 503
        assert time.monotonic() - began < 3 * PROMISED_SECONDS


async def unstarted_turn(stack: RunningStack, client_msg_id: str) -> str:
    """What an API leaves that dies between its transaction and its start."""
    posted = PostedTurn(user_id="ada", client_msg_id=client_msg_id, message=FIND, fingerprint="")
    return (await stack.conversations.accept(posted)).turn.turn_id


async def make_older(stack: RunningStack, turn_id: str) -> None:
    database = Database(stack.settings.database_url)
    async with database.writing() as session:
        row = await session.get(TurnRow, turn_id)
        assert row is not None
        row.accepted_at -= 2 * START_GRACE
        session.add(row)
    await database.close()


@pytest.mark.parametrize("kind", ["refused", "silent"])
async def test_without_a_database_a_message_is_503(
    own_temporal: WorkflowEnvironment, tmp_path: Path, kind: str
) -> None:
    """A database that refuses and one that hangs are both told within the promised two seconds."""
    async with silent_server() as silent:
        port = silent.rpartition(":")[2] if kind == "silent" else "9"
        settings = stack_settings(f"postgresql+asyncpg://x:x@127.0.0.1:{port}/x", free_port())
        async with running_api(settings, own_temporal.client) as stack:
            began = time.monotonic()
            refused = await stack.post("ada", FIND)
            took = time.monotonic() - began
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage_unavailable")
    assert "retry-after" in refused.headers
    assert took < 3 * PROMISED_SECONDS


class FreezingProxy:
    """Passes bytes on to a server until it freezes; then connections stay open and nothing moves."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._moving = asyncio.Event()
        self._moving.set()

    def freeze(self) -> None:
        self._moving.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(self._pass_on(reader, target_writer), self._pass_on(target_reader, writer))

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(65_536):
            await self._moving.wait()
            sink.write(piece)
        sink.close()


@pytest.mark.postgres
async def test_a_database_that_freezes_in_use_is_told_in_time(
    own_temporal: WorkflowEnvironment, postgres: PostgresServer
) -> None:
    """With a connection already open to a database that stops answering, a POST is 503 all the same."""
    url = postgres.new_database()
    proxy = FreezingProxy(int(url.rpartition(":")[2].partition("/")[0]))
    await fill(url)
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
        through = f"postgresql+asyncpg://islanders@127.0.0.1:{server.sockets[0].getsockname()[1]}/{url.rpartition('/')[2]}"
        async with running_api(stack_settings(through, free_port()), own_temporal.client) as stack:
            assert (await stack.post("ada", FIND)).status_code == 202
            proxy.freeze()
            began = time.monotonic()
            refused = await stack.post("ada", FIND)
            took = time.monotonic() - began
            server.close()
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage_unavailable")
    assert took < 1.5 * PROMISED_SECONDS


async def test_without_a_worker_a_turn_is_accepted_and_runs_later(
    own_temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    """202, readable as accepted, ready says what is missing; the turn runs when a worker comes."""
    async with stack_with(own_temporal, tmp_path) as stack:
        body = (await stack.post("ada", FIND)).json()
        assert (await stack.turn("ada", body["turn_id"]))["status"] == "accepted"
        ready = (await stack.http.get("/api/health/ready")).json()
        assert ready["checks"]["worker"] == {"state": "down", "reason": "no_live_worker"}
        async with stack.working():
            assert (await stack.until_ended("ada", body["turn_id"]))["status"] == "completed"


@pytest.mark.parametrize("kind", ["refused", "silent"])
async def test_without_memory_the_turn_answers(
    own_temporal: WorkflowEnvironment, tmp_path: Path, kind: str
) -> None:
    """With memory refusing or hanging the reply has its cards and says that memory was not used."""
    async with silent_server() as silent:
        base = silent if kind == "silent" else NOBODY_LISTENS
        async with stack_with(own_temporal, tmp_path, zep_base_url=base) as stack, stack.working():
            result = (await stack.say("ada", FIND)).json()["result"]
            ready = (await stack.http.get("/api/health/ready")).json()
    assert result["recommendations"]
    assert not result["memory"]["used"]
    assert [(entry["step"], entry["reason"]) for entry in result["degraded"]] == [("recall", "MemoryUnavailable")]
    assert ready["checks"]["memory"]["state"] == "down"


@pytest.mark.parametrize("kind", ["refused", "silent"])
async def test_without_search_the_turn_is_honest(
    own_temporal: WorkflowEnvironment, tmp_path: Path, kind: str
) -> None:
    """With search refusing or hanging there is a sentence, no card, and an entry that says why."""
    async with silent_server() as silent:
        base = silent if kind == "silent" else NOBODY_LISTENS
        async with stack_with(own_temporal, tmp_path, listings_base_url=base) as stack, stack.working():
            result = (await stack.say("ada", FIND)).json()["result"]
    assert result["recommendations"] == []
    assert result["response_text"]
    assert [(entry["step"], entry["reason"]) for entry in result["degraded"]] == [("search", "SearchUnavailable")]


async def test_a_terminated_turn_is_told_as_failed(own_temporal: WorkflowEnvironment, tmp_path: Path) -> None:
    """A turn that an operator terminated ends its stream with failed, and its record with an error."""
    async with stack_with(own_temporal, tmp_path) as stack:
        body = (await stack.post("ada", FIND)).json()
        await own_temporal.client.get_workflow_handle(f"chat-turn-{body['turn_id']}").terminate()
        events = await stack.events("ada", body["turn_id"])
        turn = await stack.turn("ada", body["turn_id"])
    assert [event.event for event in events] == ["accepted", "failed", "end"]
    assert (turn["status"], turn["error"]["code"], turn["result"]) == ("failed", "turn_terminated", None)


async def test_a_stopped_turn_says_so(own_temporal: WorkflowEnvironment, tmp_path: Path) -> None:
    """Cancelled by its endpoint before any worker had it, a turn ends stopped."""
    async with stack_with(own_temporal, tmp_path) as stack:
        body = (await stack.post("ada", FIND)).json()
        answer = await stack.http.post(body["links"]["cancel"], headers=stack.as_user("ada"))
        assert answer.status_code == 202
        async with stack.working():
            ended = await stack.until_ended("ada", body["turn_id"])
    assert ended["status"] == ended["result"]["status"] == "stopped"
