"""One engine and one way to a session, for SQLite embedded and PostgreSQL in production."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.errors import StorageUnavailable

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints, the same on both databases, so that a migration can name them."""

CONNECT_SECONDS = 1.5
"""A database that does not answer is told within the two seconds a caller may wait for a 503."""


class UTCDateTime(TypeDecorator[datetime]):
    """Aware times in UTC on both databases; SQLite would hand back naive ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is not None and value.tzinfo is None:
            raise ValueError("a stored time must be aware")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC)


class Database:
    """Owns the engine. `reading()` and `writing()` give a session that ends with the block.

    On SQLite a writing transaction takes the write lock at its beginning: a read that later writes would
    be refused as busy instead of waiting its turn.
    """

    def __init__(self, url: str, *, answer_within: float | None = None) -> None:
        """`answer_within` bounds each session in seconds; without it a session waits as long as it takes."""
        self._answer_within = answer_within
        self.is_sqlite = url.startswith("sqlite")
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_pre_ping=not self.is_sqlite,
            pool_timeout=CONNECT_SECONDS,
            connect_args={"timeout": 5} if self.is_sqlite else {"timeout": CONNECT_SECONDS},
        )
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        async with self._storage_errors(), AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Commits when the block ends well, rolls back when it raises."""
        async with self._storage_errors(), self.engine.connect() as plain:
            connection: AsyncConnection = await plain.execution_options(islanders_writes=True)
            async with (
                AsyncSession(connection, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session

    @asynccontextmanager
    async def _storage_errors(self) -> AsyncIterator[None]:
        """A database that is away becomes one typed error; a broken constraint stays what it is."""
        try:
            async with asyncio.timeout(self._answer_within):
                yield
        except (OperationalError, InterfaceError, PoolTimeoutError, OSError) as error:
            raise StorageUnavailable(type(error).__name__) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise StorageUnavailable(type(error).__name__) from error
            raise

    async def close(self) -> None:
        await self.engine.dispose()


async def insert_if_absent(session: AsyncSession, table: type[SQLModel], **values: Any) -> bool:  # noqa: ANN401
    """Insert the row unless its key is taken; tells whether it was inserted."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    inserted = await session.exec(dialect.insert(table).values(**values).on_conflict_do_nothing())
    return bool(inserted.rowcount)


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    # The driver must not begin transactions by itself: _begin_sqlite decides how.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=5000", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("islanders_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
