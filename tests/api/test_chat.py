"""POST /api/chat/ and what a client does around it."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.main import create_app
from domain.names import chat_turn_workflow_id, thread_id_for
from tests.eventually import eventually
from tests.running_stack import RunningStack

FIND = "Show me 2 bedroom apartments for long-term rent"


async def test_waiting_clients_get_the_typed_result(stack: RunningStack, user: str) -> None:
    """With `Prefer: wait` the answer is 200 and holds the result with its cards."""
    answer = await stack.say(user, FIND)
    body = answer.json()
    assert answer.status_code == 200
    assert body["ok"]
    assert body["status"] == body["result"]["status"] == "completed"
    assert body["result"]["agent"] == "re_agent"
    assert body["queued_message_id"] == body["result"]["message_id"]
    cards = body["result"]["recommendations"]
    assert len(cards) >= 3
    assert {card["metadata"]["bedrooms"] for card in cards} == {2}
    assert {card["metadata"]["rent_type"] for card in cards} == {"long_term"}


async def test_without_waiting_the_turn_is_readable_at_once(stack: RunningStack, user: str) -> None:
    """202 carries ids and links; behind them the turn goes from accepted to its result."""
    answer = await stack.post(user, FIND)
    body = answer.json()
    assert answer.status_code == 202
    assert body["turn_id"] == f"{body['thread_id']}.{body['client_msg_id_echo']}"
    assert body["links"]["turn"] == f"/api/turns/{body['turn_id']}"
    assert body["links"]["temporal_ui"].endswith(f"/workflows/chat-turn-{body['turn_id']}")
    assert not body["idempotent"]
    ended = await stack.until_ended(user, body["turn_id"])
    assert ended["result"]["turn_id"] == body["turn_id"]


@pytest.mark.parametrize("name", ["test_search_api", "test_e2e_flow"])
async def test_a_thread_goes_by_the_callers_own_name(stack: RunningStack, user: str, name: str) -> None:
    """A name that is no UUID stands for one thread of this user, the same every time."""
    first = (await stack.say(user, FIND, thread_id=name)).json()
    second = (await stack.say(user, "more", thread_id=name)).json()
    assert first["thread_id"] == second["thread_id"] == thread_id_for(user, name)


async def test_the_same_message_again_is_the_same_turn(stack: RunningStack, user: str) -> None:
    """A repeated POST is marked idempotent and answers the stored result."""
    client_msg_id = str(uuid4())
    first = (await stack.say(user, FIND, client_msg_id=client_msg_id)).json()
    again = await stack.post(user, FIND, client_msg_id=client_msg_id)
    assert again.status_code == 200
    assert again.json()["idempotent"]
    assert again.json()["result"] == first["result"]


async def test_fifty_posts_at_once_are_one_turn(stack: RunningStack, user: str) -> None:
    """Fifty identical POSTs in parallel: one workflow, one reply, one pair in memory; 49 are marked idempotent."""
    client_msg_id, thread_id = str(uuid4()), str(uuid4())
    body = {"client_msg_id": client_msg_id, "thread_id": thread_id}
    answers = await asyncio.gather(*(stack.post(user, FIND, **body) for _ in range(50)))
    assert sum(answer.json()["idempotent"] for answer in answers) == 49
    assert len({answer.json()["turn_id"] for answer in answers}) == 1
    turn_id = answers[0].json()["turn_id"]
    await stack.until_remembered(turn_id)
    assert await eventually(lambda: workflows_of(stack, thread_id)) == [chat_turn_workflow_id(turn_id)]
    assert [message["role"] for message in await stack.messages(user, thread_id)] == ["user", "assistant"]
    assert [message["role_type"] for message in await stack.memory_of(thread_id)] == ["user", "assistant"]


async def workflows_of(stack: RunningStack, thread_id: str) -> list[str]:
    return [found.id async for found in stack.temporal.list_workflows(f"ThreadId = '{thread_id}'")]


async def test_the_idempotency_key_header_is_the_message_id(stack: RunningStack, user: str) -> None:
    """The header is an alias; saying two different ids is refused."""
    key = str(uuid4())
    headers = stack.as_user(user) | {"Idempotency-Key": key}
    answer = await stack.http.post("/api/chat/", json={"message": "hello"}, headers=headers)
    assert answer.json()["client_msg_id_echo"] == key
    body = {"message": "hello", "client_msg_id": str(uuid4())}
    refused = await stack.http.post("/api/chat/", json=body, headers=headers)
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "Idempotency-Key")


async def test_another_body_under_the_same_id_is_409(stack: RunningStack, user: str) -> None:
    """One message id, one message."""
    client_msg_id = str(uuid4())
    await stack.say(user, "hello", client_msg_id=client_msg_id)
    refused = await stack.post(user, "something else", client_msg_id=client_msg_id)
    assert (refused.status_code, refused.json()["error"]["field"]) == (409, "client_msg_id")


async def test_existing_clients_are_understood(stack: RunningStack, user: str) -> None:
    """Unknown fields are ignored and a null thread_id counts as missing."""
    answer = await stack.say(user, "hello", thread_id=None, conversation_id="old", language="en", extra=1)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"message": ""}, "message"),
        ({"message": "  \n "}, "message"),
        ({"message": "\u200b\u200b"}, "message"),
        ({"message": "x" * 4001}, "message"),
        ({"message": 7}, "message"),
        ({"message": None}, "message"),
        ({"message": "a\x00b"}, "message"),
        ({}, "message"),
        ({"message": "hi", "thread_id": "no spaces please"}, "thread_id"),
        ({"message": "hi", "thread_id": "x" * 65}, "thread_id"),
        ({"message": "hi", "thread_id": ""}, "thread_id"),
        ({"message": "hi", "client_msg_id": "not-a-uuid"}, "client_msg_id"),
        ({"message": "hi", "language": "fr"}, "language"),
        ({"message": "hi", "on_busy": "panic"}, "on_busy"),
    ],
)
async def test_bad_input_names_its_field(stack: RunningStack, user: str, body: dict[str, Any], field: str) -> None:
    """Every wrong body is 400 with a code, a sentence and the field."""
    answer = await stack.http.post("/api/chat/", json=body, headers=stack.as_user(user))
    error = answer.json()["error"]
    assert (answer.status_code, error["field"]) == (400, field)
    assert error["code"]
    assert error["message"]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{not json", "application/json"),
        (b"[]", "application/json"),
        (b'"text"', "application/json"),
        (b"message=hi", "application/x-www-form-urlencoded"),
        (b'{"message": "hi"}', None),
        (b"", "application/json"),
        (b'{"message": "\\ud800"}', "application/json"),
        (b'{"message": "\xff"}', "application/json"),
    ],
)
async def test_what_is_no_json_object_is_400(
    stack: RunningStack, user: str, content: bytes, content_type: str | None
) -> None:
    """Malformed JSON, another type or no content type is 400 with the one error body."""
    headers = stack.as_user(user) | ({"Content-Type": content_type} if content_type else {})
    answer = await stack.http.post("/api/chat/", content=content, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["ok"] is False
    assert answer.json()["error"]["message"]


async def test_a_body_that_is_far_too_large_is_413(stack: RunningStack, user: str) -> None:
    """A huge body is refused before it is read whole."""
    answer = await stack.http.post("/api/chat/", json={"message": "x" * 2_000_000}, headers=stack.as_user(user))
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "body_too_large"


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic x"}])
async def test_without_a_valid_token_it_is_401(stack: RunningStack, header: dict[str, str]) -> None:
    """No token and a bad token are told apart from nothing else."""
    answer = await stack.http.post("/api/chat/", json={"message": "hi"}, headers=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_refresh_token_opens_no_chat(stack: RunningStack, user: str) -> None:
    """The long-lived token is good for one thing only."""
    headers = {"Authorization": f"Bearer {stack.tokens.refresh(user)}"}
    assert (await stack.http.post("/api/chat/", json={"message": "hi"}, headers=headers)).status_code == 401


async def test_somebody_elses_turn_and_thread_are_404(stack: RunningStack, user: str) -> None:
    """Another user can neither read, follow, stop nor continue what is not theirs."""
    mine = (await stack.say(user, "hello")).json()
    eve = stack.as_user("eve")
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
        answer = await stack.http.request(method, f"/api/turns/{mine['turn_id']}{path}", headers=eve)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert (await stack.post("eve", "hi", thread_id=mine["thread_id"])).status_code == 404


async def test_the_demo_user_signs_in(stack: RunningStack) -> None:
    """The embedded stack gives tokens for demo / demo, and for nothing else."""
    answer = await stack.http.post("/api/token/", json={"username": "demo", "password": "demo"})
    assert set(answer.json()) == {"access", "refresh", "user"}
    headers = {"Authorization": f"Bearer {answer.json()['access']}"}
    assert (await stack.http.post("/api/chat/", json={"message": "hi"}, headers=headers)).status_code == 202
    refused = await stack.http.post("/api/token/", json={"username": "demo", "password": "wrong"})
    assert refused.status_code == 401


async def test_a_turn_is_stopped_by_its_endpoint(stack: RunningStack, user: str) -> None:
    """Cancelling an ended turn changes nothing and says so with 200."""
    ended = (await stack.say(user, "hello")).json()
    answer = await stack.http.post(ended["links"]["cancel"], headers=stack.as_user(user))
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")


async def test_unknown_paths_and_methods_share_the_error_body(stack: RunningStack) -> None:
    """404 and 405 look like every other error."""
    for method, path, status in (("GET", "/api/nothing", 404), ("PUT", "/api/chat/", 405)):
        answer = await stack.http.request(method, path)
        assert answer.status_code == status
        assert answer.json()["error"]["code"] in ("not_found", "method_not_allowed")


async def test_the_documentation_needs_no_internet(stack: RunningStack) -> None:
    """/docs names no other host, and its script is served from here."""
    page = (await stack.http.get("/docs")).text
    assert "cdn" not in page
    assert "https://" not in page
    document = (await stack.http.get("/openapi.json")).json()
    for path in document["paths"].values():
        for operation in path.values():
            assert "422" not in operation["responses"]


async def test_everything_is_ready(stack: RunningStack) -> None:
    """Health names each part with its state, and the build that serves."""
    ready = await stack.http.get("/api/health/ready")
    assert ready.status_code == 200, ready.text
    assert {name: check["state"] for name, check in ready.json()["checks"].items()} == {
        "temporal": "ok",
        "worker": "ok",
        "database": "ok",
        "memory": "ok",
    }
    assert (await stack.http.get("/api/health/live")).status_code == 200


async def test_a_refresh_token_gives_new_tokens(stack: RunningStack, user: str) -> None:
    """The long-lived token buys a new pair; an access token does not."""
    answer = await stack.http.post("/api/token/refresh/", json={"refresh": stack.tokens.refresh(user)})
    assert stack.tokens.user_of(answer.json()["access"]) == user
    refused = await stack.http.post("/api/token/refresh/", json={"refresh": stack.tokens.access(user)})
    assert refused.status_code == 401


async def test_every_picture_of_a_card_is_there(stack: RunningStack, user: str) -> None:
    """The pictures that cards name are served from here."""
    cards = (await stack.say(user, FIND)).json()["result"]["recommendations"]
    for path in {path for card in cards for path in (card["imageUrl"], *card["galleryImages"])}:
        picture = await stack.http.get(path)
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")


async def test_the_root_leads_to_the_reference(stack: RunningStack) -> None:
    """Somebody who opens the address finds the API reference."""
    assert (await stack.http.get("/")).headers["location"] == "/docs"


async def test_there_is_no_demo_user_outside_the_embedded_stack(stack: RunningStack) -> None:
    """A deployment never answers demo / demo with a token."""
    app = create_app(stack.settings.model_copy(update={"islanders_embedded": False}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://deployment") as http:
        answer = await http.post("/api/token/", json={"username": "demo", "password": "demo"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
