"""A stop stops: the provider's stream is closed, and what was shown is what is kept."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.names import chat_turn_workflow_id
from tests.delivery.screen import text_on_screen
from tests.delivery.watching import Watcher
from tests.openai_server import Answer, OpenAIServer, says
from tests.running_stack import RunningStack

PROMISED_SECONDS = 0.5
"""From the stop to the provider's stream closed; a busy test machine gets three times as long."""

FLAT = "2 bedrooms in Girne, long term"

Stop = Callable[[RunningStack, dict[str, Any]], Awaitable[None]]


async def by_endpoint(stack: RunningStack, turn: dict[str, Any]) -> None:
    answer = await stack.http.post(turn["links"]["cancel"], headers=stack.as_user("ada"))
    assert answer.status_code == 202


async def by_interrupt(stack: RunningStack, turn: dict[str, Any]) -> None:
    answer = await stack.post("ada", "no, wait", thread_id=turn["thread_id"], on_busy="interrupt")
    assert answer.status_code == 202


async def by_web_ui(stack: RunningStack, turn: dict[str, Any]) -> None:
    """The button of the Web UI requests the workflow's cancellation."""
    await stack.temporal.get_workflow_handle(chat_turn_workflow_id(turn["turn_id"])).cancel()


STOPS = [by_endpoint, by_interrupt, by_web_ui]


def silent() -> Answer:
    return says("never said", before_head=asyncio.Event())


def in_mid_text() -> Answer:
    return says("There are flats ", "by the sea ", asyncio.Event(), "in Girne.")


@pytest.mark.parametrize("stop", STOPS)
async def test_a_stop_in_mid_text_keeps_what_was_shown(
    stack: RunningStack, provider: OpenAIServer, stop: Stop
) -> None:
    """The provider's stream is closed; stored text, shown text and the stored message are the same."""
    provider.answers.append(in_mid_text())
    turn = (await stack.post("ada", FLAT)).json()
    watcher = Watcher(stack.http, turn["links"]["events"], stack.as_user("ada"))
    watching = asyncio.create_task(watcher.read())
    request = await provider.request()
    await watcher.until("delta", 1)
    await stop(stack, turn)
    async with asyncio.timeout(3 * PROMISED_SECONDS):
        await request.closed.wait()
    await watching
    ended = await stack.until_ended("ada", turn["turn_id"])
    shown = text_on_screen(watcher.progress)
    assert ended["status"] == "stopped"
    assert shown
    assert shown == ended["result"]["response_text"]
    assert await stored_reply(stack, turn) == shown


@pytest.mark.parametrize("stop", STOPS)
async def test_a_stop_before_the_first_word(stack: RunningStack, provider: OpenAIServer, stop: Stop) -> None:
    """A provider that has not even answered yet is hung up on; the turn ends stopped, without a text."""
    provider.answers.append(silent())
    turn = (await stack.post("ada", FLAT)).json()
    request = await provider.request()
    await request.reached.wait()
    await stop(stack, turn)
    async with asyncio.timeout(3 * PROMISED_SECONDS):
        await request.closed.wait()
    ended = await stack.until_ended("ada", turn["turn_id"])
    assert (ended["status"], ended["result"]["response_text"]) == ("stopped", "")
    assert await stored_reply(stack, turn) is None


async def test_the_next_turn_knows_what_was_said_before_the_stop(
    stack: RunningStack, provider: OpenAIServer
) -> None:
    """The model is told the part of the reply that the user saw, and that it was cut off."""
    provider.answers.append(in_mid_text())
    turn = (await stack.post("ada", FLAT)).json()
    watcher = Watcher(stack.http, turn["links"]["events"], stack.as_user("ada"))
    watching = asyncio.create_task(watcher.read())
    await watcher.until("delta", 1)
    await by_endpoint(stack, turn)
    await watching
    await stack.say("ada", "go on", thread_id=turn["thread_id"])
    said = provider.requests[1].body["messages"]
    assert [message["role"] for message in said] == ["system", "user", "assistant", "user"]
    assert said[2]["content"].startswith(text_on_screen(watcher.progress).strip())
    assert said[2]["content"] != text_on_screen(watcher.progress)


async def stored_reply(stack: RunningStack, turn: dict[str, Any]) -> str | None:
    """As the list of messages has it."""
    replies = [one for one in await stack.messages("ada", turn["thread_id"]) if one["turn_id"] == turn["turn_id"]]
    texts = [one["text"] for one in replies if one["role"] == "assistant"]
    assert len(texts) <= 1
    return texts[0] if texts else None
