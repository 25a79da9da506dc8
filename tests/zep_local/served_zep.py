"""The memory server on a port, mounted under /zep of a small app, as the API mounts it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from adapters.database import Database
from tests.eventually import eventually
from tests.ports import free_port
from zep_local.app import create_zep_local
from zep_local.tables import ZEP_METADATA

KEY = "key-for-tests"


@dataclass
class ServedZep:
    """`base` is what a client gets as base URL; `http` sends the right key to any path below it."""

    base: str
    http: httpx.AsyncClient


async def create_tables(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(ZEP_METADATA.create_all)


@asynccontextmanager
async def serving_zep(database: Database) -> AsyncIterator[ServedZep]:
    """The server for the time of the block; closes the database."""
    outer = FastAPI()
    outer.add_middleware(RequestBodyLimitMiddleware, max_body_size=256 * 1024)
    outer.mount("/zep", create_zep_local(database, KEY))
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(outer, port=port, log_config=None, lifespan="off"))
    server.config.load()
    serving = asyncio.create_task(server._serve())
    await eventually(lambda: _started(server))
    base = f"http://127.0.0.1:{port}/zep"
    headers = {"Authorization": f"Api-Key {KEY}"}
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=10, trust_env=False) as http:
        yield ServedZep(base, http)
    server.should_exit = True
    await serving
    await database.close()


async def _started(server: uvicorn.Server) -> bool:
    return server.started
