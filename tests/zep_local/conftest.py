"""One memory server for the room, and zep-python against it."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from zep_python.client import AsyncZep

from adapters.database import Database
from tests.postgres_server import PostgresServer
from tests.zep_local.served_zep import KEY, ServedZep, create_tables, serving_zep


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def memory_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty database of each kind for the server."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("zep_local")
        return f"sqlite+aiosqlite:///{folder}/memory.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture(scope="session")
async def served(memory_database_url: str) -> AsyncIterator[ServedZep]:
    """Each test has users and sessions of its own."""
    database = Database(memory_database_url)
    await create_tables(database)
    async with serving_zep(database) as zep:
        yield zep


@pytest.fixture
async def served_without_tables(tmp_path: Path) -> AsyncIterator[ServedZep]:
    """A server whose every query fails."""
    async with serving_zep(Database(f"sqlite+aiosqlite:///{tmp_path}/empty.db")) as zep:
        yield zep


@pytest.fixture
async def zep(served: ServedZep) -> AsyncIterator[AsyncZep]:
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        yield AsyncZep(base_url=served.base, api_key=KEY, httpx_client=http, timeout=10)


@pytest.fixture
def user_id() -> str:
    """A user nobody has made yet."""
    return f"user-{uuid4()}"


@pytest.fixture
def session_id() -> str:
    """A session nobody has made yet."""
    return str(uuid4())
