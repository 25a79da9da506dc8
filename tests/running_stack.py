"""The whole product in one test process: real Temporal, real API on a port, real worker, real databases."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from temporalio.client import Client

from adapters.conversations_sql import ConversationsSQL
from adapters.database import Database
from adapters.seed_listings import seed_listings
from api.auth import Tokens
from api.main import create_app
from api.server import StreamClosingServer
from domain.names import chat_turn_workflow_id
from migrations.__main__ import migrate
from settings import Settings
from tests.eventually import eventually
from tests.ports import free_port
from tests.server_sent_events import ReceivedEvent, read_events
from worker_main import working

SECRET = "a secret for tests, long enough to sign with"
WAIT = {"Prefer": "wait=20"}


@dataclass
class RunningStack:
    """One API over one database; `http` is a client of that API."""

    settings: Settings
    temporal: Client
    tokens: Tokens
    http: httpx.AsyncClient
    app: FastAPI | None = None

    @property
    def conversations(self) -> ConversationsSQL:
        """What the API's routes call, for a state that no route makes."""
        assert self.app is not None
        record: ConversationsSQL = self.app.state.conversations
        return record

    def as_user(self, user_id: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.access(user_id)}"}

    async def say(self, user_id: str, message: str, **body: Any) -> httpx.Response:
        """Post a message and wait for its result."""
        return await self.http.post(
            "/api/chat/", json={"message": message, **body}, headers=self.as_user(user_id) | WAIT
        )

    async def post(self, user_id: str, message: str, **body: Any) -> httpx.Response:
        """Post a message and do not wait."""
        return await self.http.post("/api/chat/", json={"message": message, **body}, headers=self.as_user(user_id))

    async def events(self, user_id: str, turn_id: str, after: str | None = None) -> list[ReceivedEvent]:
        """The turn's stream to its end."""
        headers = self.as_user(user_id) | ({"Last-Event-ID": after} if after else {})
        async with self.http.stream("GET", f"/api/turns/{turn_id}/events", headers=headers) as response:
            assert response.status_code == 200
            return [event async for event in read_events(response)]

    async def turn(self, user_id: str, turn_id: str) -> dict[str, Any]:
        response = await self.http.get(f"/api/turns/{turn_id}", headers=self.as_user(user_id))
        answer: dict[str, Any] = response.json()
        return answer

    async def until_ended(self, user_id: str, turn_id: str) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            turn = await self.turn(user_id, turn_id)
            return turn if turn["status"] in ("completed", "stopped", "rejected", "failed") else None

        return await eventually(look, within=30)

    async def messages(self, user_id: str, thread_id: str) -> list[dict[str, Any]]:
        """The thread as its user reads it."""
        answer = await self.http.get(
            "/api/v1/messages/", params={"thread_id": thread_id}, headers=self.as_user(user_id)
        )
        found: list[dict[str, Any]] = answer.json()["results"]
        return found

    async def memory_of(self, thread_id: str) -> list[dict[str, Any]]:
        """What the memory server keeps of the thread."""
        key = self.settings.zep_api_key.get_secret_value()
        answer = await self.http.get(
            f"/zep/api/v2/sessions/{thread_id}/messages", headers={"Authorization": f"Api-Key {key}"}
        )
        found: list[dict[str, Any]] = answer.json()["messages"]
        return found

    async def until_remembered(self, turn_id: str) -> None:
        """The turn's workflow ends after its memory step."""
        await self.temporal.get_workflow_handle(chat_turn_workflow_id(turn_id)).result()

    def working(self):
        """A worker for the time of the block."""
        return working(self.temporal, self.settings)


def stack_settings(database_url: str, port: int, **changed: Any) -> Settings:
    base = f"http://127.0.0.1:{port}"
    return Settings(
        **{
            "islanders_embedded": True,
            "islanders_port": port,
            "database_url": database_url,
            "jwt_secret": SECRET,
            "listings_base_url": base,
            "zep_base_url": f"{base}/zep",
            "zep_api_key": "key-for-tests",
            "temporal_ui_url": "http://127.0.0.1:8233",
            "new_turns_per_minute": 1000,
            "open_turns_per_user": 1000,
            "worker_shutdown_seconds": 0,
            **changed,
        }
    )


def environment_of(settings: Settings, temporal: Client) -> dict[str, str]:
    """The same settings for a process of its own."""
    said = {
        "ISLANDERS_EMBEDDED": "true",
        "ISLANDERS_PORT": str(settings.islanders_port),
        "DATABASE_URL": settings.database_url,
        "JWT_SECRET": SECRET,
        "LISTINGS_BASE_URL": settings.listings_base_url,
        "ZEP_BASE_URL": settings.zep_base_url,
        "ZEP_API_KEY": settings.zep_api_key.get_secret_value(),
        "TEMPORAL_ADDRESS": temporal.service_client.config.target_host,
        "WORKER_SHUTDOWN_SECONDS": "0",
        "REPLY_MODEL_BASE_URL": settings.reply_model_base_url or "",
        "REPLY_MODEL": settings.reply_model or "",
        "NEW_TURNS_PER_MINUTE": str(settings.new_turns_per_minute),
        "OPEN_TURNS_PER_USER": str(settings.open_turns_per_user),
    }
    return {**os.environ, **said}


async def fill(database_url: str) -> None:
    """Migrate and seed; Alembic runs a loop of its own, so it gets a thread."""
    await asyncio.to_thread(migrate, database_url)
    database = Database(database_url)
    await seed_listings(database)
    await database.close()


async def migrated_database(folder: Path) -> Path:
    """A SQLite file with every table and no rows, to be copied."""
    path = folder / "migrated.db"
    await asyncio.to_thread(migrate, f"sqlite+aiosqlite:///{path}")
    database = Database(f"sqlite+aiosqlite:///{path}")
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    await database.close()
    return path


@asynccontextmanager
async def running_api(settings: Settings, temporal: Client | str) -> AsyncIterator[RunningStack]:
    """The API on its port, without a worker; `temporal` may be an address where no server answers."""
    address = temporal if isinstance(temporal, str) else temporal.service_client.config.target_host
    os.environ["TEMPORAL_ADDRESS"] = address
    app = create_app(settings)
    server = StreamClosingServer(app, host="127.0.0.1", port=settings.islanders_port)
    serving = asyncio.create_task(server._serve())
    await eventually(lambda: _started(server))
    base = f"http://127.0.0.1:{settings.islanders_port}"
    # Without a memory for cookies: one test's sign-in is not the next one's.
    forgetful = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    async with httpx.AsyncClient(base_url=base, timeout=40, cookies=forgetful) as http:
        yield RunningStack(settings, temporal, app.state.tokens, http, app)
    server.should_exit = True
    await serving


async def _started(server: StreamClosingServer) -> bool:
    return server.started


@asynccontextmanager
async def running_stack(folder: Path, temporal: Client, **changed: Any) -> AsyncIterator[RunningStack]:
    """API and worker over a fresh SQLite database."""
    settings = stack_settings(f"sqlite+aiosqlite:///{folder}/{uuid4()}.db", free_port(), **changed)
    await fill(settings.database_url)
    async with running_api(settings, temporal) as stack, stack.working():
        yield stack
