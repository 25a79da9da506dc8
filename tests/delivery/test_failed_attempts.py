"""A provider that fails in mid-text: every kind of client ends with exactly the text of the result."""

import asyncio
import io
import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
import websockets
from rich.console import Console

from devstack.chat_client import AcceptedTurn, ChatClient
from devstack.chat_screen import LiveScreen
from domain.progress import Result
from tests.delivery.screen import text_on_screen
from tests.openai_server import CUT, Answer, OpenAIServer, refuses, says
from tests.running_stack import RunningStack

FLAT = "2 bedrooms in Girne, long term"
TEXT = "There are flats by the sea."


def whole() -> Answer:
    return says("There are flats ", 0.3, "by the sea.")


def cut() -> Answer:
    return says("There were ", 0.3, "houses on the", 0.3, CUT)


def garbage() -> Answer:
    return says("There were ", 0.3, "houses", 0.3, b"data: {no json\n\n")


FAILURES: dict[str, tuple[Sequence[Answer], str | None]] = {
    "none": ((), TEXT),
    "cut once": ((cut(),), TEXT),
    "cut twice": ((cut(), cut()), TEXT),
    "429": ((refuses(429, {"error": {"message": "slow down"}}, Retry_After="1"),), TEXT),
    "500": ((refuses(500, "<html>"),), TEXT),
    "cut to the end": ((cut(), cut(), cut()), None),
    "garbage": ((garbage(),), None),
    "401": ((refuses(401, {"error": {"message": "no key"}}),), None),
}
"""What the provider answers before it works, and the text that follows; none: the template's."""


@pytest.mark.parametrize(("answers", "text"), FAILURES.values(), ids=FAILURES.keys())
async def test_every_client_ends_with_the_text_of_the_result(
    stack: RunningStack, provider: OpenAIServer, answers: Sequence[Answer], text: str | None
) -> None:
    """Stream, WebSocket and terminal: pieces and resets leave the model's text, or nothing of what it began."""
    provider.answers += answers
    provider.otherwise = whole()
    thread_id = str(uuid4())
    on_socket = asyncio.create_task(_read_socket(stack, thread_id))
    turn = (await stack.post("demo", FLAT, thread_id=thread_id)).json()
    on_terminal = asyncio.create_task(asyncio.to_thread(_show_on_terminal, stack, turn))
    on_stream = [event.data for event in await stack.events("demo", turn["turn_id"])]
    result = next(event["result"] for event in on_stream if event["kind"] == "result")
    left = result["response_text"] if text else ""
    assert text in (None, result["response_text"])
    assert text_on_screen(on_stream) == left
    assert await on_socket == (left, result["response_text"])
    assert await on_terminal == (left, result["response_text"])
    degraded = [(entry["step"], entry["fallback"]) for entry in result["degraded"]]
    assert degraded == ([] if text else [("reply", "template")])


async def _read_socket(stack: RunningStack, thread_id: str) -> tuple[str, str]:
    """What the pieces left on the screen, and the text of the message in the end."""
    url = f"ws://127.0.0.1:{stack.settings.islanders_port}/ws/chat/{thread_id}/"
    text = ""
    async with websockets.connect(url, additional_headers=stack.as_user("demo")) as socket:
        await socket.send(json.dumps({"type": "client_hello", "thread_id": thread_id}))
        async for received in socket:
            frame: dict[str, Any] = json.loads(received)
            match frame["event"]:
                case "reply_reset":
                    text = ""
                case "reply_delta":
                    text += frame["payload"]["text"]
                case "assistant_message":
                    return text, frame["payload"]["text"]
    raise AssertionError("the socket closed before the reply")


def _show_on_terminal(stack: RunningStack, turn: dict[str, Any]) -> tuple[str, str]:
    client = ChatClient(str(stack.http.base_url))
    client.sign_in("demo", "demo")
    screen = LiveScreen(Console(file=io.StringIO(), force_terminal=True))
    try:
        for event in client.watch(AcceptedTurn.model_validate(turn)):
            if isinstance(event, Result):
                return screen.text, event.result.response_text
            screen.show(event)
    finally:
        client.close()
    raise AssertionError("the stream ended before the result")
