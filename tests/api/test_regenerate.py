"""Answering the last turn anew: a turn of its own with every guarantee of a posted one."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from tests.running_stack import WAIT, RunningStack

FLAT = "2 bedroom apartments in Girne, long term"


async def regenerate(
    stack: RunningStack, user: str, turn_id: str, key: str | None = None, **headers: str
) -> httpx.Response:
    said = stack.as_user(user) | WAIT | headers | ({"Idempotency-Key": key} if key else {})
    return await stack.http.post(f"/api/turns/{turn_id}/regenerate", headers=said)


async def test_the_last_turn_is_answered_anew(stack: RunningStack, user: str) -> None:
    """The new turn answers the same message from the same state and names the turn it answers anew."""
    old = (await stack.say(user, FLAT)).json()
    answer = await regenerate(stack, user, old["turn_id"])
    new = answer.json()
    assert answer.status_code == 200
    assert (new["regenerates"], new["thread_id"]) == (old["turn_id"], old["thread_id"])
    assert new["turn_id"] != old["turn_id"]
    assert new["queued_message_id"] != old["queued_message_id"]
    for part in ("response_text", "slots", "recommendations", "act"):
        assert new["result"][part] == old["result"][part]


async def test_more_asked_anew_shows_the_same_page(stack: RunningStack, user: str) -> None:
    """The thread is as before the old turn, so "more" is not the page after the next."""
    await stack.say(user, "apartments in Girne, long term")
    old = (await stack.say(user, "more")).json()
    new = (await regenerate(stack, user, old["turn_id"])).json()
    assert old["result"]["recommendations"]
    assert new["result"]["recommendations"] == old["result"]["recommendations"]


async def test_the_old_reply_stays_readable(stack: RunningStack, user: str) -> None:
    """The old turn keeps its result; its stream is as before."""
    old = (await stack.say(user, FLAT)).json()
    before = await stack.events(user, old["turn_id"])
    await regenerate(stack, user, old["turn_id"])
    assert (await stack.turn(user, old["turn_id"]))["result"] == old["result"]
    assert await stack.events(user, old["turn_id"]) == before


async def test_the_same_key_at_once_is_one_turn(stack: RunningStack, user: str) -> None:
    """Of twenty identical requests one makes a turn, the others are told so."""
    old = (await stack.say(user, FLAT)).json()
    key = str(uuid4())
    answers = await asyncio.gather(*(regenerate(stack, user, old["turn_id"], key) for _ in range(20)))
    assert len({answer.json()["turn_id"] for answer in answers}) == 1
    assert sum(answer.json()["idempotent"] for answer in answers) == 19


async def test_a_turn_that_is_not_the_last_is_409(stack: RunningStack, user: str) -> None:
    """Its place in the thread is past."""
    old = (await stack.say(user, FLAT)).json()
    await stack.say(user, "more")
    answer = await regenerate(stack, user, old["turn_id"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_the_last_turn")


async def test_two_keys_at_once_make_one_turn(stack: RunningStack, user: str) -> None:
    """The second finds that its turn is not the last any more."""
    old = (await stack.say(user, FLAT)).json()
    answers = await asyncio.gather(*(regenerate(stack, user, old["turn_id"]) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


@pytest.mark.parametrize("turn_id", ["nothing", f"{uuid4()}.{uuid4()}"])
async def test_an_unknown_turn_is_404(stack: RunningStack, user: str, turn_id: str) -> None:
    """And so is somebody else's."""
    assert (await regenerate(stack, user, turn_id)).status_code == 404
    old = (await stack.say(user, FLAT)).json()
    assert (await regenerate(stack, f"not-{user}", old["turn_id"])).status_code == 404


async def test_a_bad_key_names_its_field(stack: RunningStack, user: str) -> None:
    """A key that is no UUID is 400."""
    old = (await stack.say(user, FLAT)).json()
    answer = await regenerate(stack, user, old["turn_id"], "not-a-uuid")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "Idempotency-Key")


async def test_memory_gets_only_the_new_reply(stack: RunningStack, user: str) -> None:
    """The message is in memory once, both replies are."""
    old = (await stack.say(user, FLAT)).json()
    new = (await regenerate(stack, user, old["turn_id"])).json()
    await stack.until_remembered(old["turn_id"])
    await stack.until_remembered(new["turn_id"])
    said = await stack.memory_of(old["thread_id"])
    assert [message["role_type"] for message in said] == ["user", "assistant", "assistant"]
    assert said[0]["content"] == FLAT
