"""Forgetting a thread in the database: marked first, its rows deleted, the mark last."""

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, or_, update
from sqlmodel import SQLModel, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.database import Database, promptly
from adapters.tables import MessageRow, PreferenceRow, ThreadRow, ThreadStateRow, TurnRow
from adapters.turn_accepting import lock_user, never_started
from domain.errors import NotFound
from domain.forgetting import MAY_STILL_RUN, ForgottenRecord, MarkedThread, TurnToStop
from domain.turn import OPEN_STATUSES, TurnStatus


class ForgettingSQL:
    """Implements domain.ports.ForgettingStore, and the mark with which the API begins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @promptly
    async def mark(self, user_id: str, thread_id: str) -> bool:
        """Hide the thread from everybody but its forgetting; false when it was marked before.

        Raises:
            NotFound: no such thread, or somebody else's.
        """
        async with self._database.writing() as session:
            await lock_user(session, user_id)  # a message is accepted either before this or not at all
            thread = await session.get(ThreadRow, thread_id, with_for_update=True)
            if thread is None or thread.user_id != user_id:
                raise NotFound
            if thread.forgotten_at is not None:
                return False
            thread.forgotten_at, thread.is_active = datetime.now(UTC), False
            session.add(thread)
            return True

    async def marked_thread(self, user_id: str, thread_id: str) -> MarkedThread | None:
        may_still_run = or_(
            col(TurnRow.status).in_(OPEN_STATUSES),
            col(TurnRow.ended_at) > datetime.now(UTC) - MAY_STILL_RUN,
        )
        turns = select(TurnRow).where(TurnRow.thread_id == thread_id, may_still_run).order_by(col(TurnRow.seq))
        async with self._database.reading() as session:
            marked_at = await _marked_at(session, user_id, thread_id)
            if marked_at is None:
                return None
            rows = (await session.exec(turns)).all()
        return MarkedThread(marked_at=marked_at, turns=tuple(_turn_to_stop(row) for row in rows))

    async def turns_of(self, user_id: str, thread_id: str) -> tuple[tuple[str, str], ...]:
        turns = select(TurnRow.id, TurnRow.workflow_id).where(TurnRow.thread_id == thread_id)
        async with self._database.reading() as session:
            if await _marked_at(session, user_id, thread_id) is None:
                return ()
            return tuple((turn_id, workflow_id) for turn_id, workflow_id in await session.exec(turns))

    async def forget_record(self, user_id: str, thread_id: str) -> ForgottenRecord:
        """In one transaction. A preference that the user stated plainly stays, without the thread it came from."""
        async with self._database.writing() as session:
            await lock_user(session, user_id)
            if await _marked_at(session, user_id, thread_id) is None:
                return ForgottenRecord()
            # A turn that is being closed this moment ends first, so that its reply goes as well.
            await session.exec(select(TurnRow.id).where(TurnRow.thread_id == thread_id).with_for_update())
            messages = await _delete(session, MessageRow, col(MessageRow.thread_id) == thread_id)
            await _delete(session, ThreadStateRow, col(ThreadStateRow.thread_id) == thread_id)
            turns = await _delete(session, TurnRow, col(TurnRow.thread_id) == thread_id)
            learnt_here = col(PreferenceRow.thread_id) == thread_id
            is_inferred = col(PreferenceRow.source) == "inferred"
            preferences = await _delete(session, PreferenceRow, learnt_here & is_inferred)
            await session.exec(update(PreferenceRow).where(learnt_here).values(thread_id=None))
        return ForgottenRecord(turns=turns, messages=messages, preferences=preferences)

    async def forget_thread(self, user_id: str, thread_id: str) -> None:
        async with self._database.writing() as session:
            await lock_user(session, user_id)
            if await _marked_at(session, user_id, thread_id) is not None:
                await _delete(session, ThreadRow, col(ThreadRow.id) == thread_id)


async def _marked_at(session: AsyncSession, user_id: str, thread_id: str) -> datetime | None:
    mark = select(ThreadRow.forgotten_at).where(ThreadRow.id == thread_id, ThreadRow.user_id == user_id)
    return (await session.exec(mark)).first()


async def _delete(session: AsyncSession, table: type[SQLModel], rows: ColumnElement[bool]) -> int:
    return (await session.exec(delete(table).where(rows))).rowcount


def _turn_to_stop(row: TurnRow) -> TurnToStop:
    is_open = row.status in OPEN_STATUSES
    return TurnToStop(
        turn_id=row.id,
        workflow_id=row.workflow_id,
        may_be_on_its_way=row.started_at is None and (is_open or never_started(row)),
        stopped_at=row.ended_at if row.status == TurnStatus.STOPPED else None,
    )
