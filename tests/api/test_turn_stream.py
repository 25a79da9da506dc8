"""The stream of a turn: the same story for everyone, from any place on."""

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from temporalio.testing import WorkflowEnvironment

from api.auth import Tokens
from tests.eventually import eventually
from tests.ports import free_port
from tests.running_stack import SECRET, RunningStack, environment_of, fill, running_api, stack_settings

FIND = "Show me 2 bedroom apartments for long-term rent"


async def test_a_stream_tells_the_whole_turn(stack: RunningStack, user: str) -> None:
    """accepted comes first, end last, and between them every step and one result."""
    turn_id = (await stack.say(user, FIND)).json()["turn_id"]
    events = await stack.events(user, turn_id)
    kinds = [event.event for event in events]
    assert kinds[0] == "accepted"
    assert kinds[-1] == "end"
    assert kinds.count("result") == 1
    assert all(event.data["kind"] == event.event for event in events)
    steps = [(event.data["step"], event.data["state"]) for event in events if event.event == "step"]
    for step in ("understand", "recall", "search", "reply", "close", "remember"):
        assert (step, "finished") in steps
    assert len({event.id for event in events}) == len(events)


async def test_a_cut_stream_resumes_without_a_gap_or_a_repeat(stack: RunningStack, user: str) -> None:
    """From behind every single event the rest follows, byte by byte the same."""
    turn_id = (await stack.say(user, FIND)).json()["turn_id"]
    whole = await stack.events(user, turn_id)
    for position, event in enumerate(whole):
        assert await stack.events(user, turn_id, after=event.id) == whole[position + 1 :]


@pytest.mark.parametrize("after", ["nonsense", "00000000.5.0", "a.b.c", "...", "db.1.0"])
async def test_an_unknown_place_begins_anew(stack: RunningStack, user: str, after: str) -> None:
    """An id of another run, or none at all, misses nothing."""
    turn_id = (await stack.say(user, "hello")).json()["turn_id"]
    assert await stack.events(user, turn_id, after=after) == await stack.events(user, turn_id)


async def test_after_is_an_alias_of_last_event_id(stack: RunningStack, user: str) -> None:
    """A client that cannot set headers resumes by the query."""
    turn_id = (await stack.say(user, "hello")).json()["turn_id"]
    whole = await stack.events(user, turn_id)
    answer = await stack.http.get(
        f"/api/turns/{turn_id}/events", params={"after": whole[2].id}, headers=stack.as_user(user)
    )
    assert answer.text.count("\nid: ") == len(whole) - 3


async def test_before_during_and_after_see_the_same(own_temporal: WorkflowEnvironment, tmp_path: Path) -> None:
    """Streams opened before any worker ran, while it ran, after the end and after an API restart are equal."""
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port())
    await fill(settings.database_url)
    async with running_api(settings, own_temporal.client) as stack:
        turn_id = (await stack.post("ada", FIND)).json()["turn_id"]
        assert (await stack.turn("ada", turn_id))["status"] == "accepted"
        before = asyncio.create_task(stack.events("ada", turn_id))
        async with stack.working():
            during = asyncio.create_task(stack.events("ada", turn_id))
            told_before, told_during = await asyncio.gather(before, during)
        told_after = await stack.events("ada", turn_id)
    settings = settings.model_copy(update={"islanders_port": free_port()})
    async with running_api(settings, own_temporal.client) as restarted:
        told_by_another_process = await restarted.events("ada", turn_id)
    assert told_before == told_during == told_after == told_by_another_process
    assert told_before[-1].event == "end"


async def test_a_server_that_stops_ends_its_streams_cleanly(
    own_temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    """SIGTERM with a stream open: the client sees a clean end and the process shuts down in order."""
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port())
    await fill(settings.database_url)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.main"),
        env=environment_of(settings, own_temporal.client),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    tokens = Tokens(SECRET, access_lifetime=timedelta(minutes=5), demo_user=False)
    base = f"http://127.0.0.1:{settings.islanders_port}"
    async with httpx.AsyncClient(base_url=base, timeout=20) as http:
        stack = RunningStack(settings, own_temporal.client, tokens, http)
        await eventually(lambda: _is_live(http))
        turn_id = (await stack.post("ada", FIND)).json()["turn_id"]
        async with http.stream("GET", f"/api/turns/{turn_id}/events", headers=stack.as_user("ada")) as response:
            pieces = response.aiter_bytes()
            told = [await anext(pieces), await anext(pieces)]
            process.send_signal(signal.SIGTERM)
            told += [piece async for piece in pieces]
    output, _ = await process.communicate()
    assert b"event: accepted" in b"".join(told)
    assert process.returncode == -signal.SIGTERM  # uvicorn ends itself by the signal it obeyed
    assert b"api_stopped" in output
    assert b"Traceback" not in output


async def _is_live(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/api/health/live")).status_code == 200
    except httpx.TransportError:
        return False
