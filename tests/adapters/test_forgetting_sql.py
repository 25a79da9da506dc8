"""Forgetting a thread in the database, on SQLite and on PostgreSQL."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlmodel import func, select

from adapters.conversations_sql import ConversationsSQL
from adapters.database import Database
from adapters.forgetting_sql import ForgettingSQL
from adapters.tables import MessageRow, PreferenceRow, ThreadRow, ThreadStateRow, TurnRow
from domain.conversation import AcceptedTurn, CloseTurnInput
from domain.errors import ChatError, NotFound, ThreadBeingForgotten
from domain.forgetting import MAY_STILL_RUN, SETTLE, ForgottenRecord
from domain.names import TURN_LOST, TURN_NOT_STARTED
from domain.thread import ThreadState
from domain.turn import TurnStatus
from tests.adapters.records import close, posted, result_of
from workflows import options


@pytest.fixture
def forgetting(database: Database) -> ForgettingSQL:
    return ForgettingSQL(database)


async def answered(record: ConversationsSQL, thread_id: str, user_id: str = "ada") -> AcceptedTurn:
    accepted = await record.accept(posted(user_id, thread_id=thread_id))
    await record.open_turn(accepted.turn)
    await close(record, accepted.turn)
    return accepted


async def counts(database: Database, thread_id: str) -> list[int]:
    """Threads, turns, messages and states of the thread."""
    async with database.reading() as session:
        return [
            (await session.exec(select(func.count()).select_from(table).where(column == thread_id))).one()
            for table, column in (
                (ThreadRow, ThreadRow.id),
                (TurnRow, TurnRow.thread_id),
                (MessageRow, MessageRow.thread_id),
                (ThreadStateRow, ThreadStateRow.thread_id),
            )
        ]


async def test_a_thread_is_marked_once(record: ConversationsSQL, forgetting: ForgettingSQL) -> None:
    """Of many who ask at once one is told that the mark is new; nobody else's thread can be marked."""
    thread_id = (await record.accept(posted())).turn.thread_id
    answers = await asyncio.gather(*(forgetting.mark("ada", thread_id) for _ in range(8)))
    assert sorted(answers) == [False] * 7 + [True]
    for user_id, other in (("eve", thread_id), ("ada", str(uuid4()))):
        with pytest.raises(NotFound):
            await forgetting.mark(user_id, other)
        assert await forgetting.marked_thread(user_id, other) is None


async def test_only_a_marked_thread_is_forgotten(
    record: ConversationsSQL, forgetting: ForgettingSQL, database: Database
) -> None:
    """Without its mark a thread loses nothing, and with it nothing to somebody else's forgetting."""
    thread_id = str(uuid4())
    await answered(record, thread_id)
    before = await counts(database, thread_id)
    for user_id in ("ada", "eve"):
        assert await forgetting.marked_thread(user_id, thread_id) is None
        assert await forgetting.forget_record(user_id, thread_id) == ForgottenRecord()
        await forgetting.forget_thread(user_id, thread_id)
        assert await counts(database, thread_id) == before == [1, 1, 2, 1]
        await forgetting.mark("ada", thread_id)


async def test_a_forgotten_thread_leaves_nothing(
    record: ConversationsSQL, forgetting: ForgettingSQL, database: Database
) -> None:
    """Turns, messages and state go first, the thread last; each step may come again; other threads stay."""
    thread_id, other = str(uuid4()), str(uuid4())
    for _ in range(2):
        await answered(record, thread_id)
    await record.accept(posted(thread_id=thread_id))
    await answered(record, other)
    await forgetting.mark("ada", thread_id)
    assert await forgetting.forget_record("ada", thread_id) == ForgottenRecord(turns=3, messages=5)
    assert await counts(database, thread_id) == [1, 0, 0, 0]
    assert await forgetting.forget_record("ada", thread_id) == ForgottenRecord()
    for _ in range(2):
        await forgetting.forget_thread("ada", thread_id)
        assert await counts(database, thread_id) == [0, 0, 0, 0]
    assert await counts(database, other) == [1, 1, 2, 1]


async def test_inferred_preferences_go_and_stated_ones_stay(
    record: ConversationsSQL, forgetting: ForgettingSQL, database: Database
) -> None:
    """What was inferred in the thread goes; what was stated stays and no longer names it."""
    thread_id, other = str(uuid4()), str(uuid4())
    for each in (thread_id, other):
        await answered(record, each)
    async with database.writing() as session:
        for key, source, origin in (
            ("place", "inferred", thread_id),
            ("budget", "inferred", other),
            ("pets", "explicit", thread_id),
        ):
            now = datetime.now(UTC)
            session.add(
                PreferenceRow(user_id="ada", key=key, value="x", source=source, thread_id=origin, updated_at=now)
            )
    await forgetting.mark("ada", thread_id)
    assert (await forgetting.forget_record("ada", thread_id)).preferences == 1
    async with database.reading() as session:
        left = {row.key: row.thread_id for row in await session.exec(select(PreferenceRow))}
    assert left == {"budget": other, "pets": None}


async def test_the_name_of_a_forgotten_thread_can_be_used_again(
    record: ConversationsSQL, forgetting: ForgettingSQL
) -> None:
    """Refused while the thread is being forgotten, also to a turn started by hand; afterwards it is a new one."""
    thread_id = str(uuid4())
    old = posted(thread_id=thread_id)
    by_hand = (await record.accept(old)).turn.model_copy(
        update={"turn_id": f"{thread_id}.x", "client_msg_id": "x"}
    )
    await forgetting.mark("ada", thread_id)
    for record_is_gone in (False, True):
        if record_is_gone:
            await forgetting.forget_record("ada", thread_id)
        for message in (old, posted(thread_id=thread_id)):
            with pytest.raises(ThreadBeingForgotten):
                await record.accept(message)
        with pytest.raises(ThreadBeingForgotten):
            await record.open_turn(by_hand)
    await forgetting.forget_thread("ada", thread_id)
    fresh = await record.accept(old)
    assert (fresh.seq, fresh.repeated) == (1, False)


async def test_what_may_still_run_is_told(
    record: ConversationsSQL, forgetting: ForgettingSQL, database: Database
) -> None:
    """Open turns and those that ended lately: which of them may be on their way, and when one was stopped."""
    thread_id = str(uuid4())
    old, done, stopped, lost, unstarted, running, accepted = [
        (await record.accept(posted(thread_id=thread_id))).turn for _ in range(7)
    ]
    for turn in (old, done):
        await close(record, turn)
    for turn in (stopped, lost, running):
        await record.open_turn(turn)
    closing = CloseTurnInput(turn=stopped, status=TurnStatus.STOPPED, state=ThreadState())
    await record.close_turn(closing, result_of(stopped, "", TurnStatus.STOPPED))
    await record.fail_turn(lost.turn_id, TURN_LOST)
    await record.fail_turn(unstarted.turn_id, TURN_NOT_STARTED)
    async with database.writing() as session:
        row = await session.get(TurnRow, old.turn_id)
        row.ended_at -= MAY_STILL_RUN
        session.add(row)
    await forgetting.mark("ada", thread_id)
    thread = await forgetting.marked_thread("ada", thread_id)
    assert [turn.turn_id for turn in thread.turns] == [
        turn.turn_id for turn in (done, stopped, lost, unstarted, running, accepted)
    ]
    assert [turn.may_be_on_its_way for turn in thread.turns] == [False, False, False, True, False, True]
    assert [turn.stopped_at is not None for turn in thread.turns] == [False, True, False, False, False, False]


def test_the_waits_cover_everything_a_turn_leaves_running() -> None:
    """The window covers a turn's own limit and its late append's, the settling one try of an append."""
    assert options.TURN_EXECUTION_TIMEOUT + options.REMEMBER_EXECUTION_TIMEOUT < MAY_STILL_RUN
    assert options.REMEMBER["start_to_close_timeout"] < SETTLE
    assert options.REMEMBER_LATE["start_to_close_timeout"] < SETTLE


async def test_a_reply_stored_at_the_same_moment_goes_too(
    record: ConversationsSQL, forgetting: ForgettingSQL, database: Database
) -> None:
    """Closing turns and forgetting them at once leaves nothing, whoever comes first."""
    thread_id = str(uuid4())
    await answered(record, thread_id)
    turns = [(await record.accept(posted(thread_id=thread_id))).turn for _ in range(10)]
    await forgetting.mark("ada", thread_id)
    ends = await asyncio.gather(
        *(close(record, turn) for turn in turns),
        forgetting.forget_record("ada", thread_id),
        return_exceptions=True,
    )
    assert all(isinstance(end, ChatError) for end in ends if isinstance(end, BaseException))
    await forgetting.forget_record("ada", thread_id)
    assert await counts(database, thread_id) == [1, 0, 0, 0]
