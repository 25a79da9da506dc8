"""What the live feed of a thread reads from the record: which turns there are, and what was said last."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.database import Database, promptly
from adapters.tables import MessageRow, ThreadRow, ThreadStateRow, TurnRow
from adapters.turn_record import record_of
from domain.conversation import TurnRecord
from domain.slots import Slots
from domain.thread import Language, ThreadState
from domain.turn import OPEN_STATUSES, Speaker
from domain.value import Value

MOST_IDS: Final = 500
"""In one query; SQLite and PostgreSQL both take more, but not without end."""


class ThreadNumber(Value):
    """How far a thread is: whose it is, and the number of its last turn."""

    user_id: str
    last_number: int
    is_forgotten: bool


class RecentTurn(Value):
    """A turn that has ended, with the user's message; one that answers another anew has none of its own."""

    turn: TurnRecord
    message: str | None


class RecentThread(Value):
    """What a client needs that opens a thread.

    `covered`: the number of the last turn that has ended with all before it ended; 0 before the first. The
    turns go up to there, oldest first.
    """

    covered: int
    turns: tuple[RecentTurn, ...]
    slots: Slots
    language: Language


class ThreadReading:
    """Every call is answered within the database's `answer_within` or raises StorageUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @promptly
    async def numbers_of(self, thread_ids: Sequence[str]) -> dict[str, ThreadNumber]:
        """Of those that exist."""
        found: dict[str, ThreadNumber] = {}
        wanted = select(ThreadRow.id, ThreadRow.user_id, ThreadRow.last_seq, ThreadRow.forgotten_at)
        async with self._database.reading() as session:
            for start in range(0, len(thread_ids), MOST_IDS):
                some = col(ThreadRow.id).in_(thread_ids[start : start + MOST_IDS])
                for thread_id, user_id, last_seq, forgotten_at in await session.exec(wanted.where(some)):
                    found[thread_id] = ThreadNumber(
                        user_id=user_id, last_number=last_seq, is_forgotten=forgotten_at is not None
                    )
        return found

    @promptly
    async def next_turn(self, thread_id: str, number: int) -> TurnRecord | None:
        """The first turn with this number or a later one. Numbers have gaps: a turn sent again takes a new one."""
        wanted = (
            select(TurnRow)
            .where(col(TurnRow.thread_id) == thread_id, col(TurnRow.seq) >= number)
            .order_by(col(TurnRow.seq))
            .limit(1)
        )
        async with self._database.reading() as session:
            row = (await session.exec(wanted)).first()
        return record_of(row) if row else None

    @promptly
    async def covered(self, thread_id: str) -> int:
        """The number of the last turn in front of the first open one; 0 where there is none."""
        async with self._database.reading() as session:
            last = select(func.max(TurnRow.seq)).where(_in_front_of_open(thread_id))
            return (await session.exec(last)).one() or 0

    @promptly
    async def recent(self, thread_id: str, *, turns: int) -> RecentThread:
        """The last so many turns in front of the first open one, and the thread's state."""
        last = select(TurnRow).where(_in_front_of_open(thread_id)).order_by(col(TurnRow.seq).desc()).limit(turns)
        async with self._database.reading() as session:
            rows = list(await session.exec(last))[::-1] if turns else []
            messages = await _messages_of(session, rows)
            stored = await session.get(ThreadStateRow, thread_id)
        state = ThreadState.model_validate(stored.state) if stored else ThreadState()
        return RecentThread(
            covered=rows[-1].seq if rows else 0,
            turns=tuple(RecentTurn(turn=record_of(row), message=messages.get(row.id)) for row in rows),
            slots=state.slots,
            language=state.language,
        )


def _in_front_of_open(thread_id: str) -> ColumnElement[bool]:
    first_open = (
        select(func.min(TurnRow.seq))
        .where(col(TurnRow.thread_id) == thread_id, col(TurnRow.status).in_(OPEN_STATUSES))
        .scalar_subquery()
    )
    return (col(TurnRow.thread_id) == thread_id) & (first_open.is_(None) | (col(TurnRow.seq) < first_open))


async def _messages_of(session: AsyncSession, rows: Sequence[TurnRow]) -> dict[str, str]:
    said = select(MessageRow.turn_id, MessageRow.text).where(
        col(MessageRow.turn_id).in_([row.id for row in rows]), col(MessageRow.role) == Speaker.USER
    )
    return dict((await session.exec(said)).all())
