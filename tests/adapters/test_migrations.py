"""Migrations and tables say the same, on both databases."""

import asyncio

from alembic import command
from sqlalchemy import inspect

from adapters.database import Database
from migrations.__main__ import alembic_config, migrate


async def test_the_migrations_make_exactly_the_tables(database_url: str) -> None:
    """After the upgrade there is nothing left that a new migration would have to change."""
    await asyncio.to_thread(migrate, database_url)
    await asyncio.to_thread(command.check, alembic_config(database_url))


async def test_a_second_run_changes_nothing(database_url: str) -> None:
    """A stack that starts again migrates again, harmlessly."""
    await asyncio.to_thread(migrate, database_url)
    await asyncio.to_thread(migrate, database_url)


async def test_the_migrations_go_back_to_nothing(database_url: str) -> None:
    """Every step down undoes its step up."""
    await asyncio.to_thread(migrate, database_url)
    await asyncio.to_thread(command.downgrade, alembic_config(database_url), "base")
    database = Database(database_url)
    async with database.engine.connect() as connection:
        left = await connection.run_sync(lambda plain: inspect(plain).get_table_names())
    await database.close()
    assert left == ["alembic_version"]
