"""The stream of a turn: the same story for everyone, from any place on."""

import asyncio
import signal
import sys
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from api.auth import Tokens
from domain.names import chat_turn_workflow_id
from tests.eventually import eventually
from tests.ports import free_port
from tests.running_stack import SECRET, RunningStack, environment_of, fill, running_api, stack_settings
from tests.server_sent_events import read_events

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


async def test_watchers_leave_nothing_in_the_history(idle_stack: RunningStack) -> None:
    """A turn watched by nobody, by one and by twenty has the same events, and all watchers get the same bytes."""
    turns = [(await idle_stack.post("ada", "hello", thread_id=f"t{n}")).json()["turn_id"] for n in range(3)]
    watching = [
        [asyncio.create_task(_whole_stream(idle_stack, turn_id)) for _ in range(watchers)]
        for turn_id, watchers in zip(turns, (0, 1, 20), strict=True)
    ]
    await eventually(lambda: _watchers_are(idle_stack, 21))
    async with idle_stack.working():
        told = [await asyncio.gather(*streams) for streams in watching]
        histories = [await _history_of(idle_stack, turn_id) for turn_id in turns]
    assert [len(set(streams)) for streams in told] == [0, 1, 1]
    assert histories[0] == histories[1] == histories[2]


async def test_a_stream_of_an_ended_turn_tells_it_and_ends(stack: RunningStack, user: str) -> None:
    """The same bytes every time; behind the last event nothing but the end of the stream."""
    turn_id = (await stack.say(user, "hello")).json()["turn_id"]
    whole = await _whole_stream(stack, turn_id, user)
    assert whole == await _whole_stream(stack, turn_id, user)
    last = (await stack.events(user, turn_id))[-1]
    assert await stack.events(user, turn_id, after=last.id) == []


async def test_a_watcher_that_goes_while_nothing_happens_is_let_go(idle_stack: RunningStack) -> None:
    """Its tail is freed at once, though no event comes that could not be sent."""
    turn_id = (await idle_stack.post("ada", "hello")).json()["turn_id"]
    path = f"/api/turns/{turn_id}/events"
    async with idle_stack.http.stream("GET", path, headers=idle_stack.as_user("ada")) as response:
        async with aclosing(read_events(response)) as events:
            assert (await anext(events)).event == "accepted"
        assert await _watchers_are(idle_stack, 1)
    await eventually(lambda: _tails_are_gone(idle_stack))


async def test_a_quiet_stream_is_kept_alive(idle_stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment comes where nothing else does, so that no proxy in between takes the connection for dead."""
    monkeypatch.setattr("api.events.KEEP_ALIVE_SECONDS", 0.05)
    turn_id = (await idle_stack.post("ada", "hello", thread_id="t")).json()["turn_id"]
    for path, place in ((f"/api/turns/{turn_id}/events", b""), ("/api/v1/threads/t/events", b"id: 0\n\n")):
        async with idle_stack.http.stream("GET", path, headers=idle_stack.as_user("ada")) as response:
            told = b""
            async for piece in response.aiter_bytes():
                told += piece
                if told.endswith(b": ping\n\n: ping\n\n"):
                    break
        assert told.startswith(b"retry: 1000\n\n" + place + b"event: accepted\n")


async def test_a_thread_stream_that_told_nothing_is_resumed_where_it_began(stack: RunningStack, user: str) -> None:
    """A turn that runs to its end while nobody is connected is told to who comes back from a quiet stream."""
    first = (await stack.say(user, "hello", thread_id="quiet")).json()
    path, headers = "/api/v1/threads/quiet/events", stack.as_user(user)
    async with stack.http.stream("GET", path, headers=headers) as response:
        begun = await anext(response.aiter_bytes())
    place = begun.decode().rpartition("id: ")[2].strip()
    missed = (await stack.say(user, "2 bedrooms in Girne, long term", thread_id="quiet")).json()
    async with stack.http.stream("GET", path, headers=headers | {"Last-Event-ID": place}) as response:
        told = await anext(aiter(read_events(response)))
    assert told.data["turn_id"] == missed["turn_id"] != first["turn_id"]


async def _whole_stream(stack: RunningStack, turn_id: str, user: str = "ada") -> bytes:
    return (await stack.http.get(f"/api/turns/{turn_id}/events", headers=stack.as_user(user))).content


async def _history_of(stack: RunningStack, turn_id: str) -> list[str]:
    """Without workflow tasks, which come as the worker's moments have it."""
    history = await stack.temporal.get_workflow_handle(chat_turn_workflow_id(turn_id)).fetch_history()
    names = [EventType.Name(event.event_type) for event in history.events]
    return [name for name in names if "WORKFLOW_TASK" not in name]


async def _watchers_are(stack: RunningStack, count: int) -> bool:
    return sum(tail.watchers for tail in stack.app.state.tails._tails.values()) == count


async def _tails_are_gone(stack: RunningStack) -> bool:
    return not stack.app.state.tails._tails


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
