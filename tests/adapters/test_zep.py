"""Session memory against the memory server, through a proxy that loses replies, and against a script."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from adapters.database import Database
from adapters.zep import RECENT_MESSAGES, ZepMemory, page_size_for
from adapters.zep_limits import zep_user_id
from domain.errors import (
    MemoryFailure,
    MemoryMisconfigured,
    MemoryRejected,
    MemoryUnauthorized,
    MemoryUnavailable,
)
from domain.memory import MemoryContext, MemoryMessage, MemoryRole
from tests.adapters.zep_wires import HANG_UP, NEVER, Cut, LossyProxy, ScriptedZep, answer
from tests.ports import free_port
from tests.zep_local.served_zep import KEY, ServedZep, create_tables, serving_zep

BUDGET = 5.0
HTML = "<html>somebody else</html>"
NOT_FOUND = answer(404, {"message": "not found"})


def said(role: MemoryRole, content: str) -> MemoryMessage:
    return MemoryMessage(id=str(uuid4()), role=role, content=content)


def turn(question: str = "question", reply: str = "reply") -> tuple[MemoryMessage, ...]:
    return said(MemoryRole.USER, question), said(MemoryRole.ASSISTANT, reply)


@pytest.fixture
def user_id() -> str:
    return f"user-{uuid4()}"


@pytest.fixture
def thread_id() -> str:
    return str(uuid4())


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedZep]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('zep')}/memory.db")
    await create_tables(database)
    async with serving_zep(database) as zep:
        yield zep


@pytest.fixture
async def proxy(served: ServedZep) -> AsyncIterator[LossyProxy]:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        lossy = LossyProxy(served.base.removesuffix("/zep"), http)
        async with lossy.listening() as address:
            lossy.base = f"{address}/zep"
            yield lossy


@pytest.fixture
async def memory(proxy: LossyProxy) -> AsyncIterator[ZepMemory]:
    """The adapter through the proxy to the memory server."""
    zep = ZepMemory(proxy.base, KEY, timeout=2)
    yield zep
    await zep.close()


@pytest.fixture
async def script() -> AsyncIterator[ScriptedZep]:
    scripted = ScriptedZep()
    async with scripted.listening() as address:
        scripted.base = address
        yield scripted


@pytest.fixture
async def scripted(script: ScriptedZep) -> AsyncIterator[ZepMemory]:
    """The adapter against the script."""
    zep = ZepMemory(script.base, KEY, timeout=0.3)
    yield zep
    await zep.close()


async def stored(served: ServedZep, thread_id: str) -> list[str]:
    listed = await served.http.get(f"/api/v2/sessions/{thread_id}/messages")
    return [message["content"] for message in listed.json()["messages"]]


async def owner(served: ServedZep, thread_id: str) -> str | None:
    return (await served.http.get(f"/api/v2/sessions/{thread_id}")).json()["user_id"]


# --- against the memory server ------------------------------------------------------------------------------


async def test_the_first_fetch_creates_user_and_session_and_the_second_finds_them(
    served, proxy, memory, user_id, thread_id
):
    """A new thread costs the calls of its creation once; later turns read their memory and nothing else."""
    with capture_logs() as logs:
        assert await memory.fetch_context(user_id, thread_id, budget=BUDGET) == MemoryContext()
    assert proxy.asked == ["get_session", "user.get", "user.add", "add_session", "memory.get"]
    assert [entry["event"] for entry in logs] == [
        "zep_session_not_found_creating",
        "zep_user_created",
        "zep_session_created",
        "zep_context_fetched",
    ]
    assert await owner(served, thread_id) == user_id
    proxy.asked.clear()
    await memory.fetch_context(user_id, thread_id, budget=BUDGET)
    assert proxy.asked == ["memory.get"]


async def test_another_process_finds_what_is_there(proxy, memory, user_id, thread_id):
    """One look at the session, no creation."""
    await memory.fetch_context(user_id, thread_id, budget=BUDGET)
    restarted = ZepMemory(proxy.base, KEY, timeout=2)
    proxy.asked.clear()
    await restarted.fetch_context(user_id, thread_id, budget=BUDGET)
    await restarted.close()
    assert proxy.asked == ["get_session", "memory.get"]


async def test_context_is_what_was_said_oldest_first(memory, user_id, thread_id):
    """Ids, roles and texts come back, at most twelve."""
    turns = [turn(f"question {number}", f"reply {number}") for number in range(8)]
    for messages in turns:
        await memory.append(user_id, thread_id, messages, budget=BUDGET)
    context = await memory.fetch_context(user_id, thread_id, budget=BUDGET)
    assert context.messages == tuple(message for messages in turns for message in messages)[-12:]
    assert (context.source, context.facts) == ("zep", ())


async def test_the_same_batch_twice_is_stored_once(served, memory, user_id, thread_id):
    """The second append is a success, not an error, and no false alarm in the log."""
    batch = turn()
    await memory.append(user_id, thread_id, batch, budget=BUDGET)
    with capture_logs() as logs:
        await memory.append(user_id, thread_id, batch, budget=BUDGET)
    assert await stored(served, thread_id) == ["question", "reply"]
    assert [entry["event"] for entry in logs] == ["zep_memory_added"]


async def test_half_of_a_batch_stored_is_no_success(served, memory, user_id, thread_id):
    """A refusal counts as stored only when every message of the batch is found."""
    question, reply = turn()
    await memory.append(user_id, thread_id, (question,), budget=BUDGET)
    with capture_logs() as logs, pytest.raises(MemoryRejected):
        await memory.append(user_id, thread_id, (question, reply), budget=BUDGET)
    assert await stored(served, thread_id) == ["question"]
    assert [entry["event"] for entry in logs] == ["zep_http_status_unexpected"]


async def test_an_append_whose_reply_was_lost_is_stored_once(served, proxy, memory, user_id, thread_id):
    """The lost try is worth another; the other finds the messages."""
    batch = turn()
    proxy.lost = {"memory.add"}
    with pytest.raises(MemoryUnavailable):
        await memory.append(user_id, thread_id, batch, budget=BUDGET)
    await memory.append(user_id, thread_id, batch, budget=BUDGET)
    assert await stored(served, thread_id) == ["question", "reply"]


@pytest.mark.parametrize(
    "operation", ["user.get", "user.add", "get_session", "add_session", "memory.add", "message"]
)
async def test_any_lost_reply_leaves_one_owned_session_and_one_batch(
    served, proxy, memory, user_id, thread_id, operation
):
    """Whatever reply is lost, trying again ends with the user's session and two messages."""
    batch = turn()
    if operation == "message":
        await memory.append(user_id, thread_id, batch, budget=BUDGET)
    proxy.lost = {operation}
    with pytest.raises(MemoryUnavailable):
        await memory.append(user_id, thread_id, batch, budget=BUDGET)
    await memory.append(user_id, thread_id, batch, budget=BUDGET)
    assert await stored(served, thread_id) == ["question", "reply"]
    assert await owner(served, thread_id) == user_id


async def test_first_turns_at_once_share_one_session(served, memory, user_id, thread_id):
    """Losing the race for a creation is no failure."""
    fetching = (memory.fetch_context(user_id, thread_id, budget=BUDGET) for _ in range(6))
    assert await asyncio.gather(*fetching) == [MemoryContext()] * 6
    assert await owner(served, thread_id) == user_id


async def test_an_append_to_a_deleted_session_gives_it_its_owner(served, memory, user_id, thread_id):
    """A session that this process knew and that is gone is created with its user, not left without one."""
    await memory.fetch_context(user_id, thread_id, budget=BUDGET)
    await served.http.delete(f"/api/v2/sessions/{thread_id}/memory")
    await memory.append(user_id, thread_id, turn(), budget=BUDGET)
    assert await owner(served, thread_id) == user_id


async def test_a_user_that_vanished_is_created_again(served, proxy, memory, user_id, thread_id):
    """`user not found` while the session is created: the user once more, then the session."""
    proxy.replaced = {"user.get": answer(200, {"user_id": user_id})}
    with pytest.raises(MemoryRejected):
        await memory.fetch_context(user_id, thread_id, budget=BUDGET)
    assert proxy.asked.count("add_session") == 2
    proxy.replaced = {}
    await memory.fetch_context(user_id, thread_id, budget=BUDGET)
    assert await owner(served, thread_id) == user_id


async def test_a_session_without_its_owner_is_warned_about_and_read(served, memory, user_id, thread_id):
    """The API cannot give it to the user, so the turn goes on."""
    batch = {"messages": [{"role_type": "user", "content": "early"}]}
    await served.http.post(f"/api/v2/sessions/{thread_id}/memory", json=batch)
    with capture_logs() as logs:
        context = await memory.fetch_context(user_id, thread_id, budget=BUDGET)
    assert [message.content for message in context.messages] == ["early"]
    assert logs[0]["event"] == "zep_session_owner_differs"


@pytest.mark.parametrize("odd", ["a b", "a/b", "..", "", "ada@example.com", "x" * 129, "şule"])
async def test_an_odd_user_id_gets_one_that_fits_a_path(served, memory, thread_id, odd):
    """Always the same one, and no text of the user's becomes part of a path."""
    await memory.fetch_context(odd, thread_id, budget=BUDGET)
    assert await owner(served, thread_id) == zep_user_id(odd)
    assert zep_user_id(odd).startswith("ei-")


@pytest.mark.parametrize("count", [3, 12, 13, 30])
async def test_the_newest_messages_are_listed_when_memory_fails(proxy, memory, user_id, thread_id, count):
    """A broken graph takes the facts, not the conversation: the last twelve come from the plain list."""
    messages = tuple(said(MemoryRole.USER, str(number)) for number in range(count))
    await memory.append(user_id, thread_id, messages, budget=BUDGET)
    proxy.replaced = {"memory.get": answer(500, {"message": "graph is down"})}
    with capture_logs() as logs:
        context = await memory.fetch_context(user_id, thread_id, budget=BUDGET)
    assert context == MemoryContext(messages=messages[-12:], source="zep_messages")
    assert [(entry["event"], entry.get("degraded")) for entry in logs] == [
        ("zep_http_status_unexpected", None),
        ("zep_context_fetched", True),
    ]


async def test_a_forgotten_session_is_gone_and_others_stay(served, memory, user_id, thread_id):
    """Deleted with its messages, and only this one; again, and where there never was one, is a success."""
    other = str(uuid4())
    for each in (thread_id, other):
        await memory.append(user_id, each, turn(), budget=BUDGET)
    with capture_logs() as logs:
        for _ in range(2):
            await memory.forget(thread_id, budget=BUDGET)
    assert [(entry["event"], entry["existed"]) for entry in logs] == [
        ("zep_session_forgotten", True),
        ("zep_session_forgotten", False),
    ]
    assert (await served.http.get(f"/api/v2/sessions/{thread_id}")).status_code == 404
    assert await stored(served, thread_id) == []
    assert await stored(served, other) == ["question", "reply"]


async def test_a_deletion_whose_reply_was_lost_is_repeated(served, proxy, memory, user_id, thread_id):
    """The lost try is worth another, which finds nothing to delete."""
    await memory.append(user_id, thread_id, turn(), budget=BUDGET)
    proxy.lost = {"memory.delete"}
    with pytest.raises(MemoryUnavailable):
        await memory.forget(thread_id, budget=BUDGET)
    await memory.forget(thread_id, budget=BUDGET)
    assert (await served.http.get(f"/api/v2/sessions/{thread_id}")).status_code == 404


async def test_a_forgotten_session_that_comes_back_has_its_owner(served, memory, user_id, thread_id):
    """The id may be used again, by a process that had known the old session too."""
    await memory.append(user_id, thread_id, turn(), budget=BUDGET)
    await memory.forget(thread_id, budget=BUDGET)
    await memory.fetch_context(user_id, thread_id, budget=BUDGET)
    assert await owner(served, thread_id) == user_id


def test_a_last_page_always_holds_twelve():
    """For every total there is a page size whose last page has at least twelve messages, and not many more."""
    for total in range(RECENT_MESSAGES + 1, 2000):
        size = page_size_for(total)
        assert RECENT_MESSAGES <= (total - 1) % size + 1 <= size < 3 * RECENT_MESSAGES


async def test_a_probe_tells_a_zep_from_anything_else(served, memory):
    """The right key and base pass; a wrong key, a doubled suffix, another app's JSON 404 do not."""
    await memory.probe()
    root = served.base.removesuffix("/zep")
    for base, key, kind in (
        (served.base, "wrong", MemoryUnauthorized),
        (served.base, "", MemoryMisconfigured),
        (f"{served.base}/api/v2", KEY, MemoryMisconfigured),
        (root, KEY, MemoryMisconfigured),
        ("no address", KEY, MemoryMisconfigured),
        (f"http://127.0.0.1:{free_port()}", KEY, MemoryUnavailable),
    ):
        zep = ZepMemory(base, key, timeout=2)
        with pytest.raises(MemoryFailure) as failed:
            await zep.probe()
        assert type(failed.value) is kind, base
        await zep.close()


# --- the failure table --------------------------------------------------------------------------------------

TRANSIENT = [
    pytest.param(HANG_UP, None, id="hung up"),
    pytest.param(NEVER, None, id="no answer"),
    pytest.param(Cut(answer(200, "x" * 50)[:-1]), None, id="cut"),
    pytest.param(answer(500, {"message": "no"}), 500, id="500 JSON"),
    pytest.param(answer(500, HTML), 500, id="500 HTML"),
    pytest.param(answer(502, HTML), 502, id="502 HTML"),
    pytest.param(answer(503), 503, id="503 empty"),
]
BUSY = [
    pytest.param(answer(408), 408, id="408"),
    pytest.param(answer(429, {"message": "slow down"}, Retry_After="7"), 429, id="429"),
]
LASTING = [
    pytest.param(answer(401, "unauthorized\n"), MemoryUnauthorized, 401, id="401"),
    pytest.param(answer(403, {"message": "no"}), MemoryUnauthorized, 403, id="403"),
    pytest.param(answer(404, "404 page not found\n"), MemoryMisconfigured, 404, id="404 text"),
    pytest.param(answer(404, {"detail": "Not Found"}), MemoryMisconfigured, 404, id="404 of another app"),
    pytest.param(answer(405), MemoryMisconfigured, 405, id="405"),
    pytest.param(answer(302, Location="/"), MemoryMisconfigured, 302, id="302"),
    pytest.param(answer(409, {"message": "no"}), MemoryRejected, 409, id="409"),
    pytest.param(answer(413, HTML), MemoryRejected, 413, id="413"),
    pytest.param(answer(422, {"detail": []}), MemoryRejected, 422, id="422"),
]
UNREADABLE = [
    pytest.param(answer(200, HTML), id="200 HTML"),
    pytest.param(answer(200, "{}"), id="200 {}"),
    pytest.param(answer(200, "[]"), id="200 []"),
    pytest.param(answer(200, "null"), id="200 null"),
    pytest.param(answer(200), id="200 empty"),
    pytest.param(answer(200, '{"message'), id="200 truncated"),
    pytest.param(b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n\xff\xfe", id="200 binary"),
    pytest.param(answer(204), id="204"),
]


async def failure_of_fetch(memory: ZepMemory) -> MemoryFailure:
    with pytest.raises(MemoryFailure) as failed:
        await memory.fetch_context("ada", "thread", budget=2)
    return failed.value


async def failure_of_append(memory: ZepMemory, messages: tuple[MemoryMessage, ...] | None = None) -> MemoryFailure:
    with pytest.raises(MemoryFailure) as failed:
        await memory.append("ada", "thread", messages or turn(), budget=0.5)
    return failed.value


@pytest.mark.parametrize(("reply", "status"), [*TRANSIENT, *BUSY])
async def test_an_outage_at_the_first_request_is_unavailable(script, scripted, reply, status):
    """One request, no retry of the adapter's own, the status where there was one."""
    script.script = {"get_session": reply}
    for failure in (await failure_of_fetch(scripted), await failure_of_append(scripted)):
        assert (type(failure), failure.status) == (MemoryUnavailable, status)
        assert failure.retry_after == (7 if status == 429 else None)
    assert script.asked == ["get_session", "get_session"]


@pytest.mark.parametrize(("reply", "kind", "status"), LASTING)
async def test_a_lasting_refusal_is_one_request(script, scripted, reply, kind, status):
    """A bad key or a wrong base is asked once and told by its own error."""
    script.script = {"get_session": reply}
    for failure in (await failure_of_fetch(scripted), await failure_of_append(scripted)):
        assert (type(failure), failure.status) == (kind, status)
    assert script.asked == ["get_session", "get_session"]


@pytest.mark.parametrize("reply", UNREADABLE)
@pytest.mark.parametrize("operation", ["get_session", "memory.get"])
async def test_a_readable_status_with_an_unreadable_body_is_another_server(script, scripted, reply, operation):
    """A page, nothing, or an object of nothing is never taken for a session or an empty memory."""
    script.script = {operation: reply}
    assert type(await failure_of_fetch(scripted)) is MemoryMisconfigured
    assert script.asked[-1] == operation


@pytest.mark.parametrize(("reply", "status"), TRANSIENT)
async def test_an_outage_of_the_memory_is_read_from_the_list(script, scripted, reply, status):
    """A failing or hanging memory.get leaves time for the list of messages."""
    script.script = {"memory.get": reply}
    context = await scripted.fetch_context("ada", "thread", budget=2)
    assert context == MemoryContext(source="zep_messages")
    assert script.asked == ["get_session", "memory.get", "messages"]


async def test_a_hanging_memory_leaves_time_for_the_list_whatever_the_timeout(script):
    """With a timeout beyond the budget the list is still read inside it."""
    script.script = {"memory.get": NEVER}
    patient = ZepMemory(script.base, KEY, timeout=30)
    context = await patient.fetch_context("ada", "thread", budget=0.6)
    await patient.close()
    assert context.source == "zep_messages"


@pytest.mark.parametrize(("reply", "status"), BUSY)
async def test_a_busy_memory_is_left_alone(script, scripted, reply, status):
    """Who asks to come later is not asked for something else at once."""
    script.script = {"memory.get": reply}
    failure = await failure_of_fetch(scripted)
    assert (type(failure), failure.status) == (MemoryUnavailable, status)
    assert script.asked == ["get_session", "memory.get"]


@pytest.mark.parametrize(("reply", "status"), [*TRANSIENT, *BUSY])
async def test_an_outage_of_the_append_is_unavailable(script, scripted, reply, status):
    """May have been applied: worth another try, which finds out."""
    script.script = {"memory.add": reply}
    failure = await failure_of_append(scripted)
    assert (type(failure), failure.status) == (MemoryUnavailable, status)
    assert script.asked == ["get_session", "memory.add"]


@pytest.mark.parametrize(("reply", "kind", "status"), [row for row in LASTING if row.id != "409"])
async def test_a_refused_append_is_not_asked_about(script, scripted, reply, kind, status):
    """Only "already there" and an unreadable success are looked into."""
    script.script = {"memory.add": reply}
    failure = await failure_of_append(scripted)
    assert (type(failure), failure.status) == (kind, status)
    assert script.asked == ["get_session", "memory.add"]


@pytest.mark.parametrize("reply", [*UNREADABLE, answer(400, {"message": "no"}), answer(409, {"message": "no"})])
async def test_an_uncertain_append_is_settled_by_looking(script, scripted, reply):
    """Every message found: stored. One missing: a failure."""
    script.script = {"memory.add": reply}
    await scripted.append("ada", "thread", turn(), budget=2)
    assert script.asked == ["get_session", "memory.add", "message", "message"]
    script.script["message"] = NOT_FOUND
    assert isinstance(await failure_of_append(scripted), MemoryRejected | MemoryMisconfigured)


async def failure_of_forget(memory: ZepMemory) -> MemoryFailure:
    with pytest.raises(MemoryFailure) as failed:
        await memory.forget("thread", budget=0.5)
    return failed.value


@pytest.mark.parametrize(("reply", "status"), [*TRANSIENT, *BUSY])
async def test_an_outage_of_a_deletion_is_unavailable(script, scripted, reply, status):
    """May have been applied: worth another try."""
    script.script = {"memory.delete": reply}
    failure = await failure_of_forget(scripted)
    assert (type(failure), failure.status) == (MemoryUnavailable, status)
    assert script.asked == ["memory.delete"]


@pytest.mark.parametrize(("reply", "kind", "status"), LASTING)
async def test_a_refused_deletion_is_told_by_its_error(script, scripted, reply, kind, status):
    """A 404 of another server is no proof that the session is gone."""
    script.script = {"memory.delete": reply}
    failure = await failure_of_forget(scripted)
    assert (type(failure), failure.status) == (kind, status)


@pytest.mark.parametrize("reply", UNREADABLE)
async def test_an_unreadable_success_of_a_deletion_is_another_server(script, scripted, reply):
    """Only Zep's own answer says that a session is gone."""
    script.script = {"memory.delete": reply}
    assert type(await failure_of_forget(scripted)) is MemoryMisconfigured


async def test_a_missing_session_is_created_and_nothing_else_is(script, scripted):
    """Zep's own JSON 404 on the session, and only that, leads to a creation."""
    script.script = {"get_session": NOT_FOUND, "user.get": NOT_FOUND}
    await scripted.fetch_context("ada", "thread", budget=2)
    assert script.asked == ["get_session", "user.get", "user.add", "add_session", "memory.get"]


@pytest.mark.parametrize(
    ("operation", "reply"),
    [("user.get", answer(200, "{}")), ("user.add", answer(201, "{}")), ("add_session", answer(201, "{}"))],
)
async def test_a_creation_that_answers_nothing_is_another_server(script, scripted, operation, reply):
    """A 2xx counts when it tells of the thing that was asked for."""
    script.script = {"get_session": NOT_FOUND, "user.get": NOT_FOUND, operation: reply}
    assert type(await failure_of_fetch(scripted)) is MemoryMisconfigured
    assert script.asked[-1] == operation


async def test_a_failed_creation_is_logged_with_its_status(script, scripted):
    """One line, and not for a session that exists."""
    script.script = {"get_session": NOT_FOUND, "add_session": answer(503)}
    with capture_logs() as logs:
        await failure_of_fetch(scripted)
    failed = [entry for entry in logs if entry["event"] == "zep_session_creation_failed"]
    assert [(entry["status"], entry["attempt"]) for entry in failed] == [(503, 1)]


async def test_retry_after_may_be_a_date(script, scripted):
    """Both forms of the header are read, and nonsense is not."""
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)
    for header, at_least, at_most in ((in_a_minute, 50, 61), ("3", 3, 3), ("soon", 0, 0)):
        script.script = {"get_session": answer(503, Retry_After=header)}
        assert at_least <= ((await failure_of_fetch(scripted)).retry_after or 0) <= at_most


async def test_parallel_calls_keep_their_own_statuses(script, scripted):
    """A status that the SDK loses is that of the call's own response."""
    script.by_session = {"one": answer(500, HTML, Retry_After="3"), "two": answer(404, HTML)}
    script.together = asyncio.Barrier(2)
    one, two = await asyncio.gather(
        scripted.fetch_context("ada", "one", budget=2),
        scripted.fetch_context("ada", "two", budget=2),
        return_exceptions=True,
    )
    assert (type(one), one.status, one.retry_after) == (MemoryUnavailable, 500, 3)
    assert (type(two), two.status, two.retry_after) == (MemoryMisconfigured, 404, None)


async def test_a_spent_budget_is_unavailable(script, scripted):
    """The budget covers the whole call, also when it is shorter than one request."""
    script.script = {"get_session": NEVER}
    for budget in (0.05, 0):
        with pytest.raises(MemoryUnavailable):
            await scripted.fetch_context("ada", "thread", budget=budget)
        with pytest.raises(MemoryUnavailable):
            await scripted.append("ada", "thread", turn(), budget=budget)


async def test_facts_reach_the_context(script, scripted):
    """What Zep's graph knows comes along; what neither user nor assistant said does not."""
    messages = [
        {"uuid": "1", "role_type": "system", "content": "be nice"},
        {"uuid": "2", "role_type": "assistant", "content": "hello"},
    ]
    facts = [{"fact": "has a dog"}, {"fact": None}]
    script.script = {"memory.get": answer(200, {"messages": messages, "relevant_facts": facts})}
    context = await scripted.fetch_context("ada", "thread", budget=2)
    assert context.facts == ("has a dog",)
    assert context.messages == (MemoryMessage(id="2", role=MemoryRole.ASSISTANT, content="hello"),)


@pytest.mark.parametrize(
    "messages",
    [
        tuple(said(MemoryRole.USER, "x") for _ in range(31)),
        (said(MemoryRole.USER, "x" * 2501),),
        (said(MemoryRole.USER, "a\0b"),),
        (said(MemoryRole.USER, "\ud83d"),),
        (MemoryMessage(id="..", role=MemoryRole.USER, content="x"),),
        (MemoryMessage(id="a/b", role=MemoryRole.USER, content="x"),),
    ],
    ids=["31 messages", "2501 characters", "NUL", "half a pair", "dots", "slash"],
)
async def test_what_zep_would_refuse_is_not_sent(script, scripted, messages):
    """MemoryRejected without a request."""
    assert type(await failure_of_append(scripted, messages)) is MemoryRejected
    with pytest.raises(MemoryRejected):
        await scripted.fetch_context("ada", "../users", budget=2)
    with pytest.raises(MemoryRejected):
        await scripted.forget("../users", budget=2)
    assert script.asked == []


async def test_nothing_to_store_is_no_request(script, scripted):
    """An empty batch is skipped and said so."""
    with capture_logs() as logs:
        await scripted.append("ada", "thread", (), budget=2)
    assert (script.asked, [entry["event"] for entry in logs]) == ([], ["zep_write_skipped"])


async def test_logs_hold_no_words_and_no_key(script, scripted):
    """Neither what was said, nor the key, nor credentials in the address; a foreign page is quoted shortly."""
    with capture_logs() as logs:
        zep = ZepMemory("http://me:hunter2@host/zep/", "very-secret", timeout=1)
        await zep.close()
        script.script = {"get_session": answer(500, HTML + "x" * 500)}
        await failure_of_fetch(scripted)
        script.script = {"memory.add": answer(418, "private words " * 50)}
        await failure_of_append(scripted, turn("private words"))
    assert logs[0]["event"] == "[ZEP] Client initialized (base=http://host/zep, graph_base=disabled)"
    assert not any(word in repr(logs) for word in ("private words", "very-secret", "hunter2", KEY))
    unexpected = [entry for entry in logs if entry["event"] == "zep_http_status_unexpected"]
    assert [(entry["op"], entry["path"], entry["status"]) for entry in unexpected] == [
        ("memory.get_session", "/sessions/{session_id}", 500),
        ("memory.add", "/sessions/{session_id}/memory", 418),
    ]
    assert (unexpected[0]["content_type"], len(unexpected[0]["excerpt"])) == ("text/html", 200)
