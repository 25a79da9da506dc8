"""What the live feed reads of a thread, on SQLite and on PostgreSQL."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import update

from adapters import thread_reading
from adapters.conversations_sql import ConversationsSQL
from adapters.database import Database
from adapters.tables import ThreadRow
from adapters.thread_reading import ThreadNumber, ThreadReading
from domain.names import TURN_NOT_STARTED
from domain.slots import Slots
from domain.thread import Language
from tests.adapters.records import close, posted

THREAD = str(uuid4())


@pytest.fixture
def reading(database: Database) -> ThreadReading:
    return ThreadReading(database)


async def test_threads_are_looked_at_together(
    record: ConversationsSQL, reading: ThreadReading, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that exist, however many are asked for: whose they are, how far, whether they are being deleted."""
    monkeypatch.setattr(thread_reading, "MOST_IDS", 2)
    threads = [str(uuid4()) for _ in range(5)]
    for thread_id in threads:
        await record.accept(posted(thread_id=thread_id))
    await record.accept(posted(thread_id=threads[0]))
    async with database.writing() as session:
        forgotten = update(ThreadRow).where(ThreadRow.id == threads[4]).values(forgotten_at=datetime.now(UTC))
        await session.exec(forgotten)
    found = await reading.numbers_of([*threads, "unknown"])
    assert set(found) == set(threads)
    assert found[threads[0]] == ThreadNumber(user_id="ada", last_number=2, is_forgotten=False)
    assert found[threads[4]] == ThreadNumber(user_id="ada", last_number=1, is_forgotten=True)


async def test_the_next_turn_may_have_any_later_number(record: ConversationsSQL, reading: ThreadReading) -> None:
    """A turn that never started and is sent again leaves a gap behind."""
    message = posted(thread_id=THREAD, message="first")
    first = await record.accept(message)
    second = await record.accept(posted(thread_id=THREAD))
    await record.fail_turn(first.turn.turn_id, TURN_NOT_STARTED)
    await record.accept(message)
    told, number = [], 0
    while turn := await reading.next_turn(THREAD, number):
        told.append((turn.seq, turn.turn_id))
        number = turn.seq + 1
    assert told == [(2, second.turn.turn_id), (3, first.turn.turn_id)]
    assert await reading.next_turn("unknown", 0) is None


async def test_an_open_turn_and_what_lies_behind_it_are_not_covered(
    record: ConversationsSQL, reading: ThreadReading
) -> None:
    """Turns that ended behind an open one are still to be told, so a client must not take them for known."""
    assert await reading.covered(THREAD) == 0
    turns = [(await record.accept(posted(thread_id=THREAD, message=text))).turn for text in ("a", "b", "c")]
    await close(record, turns[2])
    assert await reading.covered(THREAD) == 0
    assert (await reading.recent(THREAD, turns=10)).covered == 0
    await close(record, turns[0])
    assert await reading.covered(THREAD) == (await reading.recent(THREAD, turns=10)).covered == 1
    await close(record, turns[1])
    assert await reading.covered(THREAD) == (await reading.recent(THREAD, turns=10)).covered == 3


async def test_the_last_turns_are_read_with_what_was_said(
    record: ConversationsSQL, reading: ThreadReading
) -> None:
    """Oldest first, messages and replies together, and the state they left; of a longer thread the last ones."""
    for number in range(4):
        turn = (await record.accept(posted(thread_id=THREAD, message=f"message {number}"))).turn
        await close(record, turn, f"reply {number}", bedrooms=number)
    recent = await reading.recent(THREAD, turns=2)
    assert [turn.message for turn in recent.turns] == ["message 2", "message 3"]
    assert [turn.turn.result.response_text for turn in recent.turns] == ["reply 2", "reply 3"]
    assert (recent.slots, recent.language) == (Slots(bedrooms=3), Language.EN)
    nothing = await reading.recent(THREAD, turns=0)
    assert (nothing.turns, nothing.slots) == ((), Slots(bedrooms=3))
