"""Databases with listings in them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.conversations_sql import ConversationsSQL, TurnLimits
from adapters.database import Database
from adapters.listings_sql import ListingsSQL
from adapters.seed_listings import seed_listings
from adapters.tables import CHAT_METADATA
from tests.postgres_server import PostgresServer


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def listings_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database of each kind for all tests that only read listings."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("listings")
        return f"sqlite+aiosqlite:///{folder}/listings.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture(scope="session")
async def seeded(listings_database_url: str) -> AsyncIterator[ListingsSQL]:
    """The seeded listings; tests must not write to them."""
    database = await _with_tables(listings_database_url)
    await seed_listings(database)
    yield ListingsSQL(database)
    await database.close()


@pytest.fixture
async def empty_database(database_url: str) -> AsyncIterator[Database]:
    """Tables without rows, for one test."""
    database = await _with_tables(database_url)
    yield database
    await database.close()


@pytest.fixture
def database(empty_database: Database) -> Database:
    return empty_database


@pytest.fixture
def record(database: Database) -> ConversationsSQL:
    """A record without any row, and without limits to speak of."""
    return ConversationsSQL(database, TurnLimits(new_per_minute=1000, open=1000))


async def _with_tables(url: str) -> Database:
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(CHAT_METADATA.create_all)
    return database
