"""The product under a generated run: real Temporal, real API on a port, real worker, and a model that waits."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from temporalio.client import Client

from activities.reply import ReplyActivities
from adapters.conversations_sql import ConversationsSQL, TurnLimits
from adapters.database import Database
from adapters.forgetting_sql import ForgettingSQL
from adapters.temporal_runs import TemporalRuns
from api.turn_start import TurnStarter
from domain.memory import MemoryMode
from domain.names import chat_turn_workflow_id
from domain.turn import ReplyMode
from tests.delivery.paced_model import PacedModel
from tests.delivery.recording_memory import RecordingMemory
from tests.eventually import eventually
from tests.fakes import ScriptedSearch
from tests.ports import free_port
from tests.running_stack import RunningStack, running_api, stack_settings
from worker_main import build_worker

FINAL = ("completed", "stopped", "rejected", "failed")


class World:
    """One lane: an API, a worker on a task queue of its own, a database; runs follow one another in it."""

    def __init__(self, temporal: Client, database_url: str) -> None:
        self.temporal = temporal
        self.settings = stack_settings(database_url, free_port())
        self.database = Database(database_url)
        self.task_queue = f"delivery-{uuid4()}"
        self.model = PacedModel()
        self.memory = RecordingMemory()
        self.search = ScriptedSearch()
        self.stack: RunningStack
        self._api = AsyncExitStack()
        self._worker = AsyncExitStack()

    # --- the machines ---------------------------------------------------------------------------------------

    async def start_api(self) -> None:
        self.stack = await self._api.enter_async_context(running_api(self.settings, self.temporal))
        assert self.stack.app is not None
        state = self.stack.app.state
        state.starter = TurnStarter(
            state.temporal,
            memory_mode=MemoryMode.READ_WRITE,
            reply_mode=ReplyMode.MODEL,
            build_id="delivery",
            task_queue=self.task_queue,
        )

    async def stop_api(self) -> None:
        await self._api.aclose()

    async def start_worker(self) -> None:
        worker = build_worker(
            self.temporal,
            store=ConversationsSQL(self.database, TurnLimits(new_per_minute=10_000, open=10_000)),
            runs=TemporalRuns(self.temporal),
            forgetting=ForgettingSQL(self.database),
            memory=self.memory,
            search=self.search,
            settings=self.settings,
            replies=ReplyActivities(self.model),
            task_queue=self.task_queue,
        )
        await self._worker.enter_async_context(worker)

    async def stop_worker(self) -> None:
        await self._worker.aclose()

    async def close(self) -> None:
        await self.stop_worker()
        await self.stop_api()
        await self.database.close()

    # --- the user -------------------------------------------------------------------------------------------

    async def post(self, user: str, body: dict[str, Any]) -> httpx.Response:
        return await self.stack.http.post("/api/chat/", json=body, headers=self.stack.as_user(user))

    async def cancel(self, user: str, turn_id: str) -> httpx.Response:
        return await self._sent_until_taken(f"/api/turns/{turn_id}/cancel", self.stack.as_user(user))

    async def regenerate(self, user: str, turn_id: str, key: str) -> httpx.Response:
        headers = self.stack.as_user(user) | {"Idempotency-Key": key}
        return await self._sent_until_taken(f"/api/turns/{turn_id}/regenerate", headers)

    async def _sent_until_taken(self, path: str, headers: dict[str, str]) -> httpx.Response:
        """A machine under load may answer 503, and asks to be sent the same again."""
        while (answer := await self.stack.http.post(path, headers=headers)).status_code == 503:
            pass
        return answer

    async def until_ended(self, user: str, turn_id: str) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            turn = await self.stack.turn(user, turn_id)
            return turn if turn.get("status") in FINAL else None

        return await eventually(look, within=45)

    # --- the operator ---------------------------------------------------------------------------------------

    async def terminate(self, turn_id: str) -> None:
        workflow_id = chat_turn_workflow_id(turn_id)
        await self.temporal.get_workflow_handle(workflow_id).terminate(reason="an operator's hand")

        async def is_silent() -> bool:
            return workflow_id not in self.model.writing

        await eventually(is_silent)

    async def until_remembered(self, turn_ids: list[str]) -> None:
        """Every workflow has ended, its memory step included."""
        handles = [self.temporal.get_workflow_handle(chat_turn_workflow_id(turn_id)) for turn_id in turn_ids]
        async with asyncio.timeout(60):
            await asyncio.gather(*(handle.result() for handle in handles))


@asynccontextmanager
async def running_world(temporal: Client, folder: Path, migrated: Path) -> AsyncIterator[World]:
    """`migrated` is a database file with all tables, copied for each world."""
    database = folder / f"{uuid4()}.db"
    await asyncio.to_thread(shutil.copyfile, migrated, database)
    world = World(temporal, f"sqlite+aiosqlite:///{database}")
    await world.start_api()
    await world.start_worker()
    try:
        yield world
    finally:
        await world.close()
