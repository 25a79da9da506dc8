"""Threads, messages and what is unread, for the user who reads them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Select, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.database import Database, promptly
from adapters.tables import MessageRow, ThreadRow, TurnRow
from adapters.turn_accepting import lock_user
from domain.errors import NotFound
from domain.threads import (
    TITLE_CHARACTERS,
    MessagePage,
    ThreadMessage,
    ThreadPage,
    ThreadSummary,
    UnreadCount,
)
from domain.turn import Speaker

_IS_REPLY = col(MessageRow.role) == Speaker.ASSISTANT
_IS_UNREAD = _IS_REPLY & (col(MessageRow.seq) > col(ThreadRow.read_seq))


class ThreadsSQL:
    """A thread that is being forgotten is not there any more, for any of these."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- threads --------------------------------------------------------------------------------------------

    @promptly
    async def active_thread(self, user_id: str) -> ThreadSummary:
        """The thread that a message without one goes to; opened when there is none."""
        async with self._database.writing() as session:
            await lock_user(session, user_id)
            thread_id = await _active_thread_id(session, user_id) or await _open_thread(session, user_id)
            return await _read_thread(session, thread_id)

    @promptly
    async def open_thread(self, user_id: str) -> ThreadSummary:
        """Retire the active thread and open a new one in its place."""
        async with self._database.writing() as session:
            await lock_user(session, user_id)
            active = (col(ThreadRow.user_id) == user_id) & col(ThreadRow.is_active)
            await session.exec(update(ThreadRow).where(active).values(is_active=False))
            return await _read_thread(session, await _open_thread(session, user_id))

    @promptly
    async def list_threads(self, user_id: str, *, page: int, limit: int) -> ThreadPage:
        """Newest first: by the last message, or by the creation where nothing was said yet."""
        mine = (ThreadRow.user_id == user_id, col(ThreadRow.forgotten_at).is_(None))
        last_activity = func.coalesce(_last_message_at(), col(ThreadRow.created_at))
        listed = (
            _summaries()
            .where(*mine)
            .order_by(last_activity.desc(), col(ThreadRow.created_at).desc(), col(ThreadRow.id))
            .limit(limit)
            .offset((page - 1) * limit)
        )
        async with self._database.reading() as session:
            count = (await session.exec(select(func.count()).select_from(ThreadRow).where(*mine))).one()
            rows = (await session.exec(listed)).all()
        return ThreadPage(count=count, page=page, limit=limit, results=tuple(_summary(*row) for row in rows))

    # --- messages -------------------------------------------------------------------------------------------

    @promptly
    async def list_messages(self, user_id: str, thread_id: str | None, *, page: int, limit: int) -> MessagePage:
        """Oldest first, of the active thread where none is named.

        Raises:
            NotFound: no such thread, or somebody else's.
        """
        async with self._database.reading() as session:
            if thread_id is None:
                thread_id = await _active_thread_id(session, user_id)
                if thread_id is None:
                    return MessagePage(count=0, page=page, limit=limit, results=())
            else:
                await _own_thread(session, user_id, thread_id)
            of_thread = col(MessageRow.thread_id) == thread_id
            count = (await session.exec(select(func.count()).select_from(MessageRow).where(of_thread))).one()
            listed = (
                select(MessageRow, TurnRow)
                .join(TurnRow, col(TurnRow.id) == MessageRow.turn_id)
                .where(of_thread)
                # A turn's user comes before its assistant; their times may be those of different machines.
                .order_by(col(MessageRow.seq), col(MessageRow.role).desc())
                .limit(limit)
                .offset((page - 1) * limit)
            )
            rows = (await session.exec(listed)).all()
        return MessagePage(count=count, page=page, limit=limit, results=tuple(_message(*row) for row in rows))

    # --- unread ---------------------------------------------------------------------------------------------

    @promptly
    async def count_unread(self, user_id: str) -> UnreadCount:
        async with self._database.reading() as session:
            return await _count_unread(session, user_id)

    @promptly
    async def mark_read(self, user_id: str, thread_id: str) -> UnreadCount:
        """Every reply that is there now; one that is still being written will be unread when it comes.

        Returns the count of this thread. Raises NotFound: no such thread, or somebody else's.
        """
        async with self._database.writing() as session:
            thread = await _own_thread(session, user_id, thread_id, with_for_update=True)
            replies = select(func.max(MessageRow.seq)).where(MessageRow.thread_id == thread_id, _IS_REPLY)
            thread.read_seq = max(thread.read_seq, (await session.exec(replies)).one() or 0)
            session.add(thread)
            await session.flush()
            return await _count_unread(session, user_id, thread_id)


async def _active_thread_id(session: AsyncSession, user_id: str) -> str | None:
    active = select(ThreadRow.id).where(ThreadRow.user_id == user_id, col(ThreadRow.is_active))
    return (await session.exec(active)).first()


async def _open_thread(session: AsyncSession, user_id: str) -> str:
    thread = ThreadRow(id=str(uuid4()), user_id=user_id, is_active=True, created_at=datetime.now(UTC))
    session.add(thread)
    await session.flush()
    return thread.id


async def _own_thread(
    session: AsyncSession, user_id: str, thread_id: str, *, with_for_update: bool = False
) -> ThreadRow:
    thread = await session.get(ThreadRow, thread_id, with_for_update=with_for_update)
    if thread is None or thread.user_id != user_id or thread.forgotten_at is not None:
        raise NotFound
    return thread


async def _read_thread(session: AsyncSession, thread_id: str) -> ThreadSummary:
    return _summary(*(await session.exec(_summaries().where(ThreadRow.id == thread_id))).one())


async def _count_unread(session: AsyncSession, user_id: str, thread_id: str | None = None) -> UnreadCount:
    unread = (
        select(func.count())
        .select_from(MessageRow)
        .join(ThreadRow, col(ThreadRow.id) == MessageRow.thread_id)
        .where(ThreadRow.user_id == user_id, col(ThreadRow.forgotten_at).is_(None), _IS_UNREAD)
    )
    if thread_id is not None:
        unread = unread.where(ThreadRow.id == thread_id)
    return UnreadCount(unread_count=(await session.exec(unread)).one(), last_updated=datetime.now(UTC))


def _summaries() -> Any:  # noqa: ANN401 - five columns are more than sqlmodel's select has types for
    """Rows as `_summary` takes them."""
    of_thread = MessageRow.thread_id == ThreadRow.id
    turns = select(func.count()).select_from(TurnRow).where(TurnRow.thread_id == ThreadRow.id)
    first = (
        select(func.substr(MessageRow.text, 1, TITLE_CHARACTERS))
        .where(of_thread, MessageRow.role == Speaker.USER)
        .order_by(col(MessageRow.seq))
        .limit(1)
    )
    unread = select(func.count()).select_from(MessageRow).where(of_thread, _IS_UNREAD)
    return select(ThreadRow, _last_message_at()).add_columns(_each(turns), _each(first), _each(unread))


def _last_message_at() -> Any:  # noqa: ANN401
    return _each(select(func.max(MessageRow.created_at)).where(MessageRow.thread_id == ThreadRow.id))


def _each(of_thread: Select[Any]) -> Any:  # noqa: ANN401
    """As a column of the thread that the outer statement reads."""
    return of_thread.correlate(ThreadRow).scalar_subquery()


def _summary(
    row: ThreadRow, last_message_at: datetime | None, turns: int, title: str | None, unread: int
) -> ThreadSummary:
    return ThreadSummary(
        thread_id=row.id,
        name=None if row.name is not None and row.name.lower() == row.id else row.name,
        is_active=row.is_active,
        created_at=row.created_at,
        last_message_at=last_message_at,
        turns=turns,
        title=title,
        unread_count=unread,
    )


def _message(row: MessageRow, turn: TurnRow) -> ThreadMessage:
    return ThreadMessage.model_validate(
        {
            **row.model_dump(include={"id", "thread_id", "turn_id", "role", "text", "agent", "created_at"}),
            "recommendations": row.cards,
            **turn.model_dump(include={"client_msg_id", "status", "regenerates"}),
        }
    )
