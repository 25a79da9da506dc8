"""The routes of threads: reading them, what is unread, and forgetting one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities import forgetting
from api.forget_start import ForgetStarter
from domain.memory import MemoryMode
from domain.names import forget_thread_workflow_id, thread_id_for
from tests.eventually import eventually
from tests.ports import free_port
from tests.postgres_server import PostgresServer
from tests.running_stack import RunningStack, fill, running_api, stack_settings

FIND = "2 bedroom apartments in Girne, long term"


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause after a turn that was cut short, shorter."""
    monkeypatch.setattr(forgetting, "SETTLE", timedelta(seconds=0.5))


async def ask(stack: RunningStack, user: str, method: str, path: str) -> httpx.Response:
    return await stack.http.request(method, path, headers=stack.as_user(user))


async def read(stack: RunningStack, user: str, path: str) -> Any:
    answer = await ask(stack, user, "GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- reading ------------------------------------------------------------------------------------------------


async def test_the_current_thread_is_opened_on_demand_and_replaced(stack: RunningStack, user: str) -> None:
    """The same one every time, until a new one is opened; messages go to it."""
    first = await read(stack, user, "/api/conversations/current/")
    assert first == await read(stack, user, "/api/conversations/current/")
    assert (first["is_active"], first["turns"], first["title"], first["last_message_at"]) == (True, 0, None, None)
    opened = await ask(stack, user, "POST", "/api/conversations/")
    assert opened.status_code == 201
    assert opened.json()["thread_id"] != first["thread_id"]
    assert (await stack.say(user, "hello")).json()["thread_id"] == opened.json()["thread_id"]
    current = await read(stack, user, "/api/conversations/current/")
    assert (current["thread_id"], current["turns"]) == (opened.json()["thread_id"], 1)
    assert (current["title"], current["unread_count"]) == ("hello", 1)
    assert datetime.fromisoformat(current["last_message_at"]).tzinfo is not None


async def test_threads_are_listed_newest_first(stack: RunningStack, user: str) -> None:
    """By the last message, in pages, and only one's own."""
    for name in ("one", "two", "three"):
        await stack.say(user, "hello", thread_id=name)
    await stack.say(user, "and more", thread_id="one")
    pages = [await read(stack, user, f"/api/v1/threads/?page={page}&limit=2") for page in (1, 2)]
    assert [(page["count"], page["page"], page["limit"]) for page in pages] == [(3, 1, 2), (3, 2, 2)]
    assert [thread["name"] for page in pages for thread in page["results"]] == ["one", "three", "two"]
    assert [thread["is_active"] for page in pages for thread in page["results"]] == [True, False, False]


async def test_messages_tell_a_conversation_with_its_cards(stack: RunningStack, user: str) -> None:
    """By id, by name or of the active thread: what was said, in order, cards as in the result."""
    said = (await stack.say(user, FIND, thread_id="flat")).json()
    await stack.say(user, "more", thread_id="flat")
    by_name = await read(stack, user, "/api/v1/messages/?thread_id=flat")
    assert by_name == await read(stack, user, f"/api/v1/messages/?thread_id={said['thread_id'].upper()}")
    assert by_name == await read(stack, user, "/api/v1/messages/")
    assert [message["role"] for message in by_name["results"]] == ["user", "assistant"] * 2
    question, reply = by_name["results"][:2]
    assert question["text"] == FIND
    assert (reply["id"], reply["turn_id"]) == (said["queued_message_id"], said["turn_id"])
    assert (reply["text"], reply["agent"]) == (said["result"]["response_text"], "re_agent")
    assert reply["recommendations"] == said["result"]["recommendations"] != []
    assert (reply["status"], reply["regenerates"]) == ("completed", None)
    second = await read(stack, user, "/api/v1/messages/?thread_id=flat&page=2&limit=3")
    assert (second["count"], [message["role"] for message in second["results"]]) == (4, ["assistant"])


async def test_without_a_thread_there_are_no_messages(stack: RunningStack, user: str) -> None:
    """A user who never said anything has an empty list, and asking opens no thread."""
    assert (await read(stack, user, "/api/v1/messages/"))["results"] == []
    assert (await read(stack, user, "/api/v1/threads/"))["count"] == 0


async def test_unread_replies_are_counted_and_marked(stack: RunningStack, user: str) -> None:
    """Polled as existing clients do; marking is for one thread and can be repeated."""
    for name in ("one", "one", "two"):
        await stack.say(user, "hello", thread_id=name)
    count = await read(stack, user, "/api/v1/messages/unread-count/")
    assert count["unread_count"] == 3
    assert datetime.fromisoformat(count["last_updated"]).tzinfo is not None
    for _ in range(2):
        marked = await ask(stack, user, "PUT", "/api/v1/messages/one/read_status/")
        assert marked.status_code == 200
        assert marked.json()["thread_id"] == thread_id_for(user, "one")
        assert marked.json()["unread_count"] == 0
        assert (await read(stack, user, "/api/v1/messages/unread-count/"))["unread_count"] == 1


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET", "/api/v1/threads/?page=0", "page"),
        ("GET", "/api/v1/threads/?limit=0", "limit"),
        ("GET", "/api/v1/threads/?limit=101", "limit"),
        ("GET", f"/api/v1/threads/?page={10**20}", "page"),
        ("GET", "/api/v1/messages/?page=x", "page"),
        ("GET", "/api/v1/messages/?limit=-1", "limit"),
        ("GET", "/api/v1/messages/?thread_id=", "thread_id"),
        ("GET", "/api/v1/messages/?thread_id=no%20spaces", "thread_id"),
        ("PUT", "/api/v1/messages/no%20spaces/read_status/", "thread_id"),
        ("DELETE", "/api/v1/threads/no%20spaces", "thread_id"),
    ],
)
async def test_bad_input_names_its_field(
    stack: RunningStack, user: str, method: str, path: str, field: str
) -> None:
    """400 with the one error body."""
    answer = await ask(stack, user, method, path)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


ROUTES = [
    ("GET", "/api/conversations/current/"),
    ("POST", "/api/conversations/"),
    ("GET", "/api/v1/threads/"),
    ("GET", "/api/v1/messages/"),
    ("GET", "/api/v1/messages/unread-count/"),
    ("PUT", "/api/v1/messages/flat/read_status/"),
    ("DELETE", "/api/v1/threads/flat"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_a_token_it_is_401(stack: RunningStack, method: str, path: str) -> None:
    """Nothing of this is public."""
    assert (await stack.http.request(method, path)).status_code == 401


async def test_somebody_elses_thread_is_404(stack: RunningStack, user: str) -> None:
    """Neither read, nor marked, nor deleted, nor told apart from one that never was."""
    mine = (await stack.say(user, "hello")).json()["thread_id"]
    for thread_id in (mine, str(uuid4()), "nothing"):
        for method, path in (
            ("GET", f"/api/v1/messages/?thread_id={thread_id}"),
            ("PUT", f"/api/v1/messages/{thread_id}/read_status/"),
            ("DELETE", f"/api/v1/threads/{thread_id}"),
        ):
            answer = await ask(stack, "eve", method, path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert (await read(stack, user, f"/api/v1/messages/?thread_id={mine}"))["count"] == 2


# --- forgetting ---------------------------------------------------------------------------------------------


async def remembered(stack: RunningStack, thread_id: str) -> bool:
    """Whether the memory server of the embedded stack has a session for the thread."""
    key = stack.settings.zep_api_key.get_secret_value()
    path = f"/zep/api/v2/sessions/{thread_id}"
    answer = await stack.http.get(path, headers={"Authorization": f"Api-Key {key}"})
    return answer.status_code == 200


async def until_remembered(stack: RunningStack, thread_id: str) -> None:
    await eventually(lambda: remembered(stack, thread_id))


async def until_forgotten(stack: RunningStack, user: str, thread_id: str) -> None:
    async def gone() -> bool:
        return (await ask(stack, user, "DELETE", f"/api/v1/threads/{thread_id}")).status_code == 404

    await eventually(gone, within=30)


async def assert_hidden(stack: RunningStack, user: str, turn: dict[str, Any]) -> None:
    thread_id, turn_id = turn["thread_id"], turn["turn_id"]
    threads = await read(stack, user, "/api/v1/threads/?limit=100")
    assert thread_id not in [thread["thread_id"] for thread in threads["results"]]
    assert (await read(stack, user, "/api/conversations/current/"))["thread_id"] != thread_id
    for method, path in (
        ("GET", f"/api/v1/messages/?thread_id={thread_id}"),
        ("PUT", f"/api/v1/messages/{thread_id}/read_status/"),
        ("GET", f"/api/turns/{turn_id}"),
        ("GET", f"/api/turns/{turn_id}/events"),
        ("POST", f"/api/turns/{turn_id}/cancel"),
        ("POST", f"/api/turns/{turn_id}/regenerate"),
    ):
        assert (await ask(stack, user, method, path)).status_code == 404, path


async def test_a_deleted_thread_is_forgotten_everywhere(stack: RunningStack, user: str) -> None:
    """Hidden with the answer, soon gone from record and memory; other threads keep theirs; the name is free."""
    turn = (await stack.say(user, FIND, thread_id="flat")).json()
    other = (await stack.say(user, "2 bedroom house in Iskele", thread_id="house")).json()
    for each in (turn, other):
        await until_remembered(stack, each["thread_id"])
    answer = await ask(stack, user, "DELETE", "/api/v1/threads/flat")
    assert answer.status_code == 202
    assert answer.json() == {"ok": True, "thread_id": turn["thread_id"], "status": "forgetting"}
    await assert_hidden(stack, user, turn)
    await until_forgotten(stack, user, turn["thread_id"])
    assert not await remembered(stack, turn["thread_id"])
    assert await remembered(stack, other["thread_id"])
    assert (await read(stack, user, "/api/v1/messages/?thread_id=house"))["count"] == 2
    fresh = (await stack.say(user, "more", thread_id="flat")).json()
    assert fresh["thread_id"] == turn["thread_id"]
    assert fresh["result"]["slots"] == {}
    assert (await read(stack, user, "/api/v1/messages/?thread_id=flat"))["count"] == 2


async def test_deleting_and_beginning_anew_over_and_over(stack: RunningStack, user: str, briefly: None) -> None:
    """A thread that is deleted the moment it is begun anew is forgotten as well, every time."""
    for _ in range(4):
        turn = (await stack.post(user, "hello", thread_id="flat")).json()
        assert (await ask(stack, user, "DELETE", "/api/v1/threads/flat")).status_code == 202
        await until_forgotten(stack, user, "flat")
    assert not await remembered(stack, turn["thread_id"])
    assert (await read(stack, user, "/api/v1/threads/"))["count"] == 0


async def test_parallel_deletions_are_one(stack: RunningStack, user: str) -> None:
    """However many ask at once, all are told the same and the thread goes."""
    turn = (await stack.say(user, "hello", thread_id="flat")).json()
    asking = (ask(stack, user, "DELETE", "/api/v1/threads/flat") for _ in range(10))
    assert {answer.status_code for answer in await asyncio.gather(*asking)} <= {202, 404}
    await until_forgotten(stack, user, "flat")
    assert not await remembered(stack, turn["thread_id"])


@asynccontextmanager
async def stack_without_worker(environment: WorkflowEnvironment, database_url: str) -> AsyncIterator[RunningStack]:
    settings = stack_settings(database_url, free_port())
    await fill(settings.database_url)
    async with running_api(settings, environment.client) as stack:
        yield stack


async def test_while_it_is_forgotten_a_thread_takes_no_message(
    own_temporal: WorkflowEnvironment, database_url: str, briefly: None
) -> None:
    """409 for messages, 202 for a repeated deletion, which is the same run; an open turn is stopped at last."""
    async with stack_without_worker(own_temporal, database_url) as stack:
        message = {"thread_id": "flat", "client_msg_id": str(uuid4())}
        turn = (await stack.post("ada", FIND, **message)).json()
        runs = []
        for _ in range(2):
            assert (await ask(stack, "ada", "DELETE", "/api/v1/threads/flat")).status_code == 202
            runs.append((await forgetting_of(own_temporal, turn).describe()).run_id)
        assert runs[0] == runs[1]
        await assert_hidden(stack, "ada", turn)
        for refused in (
            await stack.post("ada", FIND, **message),
            await stack.post("ada", "another", thread_id=turn["thread_id"]),
        ):
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "thread_being_forgotten")
        async with stack.working():
            await until_forgotten(stack, "ada", "flat")
            gone = await forgetting_of(own_temporal, turn).result()
            chat = await own_temporal.client.get_workflow_handle(f"chat-turn-{turn['turn_id']}").describe()
            assert (gone["turns"], gone["messages"]) == (1, 1)
            assert chat.status is WorkflowExecutionStatus.COMPLETED
            assert not await remembered(stack, turn["thread_id"])
            anew = (await stack.say("ada", "hello", **message)).json()
            assert (anew["idempotent"], anew["result"]["status"]) == (False, "completed")
            stored = await stack.messages("ada", turn["thread_id"])
            assert [one["text"] for one in stored] == ["hello", anew["result"]["response_text"]]


def forgetting_of(environment: WorkflowEnvironment, turn: dict[str, Any]) -> WorkflowHandle:
    return environment.client.get_workflow_handle(forget_thread_workflow_id(turn["thread_id"]))


async def test_without_temporal_a_deletion_is_503_and_not_lost(
    own_temporal: WorkflowEnvironment, temporal: WorkflowEnvironment, tmp_path: Path, briefly: None
) -> None:
    """The thread is hidden at once; the same request later, when Temporal is back, forgets it."""
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port())
    await fill(settings.database_url)
    async with running_api(settings, own_temporal.client) as stack, stack.working():
        turn = (await stack.say("ada", FIND, thread_id="flat")).json()
    await own_temporal.shutdown()
    settings = settings.model_copy(update={"islanders_port": free_port()})
    async with running_api(settings, own_temporal.client) as stack:
        refused = await ask(stack, "ada", "DELETE", "/api/v1/threads/flat")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "workflows_unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        await assert_hidden(stack, "ada", turn)
    settings = settings.model_copy(update={"islanders_port": free_port()})
    async with running_api(settings, temporal.client) as stack:
        assert (await ask(stack, "ada", "DELETE", "/api/v1/threads/flat")).status_code == 202
        run = forgetting_of(temporal, turn)
        assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING
        await run.terminate()


async def test_a_new_mark_never_joins_a_run_that_is_about_to_end(own_temporal: WorkflowEnvironment) -> None:
    """A repeated deletion joins the run there is; that of a thread begun anew has a run of its own."""
    client, thread_id = own_temporal.client, str(uuid4())
    starter = ForgetStarter(client, memory_mode=MemoryMode.READ_WRITE, build_id="x", task_queue="nobody")
    runs = []
    for newly_marked in (True, False, True):
        await starter.start("ada", thread_id, newly_marked=newly_marked)
        runs.append((await client.get_workflow_handle(forget_thread_workflow_id(thread_id)).describe()).run_id)
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.postgres
async def test_threads_on_postgres(
    own_temporal: WorkflowEnvironment, postgres: PostgresServer, briefly: None
) -> None:
    """The routes and the forgetting work over PostgreSQL, memory included."""
    async with stack_without_worker(own_temporal, postgres.new_database()) as stack, stack.working():
        turn = (await stack.say("ada", FIND, thread_id="flat")).json()
        await stack.say("ada", "hello", thread_id="other")
        await until_remembered(stack, turn["thread_id"])
        assert (await read(stack, "ada", "/api/v1/threads/"))["count"] == 2
        assert (await read(stack, "ada", "/api/v1/messages/?thread_id=flat"))["count"] == 2
        assert (await read(stack, "ada", "/api/v1/messages/unread-count/"))["unread_count"] == 2
        assert (await ask(stack, "ada", "DELETE", "/api/v1/threads/flat")).status_code == 202
        await assert_hidden(stack, "ada", turn)
        await until_forgotten(stack, "ada", "flat")
        assert not await remembered(stack, turn["thread_id"])
        assert await remembered(stack, thread_id_for("ada", "other"))
