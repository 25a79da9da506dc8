"""The memory server answers zep-python as Zep's Community Edition does."""

import asyncio
import json
import re
from uuid import uuid4

import httpx
import pytest
from zep_python import BadRequestError, InternalServerError, Message, NotFoundError
from zep_python.client import AsyncZep
from zep_python.core.api_error import ApiError

from tests.zep_local.served_zep import KEY
from zep_local.app import create_zep_local

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def message(content: str = "hello", **fields) -> Message:
    return Message(**{"uuid": str(uuid4()), "role": "user", "role_type": "user", "content": content, **fields})


async def contents(zep: AsyncZep, session_id: str, **query) -> list[str]:
    memory = await zep.memory.get(session_id, **query)
    return [stored.content for stored in memory.messages]


async def make_session(zep: AsyncZep, user_id: str, session_id: str) -> None:
    await zep.user.add(user_id=user_id)
    await zep.memory.add_session(session_id=session_id, user_id=user_id)


@pytest.mark.parametrize("path", ["/healthz", "/api/v2/nothing", "/nothing", "/", "/api/v2/api/v2/sessions/x"])
async def test_an_unknown_route_is_told_in_plain_text(served, path):
    """FastAPI's JSON 404 would read as "session missing"; only /healthz is there, with a dot."""
    response = await served.http.get(path)
    if path == "/healthz":
        assert (response.status_code, response.text) == (200, ".")
        return
    assert (response.status_code, response.text) == (404, "404 page not found\n")
    assert response.headers["content-type"].startswith("text/plain")


async def test_a_wrong_base_url_is_no_missing_session(served, session_id):
    """The SDK cannot read the text, so it does not raise NotFoundError."""
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        wrong = AsyncZep(base_url=f"{served.base}/api/v2", api_key=KEY, httpx_client=http, timeout=5)
        with pytest.raises(json.JSONDecodeError):
            await wrong.memory.get_session(session_id)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Api-Key",
        "Api-Key  key-for-tests",
        "Api-Key wrong",
        "Bearer key-for-tests",
        "Api-Key key-for-tests x",
    ],
)
async def test_a_wrong_key_is_refused_in_plain_text(served, authorization):
    """Exactly two words, Api-Key and the key; anything else is the text 401."""
    headers = {} if authorization is None else {"Authorization": authorization}
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        response = await http.get(f"{served.base}/api/v2/users/x", headers=headers)
        health = await http.get(f"{served.base}/healthz", headers=headers)
    assert (response.status_code, response.text) == (401, "unauthorized\n")
    assert response.headers["content-type"].startswith("text/plain")
    assert health.status_code == 200


def test_an_empty_key_stops_the_start():
    """A server that everybody may read is not built."""
    with pytest.raises(ValueError, match="ZEP_API_KEY"):
        create_zep_local(None, "")


async def test_a_known_route_with_another_method_is_405_without_a_body(served, session_id):
    """No JSON of FastAPI's own."""
    response = await served.http.delete(f"/api/v2/sessions/{session_id}")
    assert (response.status_code, response.content) == (405, b"")


async def test_a_user_is_created_read_and_deleted(served, zep, user_id):
    """201, then the same user by every read, then gone."""
    added = await zep.user.add(user_id=user_id, first_name="Ada", email="a@example.com", metadata={"a": [1]})
    assert await zep.user.get(user_id) == added
    assert (added.user_id, added.first_name, added.metadata) == (user_id, "Ada", {"a": [1]})
    assert RFC_3339.fullmatch(added.created_at)
    assert (await zep.user.delete(user_id)).message == "OK"
    for missing in (zep.user.get(user_id), zep.user.delete(user_id)):
        with pytest.raises(NotFoundError):
            await missing


async def test_creations_answer_201(served, user_id, session_id):
    """User, session and memory."""
    user = await served.http.post("/api/v2/users", json={"user_id": user_id})
    session = await served.http.post("/api/v2/sessions", json={"session_id": session_id, "user_id": user_id})
    batch = {"messages": [{"role_type": "user", "content": "x"}]}
    added = await served.http.post(f"/api/v2/sessions/{session_id}/memory", json=batch)
    assert (user.status_code, session.status_code, added.status_code) == (201, 201, 201)
    assert added.json() == {"message": "OK"}


async def test_a_duplicate_user_is_a_400(zep, user_id):
    """Never a 409, and with the words clients know."""
    await zep.user.add(user_id=user_id)
    with pytest.raises(BadRequestError) as refused:
        await zep.user.add(user_id=user_id)
    assert refused.value.body.message == f"bad request: user already exists with user_id: {user_id}"


async def test_a_duplicate_session_is_a_400_also_in_a_race(zep, user_id, session_id):
    """Of eight at once one is created, seven are refused."""
    await zep.user.add(user_id=user_id)
    adding = (zep.memory.add_session(session_id=session_id, user_id=user_id) for _ in range(8))
    outcomes = await asyncio.gather(*adding, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, BadRequestError)]
    assert len(refused) == 7
    text = f"bad request: session already exists with session_id: {session_id}"
    assert {outcome.body.message for outcome in refused} == {text}


async def test_an_id_is_needed(zep):
    """Neither a user nor a session without one."""
    with pytest.raises(BadRequestError) as refused:
        await zep.user.add(first_name="Ada")
    assert refused.value.body.message == "bad request: UserID cannot be empty"
    with pytest.raises(BadRequestError) as refused:
        await zep.memory.add_session(session_id="")
    assert refused.value.body.message == "bad request: sessionID cannot be empty"


async def test_a_session_of_an_unknown_user_is_refused(zep, user_id, session_id):
    """`user not found`, and nothing was created."""
    with pytest.raises(BadRequestError) as refused:
        await zep.memory.add_session(session_id=session_id, user_id=user_id)
    assert refused.value.body.message == "user not found"
    with pytest.raises(NotFoundError):
        await zep.memory.get_session(session_id)


async def test_a_session_is_created_and_read(zep, user_id, session_id):
    """With its owner and its metadata."""
    await zep.user.add(user_id=user_id)
    added = await zep.memory.add_session(session_id=session_id, user_id=user_id, metadata={"k": "v"})
    found = await zep.memory.get_session(session_id)
    assert found == added
    assert (found.session_id, found.user_id, found.metadata) == (session_id, user_id, {"k": "v"})
    assert RFC_3339.fullmatch(found.created_at)


async def test_a_patch_merges_metadata(zep, user_id, session_id):
    """New keys are added, `{}` keeps what is there, `system` is dropped."""
    await zep.user.add(user_id=user_id)
    await zep.memory.add_session(session_id=session_id, user_id=user_id, metadata={"a": 1, "b": 1})
    await zep.memory.update_session(session_id, metadata={"b": 2, "system": {"x": 1}})
    await zep.memory.update_session(session_id, metadata={})
    assert (await zep.memory.get_session(session_id)).metadata == {"a": 1, "b": 2}


async def test_a_missing_session_is_the_typed_404(served, zep, session_id):
    """By get, patch and delete, with exactly the body that the SDK reads."""
    for asking in (
        zep.memory.get_session(session_id),
        zep.memory.update_session(session_id, metadata={}),
        zep.memory.delete(session_id),
    ):
        with pytest.raises(NotFoundError):
            await asking
    assert (await served.http.get(f"/api/v2/sessions/{session_id}")).content == b'{"message":"not found"}'


async def test_the_memory_of_a_missing_session_is_empty(served, zep, session_id):
    """200, not 404, for memory and for messages."""
    memory = await served.http.get(f"/api/v2/sessions/{session_id}/memory")
    assert (memory.status_code, memory.json()) == (200, {"messages": [], "relevant_facts": []})
    listed = await served.http.get(f"/api/v2/sessions/{session_id}/messages")
    assert (listed.status_code, listed.json()) == (200, {"messages": [], "total_count": 0, "row_count": 0})
    assert (await zep.memory.get(session_id)).messages == []


async def test_a_message_comes_back_as_it_was_sent(zep, user_id, session_id):
    """Id, role, text and metadata; an int token count, RFC 3339 times, no context."""
    await make_session(zep, user_id, session_id)
    sent = message("Şehir £500 👍", metadata={"n": 1}, role="Ada", created_at="2020-01-01T00:00:00+02:00")
    await zep.memory.add(session_id, messages=[sent])
    memory = await zep.memory.get(session_id)
    (stored,) = memory.messages
    assert (stored.uuid_, stored.role, stored.role_type) == (sent.uuid_, "Ada", "user")
    assert (stored.content, stored.metadata) == (sent.content, {"n": 1})
    assert isinstance(stored.token_count, int)
    assert RFC_3339.fullmatch(stored.created_at)
    assert RFC_3339.fullmatch(stored.updated_at)
    assert not stored.created_at.startswith("2020")
    assert not hasattr(memory, "context")
    assert await zep.memory.get_session_message(session_id, sent.uuid_) == stored


async def test_metadata_may_spell_what_it_must_not_hold(zep, session_id):
    """The text backslash u0000 is no NUL."""
    sent = message(metadata={"spelled": "\\u0000"})
    await zep.memory.add(session_id, messages=[sent])
    assert (await zep.memory.get_session_message(session_id, sent.uuid_)).metadata == sent.metadata


async def test_the_last_six_messages_are_the_default(zep, user_id, session_id):
    """Oldest first, in the order of insertion; empty and 0 mean six, a number means itself."""
    await make_session(zep, user_id, session_id)
    await zep.memory.add(session_id, messages=[message(str(number)) for number in range(5)])
    await zep.memory.add(session_id, messages=[message(str(number)) for number in range(5, 9)])
    assert await contents(zep, session_id) == list("345678")
    assert await contents(zep, session_id, lastn=0) == list("345678")
    assert await contents(zep, session_id, lastn=2) == list("78")
    assert await contents(zep, session_id, lastn=100) == list("012345678")


@pytest.mark.parametrize("last", ["-1", "many", "1.5", "9" * 30, "1_0"])
async def test_a_nonsense_lastn_is_a_400(served, session_id, last):
    """Never FastAPI's 422, never a 500 of the database."""
    response = await served.http.get(f"/api/v2/sessions/{session_id}/memory", params={"lastn": last})
    assert response.status_code == 400
    assert set(response.json()) == {"message"}


async def test_messages_come_in_pages_from_the_oldest(zep, user_id, session_id):
    """Page numbers start at 1; past the end the total is 0; without a limit all come."""
    await make_session(zep, user_id, session_id)
    await zep.memory.add(session_id, messages=[message(str(number)) for number in range(5)])
    everything = await zep.memory.get_session_messages(session_id)
    second = await zep.memory.get_session_messages(session_id, limit=2, cursor=2)
    beyond = await zep.memory.get_session_messages(session_id, limit=2, cursor=4)
    assert [stored.content for stored in everything.messages] == list("01234")
    assert ([stored.content for stored in second.messages], second.total_count, second.row_count) == (
        ["2", "3"],
        5,
        2,
    )
    assert (beyond.messages, beyond.total_count, beyond.row_count) == ([], 0, 0)


async def test_a_page_beyond_all_numbers_is_empty(served, zep, session_id):
    """A page number times a page size is no number for the database."""
    await zep.memory.add(session_id, messages=[message()])
    query = {"limit": 2**63 - 1, "cursor": 2**63 - 1}
    response = await served.http.get(f"/api/v2/sessions/{session_id}/messages", params=query)
    assert (response.status_code, response.json()["messages"]) == (200, [])


async def test_a_single_message_belongs_to_its_session(zep, user_id, session_id):
    """Another session's message and an unknown one are the typed 404."""
    await make_session(zep, user_id, session_id)
    stored = message()
    await zep.memory.add(session_id, messages=[stored])
    for session, uuid in ((str(uuid4()), stored.uuid_), (session_id, str(uuid4()))):
        with pytest.raises(NotFoundError):
            await zep.memory.get_session_message(session, uuid)


async def test_memory_for_a_missing_session_makes_one_without_a_user(zep, user_id, session_id):
    """And it can never be given its user again."""
    await zep.memory.add(session_id, messages=[message()])
    assert (await zep.memory.get_session(session_id)).user_id is None
    await zep.user.add(user_id=user_id)
    with pytest.raises(BadRequestError):
        await zep.memory.add_session(session_id=session_id, user_id=user_id)


async def test_a_message_id_is_unique_over_all_sessions_and_the_batch_is_atomic(zep, user_id, session_id):
    """A used id refuses the whole batch with a 400, but the missing session is there by then."""
    first, second, other = message("first"), message("second"), str(uuid4())
    await make_session(zep, user_id, session_id)
    await zep.memory.add(session_id, messages=[first])
    for session in (session_id, other):
        with pytest.raises(ApiError) as refused:
            await zep.memory.add(session, messages=[second, first])
        assert refused.value.status_code == 400
        assert refused.value.body == {"message": "bad request: message_uuid already exists"}
    assert await contents(zep, session_id) == ["first"]
    assert await contents(zep, other) == []
    assert (await zep.memory.get_session(other)).session_id == other


async def test_the_same_id_twice_in_a_batch_stores_nothing(zep, user_id, session_id):
    """Atomic inside one batch as well."""
    await make_session(zep, user_id, session_id)
    twin = message()
    with pytest.raises(ApiError):
        await zep.memory.add(session_id, messages=[twin, twin])
    assert await contents(zep, session_id) == []


async def test_the_same_batch_at_once_is_stored_once(zep, user_id, session_id):
    """Six writers, one success."""
    await make_session(zep, user_id, session_id)
    batch = [message("question"), message("answer")]
    adding = (zep.memory.add(session_id, messages=batch) for _ in range(6))
    outcomes = await asyncio.gather(*adding, return_exceptions=True)
    assert sorted(getattr(outcome, "status_code", 201) for outcome in outcomes) == [201, *[400] * 5]
    assert await contents(zep, session_id) == ["question", "answer"]


async def test_a_content_has_2500_characters_at_most(zep, user_id, session_id):
    """Characters, not bytes and not UTF-16 units."""
    await make_session(zep, user_id, session_id)
    await zep.memory.add(session_id, messages=[message("👍" * 2500)])
    with pytest.raises(ApiError) as refused:
        await zep.memory.add(session_id, messages=[message("short"), message("x" * 2501)])
    assert refused.value.body == {"message": "message content exceeds 2500 characters"}
    assert len(await contents(zep, session_id)) == 1


async def test_a_batch_has_30_messages_at_most(zep, user_id, session_id):
    """31 are a 400, although they are stored: a client must not send them."""
    await make_session(zep, user_id, session_id)
    await zep.memory.add(session_id, messages=[message(str(number)) for number in range(30)])
    with pytest.raises(ApiError) as refused:
        await zep.memory.add(session_id, messages=[message() for _ in range(31)])
    assert refused.value.status_code == 400
    assert isinstance(refused.value.body, str), "two JSON documents, which no client reads as one"
    assert (await zep.memory.get_session_messages(session_id)).total_count == 61


async def test_a_body_has_5_mib_at_most(served, session_id):
    """A body of 4 MiB passes, whatever the app around the server allows; 6 MiB are a 413."""
    path = f"/api/v2/sessions/{session_id}/memory"
    filler = {"messages": [], "filler": "x" * (4 * 1024 * 1024)}
    assert (await served.http.post(path, json=filler)).status_code == 201
    filler["filler"] *= 2
    too_large = await served.http.post(path, json=filler)
    assert (too_large.status_code, too_large.json()) == (413, {"message": "request body too large"})


async def test_a_role_type_is_needed_and_known(zep, user_id, session_id):
    """None is a 400; an unknown one is a 500, which a client must never provoke."""
    await make_session(zep, user_id, session_id)
    with pytest.raises(ApiError) as refused:
        await zep.memory.add(session_id, messages=[Message(content="x")])
    assert refused.value.body == {"message": "messages are required to have a RoleType"}
    with pytest.raises(InternalServerError):
        await zep.memory.add(session_id, messages=[message(role_type="robot")])
    for role_type in ("norole", "system", "assistant", "user", "function", "tool"):
        await zep.memory.add(session_id, messages=[message(role_type=role_type)])
    assert len(await contents(zep, session_id)) == 6


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"\xff",
        b'{"messages": 1}',
        b'{"messages": [1]}',
        b'{"messages": [{"role_type": "user", "uuid": "no"}]}',
        b'{"messages": [{"role_type": "user", "content": 5}]}',
        b'{"messages": [{"role_type": "user", "content": "\\ud800"}]}',
        b'{"messages": [{"role_type": "user", "content": "\\u0000"}]}',
        b'{"messages": [{"role_type": "user", "created_at": "2020-01-01T00:00:00"}]}',
        b'{"messages": [{"role_type": "user", "metadata": {"n": NaN}}]}',
        b'{"messages": [{"role_type": "user", "metadata": {"n": "\\ud800"}}]}',
        b'{"messages": [{"role_type": "user", "metadata": {"\\u0000": ["\\\\"]}}]}',
    ],
    ids=repr,
)
async def test_a_malformed_body_is_a_400(served, session_id, body):
    """In Zep's own shape, and nothing is stored."""
    response = await served.http.post(f"/api/v2/sessions/{session_id}/memory", content=body)
    assert response.status_code == 400
    assert set(response.json()) == {"message"}
    assert (await served.http.get(f"/api/v2/sessions/{session_id}/messages")).json()["total_count"] == 0


async def test_an_empty_batch_is_fine(zep, session_id):
    """201 with nothing to store, and with neither role nor content."""
    await zep.memory.add(session_id, messages=[])
    await zep.memory.add(session_id, messages=[Message(role_type="user")])
    assert await contents(zep, session_id) == [""]


async def test_a_delete_is_hard_and_the_id_reusable(zep, user_id, session_id):
    """The session goes with its messages; the second delete is a 404; the same ids may come again."""
    await make_session(zep, user_id, session_id)
    kept = message()
    await zep.memory.add(session_id, messages=[kept])
    assert (await zep.memory.delete(session_id)).message == "OK"
    with pytest.raises(NotFoundError):
        await zep.memory.delete(session_id)
    await zep.memory.add_session(session_id=session_id, user_id=user_id)
    assert await contents(zep, session_id) == []
    await zep.memory.add(session_id, messages=[kept])


async def test_a_deleted_user_takes_the_sessions_along(zep, user_id, session_id):
    """Nothing of a user stays."""
    await make_session(zep, user_id, session_id)
    await zep.memory.add(session_id, messages=[message()])
    await zep.user.delete(user_id)
    with pytest.raises(NotFoundError):
        await zep.memory.get_session(session_id)
    assert await contents(zep, session_id) == []


async def test_a_broken_database_is_a_json_500(served_without_tables, session_id):
    """The SDK reads it as InternalServerError, and nothing reaches the app around the server."""
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        zep = AsyncZep(base_url=served_without_tables.base, api_key=KEY, httpx_client=http, timeout=5)
        with pytest.raises(InternalServerError) as failed:
            await zep.memory.get(session_id)
    assert failed.value.body.message == "internal server error"
