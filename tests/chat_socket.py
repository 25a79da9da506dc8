"""A client of the WebSocket: what it receives is checked against the schema, frame by frame."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jsonschema
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.frame_schemas import SCHEMA_FILE
from tests.running_stack import RunningStack

Frame = dict[str, Any]
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text()))
LAST_OF_A_TURN = ("assistant_message", "task_failed")


def seq_of(frame: Frame) -> int:
    seq: int = frame["meta"]["seq"]
    return seq


def ends_its_turn(frame: Frame) -> bool:
    return frame["event"] in LAST_OF_A_TURN or (
        frame["event"] == "progress" and frame["payload"]["step"] == "turn"
    )


class ChatSocketClient:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def frame(self) -> Frame:
        frame: Frame = json.loads(await self.connection.recv())
        VALIDATOR.validate(frame)
        return frame

    async def turn(self) -> list[Frame]:
        """The frames up to the end of a turn."""
        frames = [await self.frame()]
        while not ends_its_turn(frames[-1]):
            frames.append(await self.frame())
        return frames

    async def frames_until(self, seq: int) -> list[Frame]:
        frames: list[Frame] = []
        while not frames or seq_of(frames[-1]) < seq:
            frames.append(await self.frame())
        return frames

    async def say(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def close_code(self) -> int:
        """Reads to the end; what comes before it does not count."""
        try:
            while True:
                await self.connection.recv()
        except ConnectionClosed:
            return self.connection.close_code or 0

    @property
    def close_reason(self) -> str | None:
        return self.connection.close_reason


@asynccontextmanager
async def bare_socket(
    stack: RunningStack, thread_id: str, *, headers: dict[str, str] | None = None, query: str = "", **options: Any
) -> AsyncIterator[ChatSocketClient]:
    """Connected, and nothing said yet."""
    address = f"ws://127.0.0.1:{stack.settings.islanders_port}/ws/chat/{thread_id}/{query}"
    async with connect(address, additional_headers=headers, **options) as connection:
        yield ChatSocketClient(connection)


@asynccontextmanager
async def chat_socket(
    stack: RunningStack, user: str, thread_id: str, *, after: int | None = None, **options: Any
) -> AsyncIterator[tuple[ChatSocketClient, Frame]]:
    """With the hello said and the rehydration received."""
    async with bare_socket(stack, thread_id, headers=stack.as_user(user), **options) as client:
        hello = {"type": "client_hello", "thread_id": thread_id}
        await client.say(**(hello if after is None else hello | {"after": after}))
        rehydration = await client.frame()
        assert rehydration["event"] == "rehydration"
        yield client, rehydration
