"""One engine and one way to a session, for SQLite embedded and PostgreSQL in production."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, DateTime, Dialect, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
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

LOCK_SHARE = 0.8
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
        """`answer_within` bounds calls marked `@promptly`, in seconds; without it they are not bounded."""
        self.answer_within = answer_within
        self.is_sqlite = url.startswith("sqlite")
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_pre_ping=not self.is_sqlite,
            pool_timeout=CONNECT_SECONDS,
            hide_parameters=True,  # they would bring message texts into logs and histories
            connect_args={"timeout": self._lock_seconds() if self.is_sqlite else CONNECT_SECONDS},
        )
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
            event.listen(self.engine.sync_engine, "invalidate", _roll_back_sqlite)

    def _lock_seconds(self) -> float:
        """How long SQLite waits for another process's write.

        Less than `answer_within`, so that the driver gives up by itself: its thread cannot be cancelled, and
        a cancelled call would leave it and its connection behind.
        """
        return 5.0 if self.answer_within is None else LOCK_SHARE * self.answer_within

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        async with _storage_errors(), AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Commits when the block ends well, rolls back when it raises."""
        async with _storage_errors(), self.engine.connect() as plain:
            connection: AsyncConnection = await plain.execution_options(islanders_writes=True)
            async with (
                AsyncSession(connection, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session

    async def close(self) -> None:
        await self.engine.dispose()


@asynccontextmanager
async def _storage_errors() -> AsyncIterator[None]:
    """A database that is away becomes one typed error; a refused value or a broken constraint stays what it is."""
    try:
        yield
    except (IntegrityError, DataError):
        raise
    except (DBAPIError, PoolTimeoutError, OSError, TimeoutError) as error:
        raise StorageUnavailable(type(error).__name__) from error


class OnDatabase(Protocol):
    _database: Database


Owner = TypeVar("Owner", bound=OnDatabase)
P = ParamSpec("P")
R = TypeVar("R")


def promptly(
    method: Callable[Concatenate[Owner, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Owner, P], Coroutine[Any, Any, R]]:
    """Bound the method by the database's `answer_within`. Raises StorageUnavailable when the time is over.

    The call is left behind, not awaited: closing a connection to a server that hangs takes seconds as well.
    """

    @wraps(method)
    async def bounded(owner: Owner, /, *args: P.args, **kwargs: P.kwargs) -> R:
        seconds = owner._database.answer_within  # noqa: SLF001 - the protocol says that it has one
        call = asyncio.ensure_future(method(owner, *args, **kwargs))
        try:
            await asyncio.wait({call}, timeout=seconds)
        finally:
            if not call.done():
                call.cancel()
                call.add_done_callback(_forget)
        if call.cancelled() or not call.done():
            raise StorageUnavailable("no answer in time")
        return call.result()

    return bounded


def _forget(call: asyncio.Future[Any]) -> None:
    """Nobody waits for a call that came too late; reading its error keeps asyncio from reporting it."""
    if not call.cancelled():
        call.exception()


async def insert_if_absent(session: AsyncSession, table: type[SQLModel], **values: Any) -> bool:  # noqa: ANN401
    """Insert the row unless its key is taken; tells whether it was inserted."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    inserted = await session.exec(dialect.insert(table).values(**values).on_conflict_do_nothing())
    return bool(inserted.rowcount)


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    # The driver must not begin transactions by itself: _begin_sqlite decides how.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _roll_back_sqlite(connection: DBAPIConnection, _record: object, _error: object) -> None:
    """A call that was cancelled in mid-statement leaves its connection invalid, to be closed.

    SQLite keeps a connection that is closed with a statement under way until that is collected, and with it the
    write lock: everybody else would wait for it (measured: every later write of the process).
    """
    with contextlib.suppress(sqlite3.Error, ValueError):  # it may be closed already
        connection.rollback()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("islanders_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
