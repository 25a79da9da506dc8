"""The WebSocket of a thread: everything told once, in order, whenever and wherever a client connects."""

import contextlib
import json
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from api import history_tail
from api.auth import Tokens
from domain.errors import StorageUnavailable
from domain.names import REPLY_DELTA, chat_turn_workflow_id, thread_id_for
from domain.reply import ReplyDelta
from tests.chat_socket import Frame, bare_socket, chat_socket, seq_of
from tests.eventually import eventually
from tests.ports import free_port
from tests.running_stack import SECRET, RunningStack, fill, running_api, stack_settings

FIND = "Show me 2 bedroom apartments for long-term rent"


def events_of(frames: list[Frame]) -> list[str]:
    return [frame["event"] for frame in frames]


# --- a turn as a socket tells it ------------------------------------------------------------------------------


async def test_a_turn_is_told_from_its_acceptance_to_its_reply(stack: RunningStack, user: str) -> None:
    """Typing, the steps, typing off and the reply with its cards, each with a higher seq than the one before."""
    thread_id = str(uuid4())
    async with chat_socket(stack, user, thread_id) as (client, rehydration):
        assert rehydration["payload"] == {"turns": [], "slots": {}, "language": "en"}
        assert rehydration["meta"] == {"seq": 0}
        answer = (await stack.post(user, FIND, thread_id=thread_id)).json()
        frames = await client.turn()
    assert (frames[0]["event"], frames[0]["payload"]) == ("typing", {"value": True})
    assert (frames[-2]["event"], frames[-2]["payload"]) == ("typing", {"value": False})
    steps = [(f["payload"]["step"], f["payload"]["state"]) for f in frames if f["event"] == "progress"]
    assert {("search", "started"), ("search", "finished"), ("close", "finished")} <= set(steps)
    reply = frames[-1]
    assert reply["event"] == "assistant_message"
    assert reply["payload"]["agent"] == "real_estate"
    assert reply["payload"]["rich"]["recommendations"]
    assert reply["meta"]["in_reply_to"] == answer["client_msg_id_echo"]
    assert reply["meta"]["queued_message_id"] == answer["queued_message_id"]
    assert reply["meta"]["correlation_id"] == answer["correlation_id"]
    seqs = [seq_of(frame) for frame in frames]
    assert seqs == sorted(set(seqs))
    assert all(frame["thread_id"] == thread_id for frame in frames)


async def test_a_turn_started_through_another_process_reaches_the_socket(stack: RunningStack, user: str) -> None:
    """The socket hangs on one API, the message goes to another: both tell the same frames."""
    thread_id = str(uuid4())
    elsewhere = stack.settings.model_copy(update={"islanders_port": free_port()})
    async with (
        running_api(elsewhere, stack.temporal) as other,
        chat_socket(stack, user, thread_id) as (here, _),
        chat_socket(other, user, thread_id) as (there, _),
    ):
        await other.post(user, FIND, thread_id=thread_id)
        assert await here.turn() == await there.turn()


async def test_turns_of_a_thread_are_told_in_order(stack: RunningStack, user: str) -> None:
    """Three messages at once: the frames of one turn end before those of the next begin."""
    thread_id = str(uuid4())
    async with chat_socket(stack, user, thread_id) as (client, _):
        answers = [(await stack.post(user, text, thread_id=thread_id)).json() for text in (FIND, "hello", "more")]
        turns = [await client.turn() for _ in answers]
    for number, (answer, frames) in enumerate(zip(answers, turns, strict=True), start=1):
        assert frames[-1]["meta"]["in_reply_to"] == answer["client_msg_id_echo"]
        assert {seq_of(frame) // 1_000_000 for frame in frames} == {number}


async def test_a_callers_own_name_is_the_thread(stack: RunningStack, user: str) -> None:
    """A socket opened by the name that messages use gets their turns."""
    async with chat_socket(stack, user, "my-flat") as (client, _):
        await stack.post(user, "hello", thread_id="my-flat")
        frames = await client.turn()
    assert frames[-1]["thread_id"] == thread_id_for(user, "my-flat")


async def test_without_a_worker_the_acceptance_is_told(idle_stack: RunningStack) -> None:
    """A turn that waits for a worker shows as typing, to those who come before it and after it."""
    async with chat_socket(idle_stack, "ada", "t") as (early, _):
        await idle_stack.post("ada", FIND, thread_id="t")
        first = await early.frame()
    async with chat_socket(idle_stack, "ada", "t") as (late, rehydration):
        assert rehydration["meta"]["seq"] == 0
        assert await late.frame() == first
    assert (first["event"], first["payload"]) == ("typing", {"value": True})


async def test_a_reply_is_shown_as_it_is_written_and_begun_anew(idle_stack: RunningStack) -> None:
    """Pieces come one by one; those of a second attempt come behind a retry and a reset."""
    async with chat_socket(idle_stack, "ada", "t") as (client, _):
        turn = (await idle_stack.post("ada", FIND, thread_id="t")).json()
        handle = idle_stack.temporal.get_workflow_handle(chat_turn_workflow_id(turn["turn_id"]))
        run_id = (await handle.describe()).run_id or ""
        for attempt, index, text in [(1, 0, "Wrong"), (1, 1, " start"), (2, 0, "Right"), (1, 2, "late")]:
            await handle.signal(REPLY_DELTA, ReplyDelta(run_id=run_id, attempt=attempt, index=index, text=text))
        await handle.terminate()
        frames = await client.turn()
    told = [(frame["event"], frame["payload"]) for frame in frames[1:-2]]
    assert told == [
        ("reply_delta", {"attempt": 1, "index": 0, "text": "Wrong"}),
        ("reply_delta", {"attempt": 1, "index": 1, "text": " start"}),
        ("progress", {"step": "reply", "state": "retrying", "summary": "Write the reply"}),
        ("reply_reset", {"attempt": 2}),
        ("reply_delta", {"attempt": 2, "index": 0, "text": "Right"}),
    ]


async def test_a_failed_turn_ends_with_one_error_frame(idle_stack: RunningStack) -> None:
    """An error frame comes only when the turn has ended, with a safe sentence, and is its last."""
    async with chat_socket(idle_stack, "ada", "t") as (client, _):
        turn = (await idle_stack.post("ada", FIND, thread_id="t")).json()
        await idle_stack.temporal.get_workflow_handle(chat_turn_workflow_id(turn["turn_id"])).terminate()
        frames = await client.turn()
    assert events_of(frames) == ["typing", "typing", "task_failed"]
    assert frames[-1]["meta"]["in_reply_to"] == turn["client_msg_id_echo"]
    assert set(frames[-1]["meta"]) == {"in_reply_to", "seq"}


async def test_a_turn_stopped_before_its_first_word_says_so(idle_stack: RunningStack) -> None:
    """No empty message: the last frame is progress, step turn, state stopped."""
    async with chat_socket(idle_stack, "ada", "t") as (client, _):
        turn = (await idle_stack.post("ada", FIND, thread_id="t")).json()
        await idle_stack.http.post(turn["links"]["cancel"], headers=idle_stack.as_user("ada"))
        async with idle_stack.working():
            frames = await client.turn()
    assert "assistant_message" not in events_of(frames)
    assert frames[-1]["payload"]["step"] == "turn"
    assert frames[-1]["payload"]["state"] == "stopped"


# --- coming back ----------------------------------------------------------------------------------------------


async def test_a_client_that_comes_back_gets_exactly_the_rest(stack: RunningStack, user: str) -> None:
    """Behind every single seq of two turns the remaining frames follow, none missing and none twice."""
    thread_id = str(uuid4())
    async with chat_socket(stack, user, thread_id) as (client, _):
        await stack.say(user, FIND, thread_id=thread_id)
        await stack.say(user, "hello", thread_id=thread_id)
        whole = await client.turn() + await client.turn()
    for position, frame in enumerate(whole[:-1]):
        async with chat_socket(stack, user, thread_id, after=seq_of(frame)) as (again, rehydration):
            assert rehydration["payload"]["turns"] == []
            assert rehydration["payload"]["slots"]["bedrooms"] == 2
            assert rehydration["meta"]["seq"] == seq_of(frame)
            assert await again.frames_until(seq_of(whole[-1])) == whole[position + 1 :]
    async with chat_socket(stack, user, thread_id, after=seq_of(whole[-1])) as (again, _):
        await stack.say(user, "more", thread_id=thread_id)
        assert seq_of(await again.frame()) == 3_000_010


async def test_after_in_the_address_is_an_alias(stack: RunningStack, user: str) -> None:
    """A client that says nothing resumes by the query all the same."""
    thread_id = str(uuid4())
    await stack.say(user, "hello", thread_id=thread_id)
    async with bare_socket(stack, thread_id, headers=stack.as_user(user), query="?cid=c-1&after=0") as client:
        assert (await client.frame())["meta"]["seq"] == 0
        assert seq_of(await client.frame()) == 1_000_010


async def test_who_says_nothing_gets_what_was_said(stack: RunningStack, user: str) -> None:
    """The rehydration has the turns with texts, cards and ids, what is known, and a seq that covers them."""
    thread_id = str(uuid4())
    answers = [(await stack.say(user, text, thread_id=thread_id)).json() for text in (FIND, "hello")]
    async with bare_socket(stack, thread_id, headers=stack.as_user(user)) as client:
        rehydration = await client.frame()
        await stack.post(user, "more", thread_id=thread_id)
        assert seq_of(await client.frame()) == 3_000_010
    assert rehydration["meta"]["seq"] == 2_999_999
    assert rehydration["payload"]["slots"]["bedrooms"] == 2
    turns = rehydration["payload"]["turns"]
    assert [turn["message"] for turn in turns] == [FIND, "hello"]
    for turn, answer in zip(turns, answers, strict=True):
        assert turn["text"] == answer["result"]["response_text"]
        assert turn["rich"]["recommendations"] == answer["result"]["recommendations"]
        assert turn["queued_message_id"] == answer["queued_message_id"]
        assert turn["status"] == "completed"


async def test_only_the_last_ten_turns_are_rehydrated(stack: RunningStack, user: str) -> None:
    """A long thread does not flood a client that opens it."""
    thread_id = str(uuid4())
    for _ in range(11):
        await stack.say(user, "hello", thread_id=thread_id)
    async with chat_socket(stack, user, thread_id) as (_, rehydration):
        assert len(rehydration["payload"]["turns"]) == 10
        assert rehydration["meta"]["seq"] == 11_999_999


@pytest.mark.parametrize(
    "hello",
    [
        {"after": 99_000_000},
        {"after": -1},
        {"after": "yesterday"},
        {"after": 1.5},
        {"after": 10**30},
        {"after": 1_000_010, "thread_id": "another"},
    ],
)
async def test_a_seq_that_the_thread_does_not_have_begins_anew(
    stack: RunningStack, user: str, hello: Frame
) -> None:
    """Rather told twice than never: such a client gets the turns again."""
    thread_id = str(uuid4())
    await stack.say(user, "hello", thread_id=thread_id)
    async with bare_socket(stack, thread_id, headers=stack.as_user(user)) as client:
        await client.say(type="client_hello", **hello)
        assert len((await client.frame())["payload"]["turns"]) == 1


async def test_what_is_no_hello_is_ignored(stack: RunningStack, user: str) -> None:
    """Malformed JSON, other types and binary frames neither end the socket nor count as the hello."""
    thread_id = str(uuid4())
    await stack.say(user, "hello", thread_id=thread_id)
    async with bare_socket(stack, thread_id, headers=stack.as_user(user)) as client:
        for junk in ("", "{", "[]", "null", '{"type": "typing"}', b"\x00\xff", "[" * 5000):
            await client.connection.send(junk)
        await client.say(type="client_hello", thread_id=thread_id, after=0)
        assert (await client.frame())["payload"]["turns"] == []
        await client.connection.send("{")
        assert seq_of(await client.frame()) == 1_000_010


# --- who may listen, and for how long -------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [None, {"Authorization": "Bearer nonsense"}, {"Cookie": "access=nonsense"}])
async def test_without_a_valid_token_the_socket_says_why(stack: RunningStack, headers: Frame | None) -> None:
    """Accepted first, so that a browser sees the code 4401; a token in the address counts for nothing."""
    query = f"?token={stack.tokens.access('ada')}"
    async with bare_socket(stack, str(uuid4()), headers=headers, query=query) as client:
        assert await client.close_code() == 4401


async def test_a_cookie_opens_the_socket_from_an_allowed_page_only(stack: RunningStack, user: str) -> None:
    """With the API's own origin it is served, from another page or without an origin it is closed with 4403."""
    cookie = {"Cookie": f"access={stack.tokens.access(user)}"}
    own = f"http://127.0.0.1:{stack.settings.islanders_port}"
    async with bare_socket(stack, "t", headers=cookie, origin=own) as client:
        assert (await client.frame())["event"] == "rehydration"
    for origin in ("http://elsewhere.example", None):
        async with bare_socket(stack, "t", headers=cookie, origin=origin) as client:
            assert await client.close_code() == 4403


async def test_somebody_elses_thread_is_closed(stack: RunningStack, user: str) -> None:
    """4403 at once, and also when a thread nobody had begun turns out to be somebody else's."""
    theirs, unborn = str(uuid4()), str(uuid4())
    await stack.say(f"{user}-2", "hello", thread_id=theirs)
    async with bare_socket(stack, theirs, headers=stack.as_user(user)) as client:
        assert await client.close_code() == 4403
    async with chat_socket(stack, user, unborn) as (client, _):
        await stack.say(f"{user}-2", "hello", thread_id=unborn)
        assert await client.close_code() == 4403


async def test_a_name_that_is_none_is_closed(stack: RunningStack, user: str) -> None:
    """A path that can be no thread of the caller is answered like a thread of somebody else."""
    async with bare_socket(stack, "a.b", headers=stack.as_user(user)) as client:
        assert await client.close_code() == 4403


async def test_the_socket_ends_with_its_token(stack: RunningStack, user: str) -> None:
    """A socket that was open when its token expired is closed with 4401, so that the client signs in again."""
    tokens = Tokens(SECRET, access_lifetime=timedelta(seconds=2), demo_user=False)
    headers = {"Authorization": f"Bearer {tokens.access(user)}"}
    async with bare_socket(stack, str(uuid4()), headers=headers) as client:
        await client.say(type="client_hello")
        assert (await client.frame())["event"] == "rehydration"
        assert await client.close_code() == 4401
        assert client.close_reason == "token_expired"


async def test_a_frame_that_is_too_long_ends_the_socket(stack: RunningStack, user: str) -> None:
    """Over 64 KiB: 1009, whatever it says."""
    async with chat_socket(stack, user, str(uuid4())) as (client, _):
        await client.connection.send(json.dumps({"type": "client_hello", "padding": "x" * 70_000}))
        assert await client.close_code() == 1009


async def test_a_thread_that_is_deleted_ends_its_sockets(stack: RunningStack, user: str) -> None:
    """A normal close: there is nothing to come back for."""
    thread_id = str(uuid4())
    await stack.say(user, "hello", thread_id=thread_id)
    async with chat_socket(stack, user, thread_id) as (client, _):
        await stack.app.state.forgetting.mark(user, thread_id)
        assert await client.close_code() == 1000
    async with bare_socket(stack, thread_id, headers=stack.as_user(user)) as client:
        assert await client.close_code() == 1000


async def test_a_client_that_leaves_is_let_go_at_once(idle_stack: RunningStack) -> None:
    """Also in a turn in which nothing happens: its tail and its place in the watch are freed."""
    await idle_stack.post("ada", FIND, thread_id="t")
    state = idle_stack.app.state
    async with chat_socket(idle_stack, "ada", "t") as (client, _):
        assert (await client.frame())["event"] == "typing"
        assert len(state.tails._tails) == len(state.thread_watch._threads) == 1
    await eventually(lambda: _is_true(lambda: not state.tails._tails and not state.thread_watch._threads))
    await state.sockets.all_closed()


async def _is_true(look) -> bool:
    return bool(look())


# --- when the server cannot -----------------------------------------------------------------------------------


async def test_a_server_that_stops_tells_its_sockets_to_come_back(
    own_temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    """1013 in mid-turn, while idle and before the hello; another server goes on behind the last seq."""
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port())
    await fill(settings.database_url)
    async with contextlib.AsyncExitStack() as clients:
        async with running_api(settings, own_temporal.client) as stack:
            watching, _ = await clients.enter_async_context(chat_socket(stack, "ada", "busy"))
            idle, _ = await clients.enter_async_context(chat_socket(stack, "ada", "idle"))
            silent = await clients.enter_async_context(bare_socket(stack, "t", headers=stack.as_user("ada")))
            await stack.post("ada", FIND, thread_id="busy")
            typing = await watching.frame()
        assert [await client.close_code() for client in (watching, idle, silent)] == [1013, 1013, 1013]
    settings = settings.model_copy(update={"islanders_port": free_port()})
    async with (
        running_api(settings, own_temporal.client) as restarted,
        restarted.working(),
        chat_socket(restarted, "ada", "busy", after=seq_of(typing)) as (client, _),
    ):
        frames = await client.turn()
    assert seq_of(frames[0]) > seq_of(typing)
    assert frames[-1]["event"] == "assistant_message"


async def test_too_many_open_turns_are_put_off(idle_stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """1013 when this process follows as many turns as it may; another may have room."""
    await idle_stack.post("ada", FIND, thread_id="t")
    monkeypatch.setattr(history_tail, "MAX_OPEN_TAILS", 0)
    async with chat_socket(idle_stack, "ada", "t") as (client, _):
        assert await client.close_code() == 1013
        assert client.close_reason == "too_many_watchers"


async def test_a_database_that_is_away_is_not_the_clients_fault(
    stack: RunningStack, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1013 when there is no telling whose thread it is, 1011 for a fault of ours."""

    async def away(*_: object) -> None:
        raise StorageUnavailable

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    for failing, code in ((away, 1013), (broken, 1011)):
        monkeypatch.setattr(stack.app.state.thread_reading, "numbers_of", failing)
        async with bare_socket(stack, "t", headers=stack.as_user(user)) as client:
            assert await client.close_code() == code
        monkeypatch.undo()
