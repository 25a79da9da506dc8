"""Alembic's entry: the chat's and the memory server's tables, on SQLite and PostgreSQL."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from adapters.database import Database
from adapters.tables import CHAT_METADATA
from zep_local.tables import ZEP_METADATA


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=[CHAT_METADATA, ZEP_METADATA],
        compare_type=True,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _migrate_online() -> None:
    database = Database(context.config.attributes["database_url"])
    async with database.engine.begin() as connection:
        await connection.run_sync(_migrate)
    await database.close()


asyncio.run(_migrate_online())
