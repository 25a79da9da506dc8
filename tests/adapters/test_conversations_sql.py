"""The record of conversations, on SQLite and on PostgreSQL."""

import asyncio
import time
from uuid import uuid4

import pytest
from sqlmodel import col, func, select

from adapters.conversations_sql import ConversationsSQL, TurnLimits
from adapters.database import Database
from adapters.tables import CHAT_METADATA, MessageRow, ThreadRow, TurnRow
from domain.conversation import CloseTurnInput, NewTurn
from domain.errors import NotFound, StorageUnavailable, TooManyTurns, TurnAlreadyFailed, TurnConflict
from domain.names import TURN_NOT_STARTED
from domain.thread import ThreadState
from domain.turn import TurnStatus
from tests.adapters.records import close, posted, result_of


async def count(database: Database, table: type, *conditions: object) -> int:
    async with database.reading() as session:
        return (await session.exec(select(func.count()).select_from(table).where(*conditions))).one()


async def test_a_message_without_a_thread_goes_to_the_active_one(record: ConversationsSQL) -> None:
    """The first message opens the user's thread, the next ones go on in it."""
    first, second = [await record.accept(posted()) for _ in range(2)]
    assert first.turn.thread_id == second.turn.thread_id
    assert (first.seq, second.seq) == (1, 2)


async def test_the_same_message_twice_is_one_turn(record: ConversationsSQL, database: Database) -> None:
    """A repeated POST finds its turn, whichever thread is active by now."""
    message = posted()
    first = await record.accept(message)
    await record.accept(posted(thread_id=str(uuid4())))
    again = await record.accept(message)
    assert (again.turn, again.repeated) == (first.turn, True)
    assert await count(database, MessageRow, MessageRow.turn_id == first.turn.turn_id) == 1


async def test_fifty_identical_posts_at_once_are_one_turn(record: ConversationsSQL, database: Database) -> None:
    """However many arrive together, one is new."""
    message = posted()
    answers = await asyncio.gather(*(record.accept(message) for _ in range(50)))
    assert sum(not answer.repeated for answer in answers) == 1
    assert await count(database, TurnRow) == 1


async def test_turns_posted_at_once_get_numbers_without_gaps(record: ConversationsSQL) -> None:
    """Twenty different messages to one thread are numbered 1 to 20, each number once."""
    thread_id = str(uuid4())
    answers = await asyncio.gather(*(record.accept(posted(thread_id=thread_id)) for _ in range(20)))
    assert sorted(answer.seq for answer in answers) == list(range(1, 21))


async def test_another_body_under_the_same_id_is_a_conflict(record: ConversationsSQL) -> None:
    """A client_msg_id stands for one message."""
    message = posted()
    await record.accept(message)
    with pytest.raises(TurnConflict):
        await record.accept(message.model_copy(update={"message": "other", "fingerprint": "print of other"}))


async def test_somebody_elses_thread_is_not_found(record: ConversationsSQL) -> None:
    """Neither posting to it nor reading its turns tells that it exists."""
    mine = await record.accept(posted())
    with pytest.raises(NotFound):
        await record.accept(posted("eve", thread_id=mine.turn.thread_id))
    with pytest.raises(NotFound):
        await record.read_turn(mine.turn.turn_id, "eve")


async def test_a_user_has_one_active_thread(record: ConversationsSQL, database: Database) -> None:
    """Threads opened at the same time leave one active, and posting to a retired one makes it active again."""
    threads = [str(uuid4()) for _ in range(5)]
    await asyncio.gather(*(record.accept(posted(thread_id=thread_id)) for thread_id in threads))
    assert await count(database, ThreadRow, col(ThreadRow.is_active)) == 1
    await record.accept(posted(thread_id=threads[0]))
    assert (await record.accept(posted())).turn.thread_id == threads[0]


async def test_limits_hold_per_user_and_spare_repeats(database: Database) -> None:
    """Over the limit a user is told when to come again; a repeat and another user are served."""
    record = ConversationsSQL(database, TurnLimits(new_per_minute=2, open=10))
    first = posted()
    await record.accept(first)
    await record.accept(posted())
    with pytest.raises(TooManyTurns) as refusal:
        await record.accept(posted())
    assert 0 < (refusal.value.retry_after or 0) <= 60
    assert (await record.accept(first)).repeated
    await record.accept(posted("eve"))


async def test_too_many_open_turns_are_refused(database: Database) -> None:
    """A user with as many open turns as allowed must let one end first."""
    record = ConversationsSQL(database, TurnLimits(new_per_minute=100, open=1))
    first = await record.accept(posted())
    with pytest.raises(TooManyTurns):
        await record.accept(posted())
    await record.open_turn(first.turn)
    await close(record, first.turn)
    await record.accept(posted())


async def test_a_later_turn_sees_the_earlier_ones_that_are_open(record: ConversationsSQL) -> None:
    """A turn is blocked by exactly the open turns before it, oldest first."""
    turns = [(await record.accept(posted())).turn for _ in range(3)]
    assert (await record.open_turn(turns[0])).blocked_by == ()
    blocked = await record.open_turn(turns[2])
    assert [blocker.turn_id for blocker in blocked.blocked_by] == [turns[0].turn_id, turns[1].turn_id]
    assert (await record.read_turn(turns[2].turn_id, "ada")).status is TurnStatus.QUEUED
    closed = await close(record, turns[0])
    assert closed.next_turn is not None
    assert closed.next_turn.turn_id == turns[1].turn_id


async def test_opening_twice_changes_nothing(record: ConversationsSQL, database: Database) -> None:
    """open_turn answers the same every time it runs."""
    turn = (await record.accept(posted())).turn
    assert await record.open_turn(turn) == await record.open_turn(turn)
    assert await count(database, MessageRow) == 1


async def test_a_turn_started_by_hand_gets_its_rows(record: ConversationsSQL) -> None:
    """open_turn inserts thread, turn and message where the API did not."""
    thread_id = str(uuid4())
    turn = NewTurn(
        turn_id=f"{thread_id}.x",
        thread_id=thread_id,
        client_msg_id="x",
        user_id="op",
        message="hi",
        workflow_id="w",
    )
    assert (await record.open_turn(turn)).seq == 1
    assert (await record.read_turn(turn.turn_id, "op")).status is TurnStatus.RUNNING


async def test_the_first_close_wins(record: ConversationsSQL, database: Database) -> None:
    """A second close with another reply is answered with the first one, which stays the only one stored."""
    turn = (await record.accept(posted())).turn
    await record.open_turn(turn)
    await close(record, turn, "first")
    assert (await close(record, turn, "second")).result.response_text == "first"
    assert await count(database, MessageRow, MessageRow.role == "assistant") == 1


async def test_parallel_closes_store_one_reply(record: ConversationsSQL, database: Database) -> None:
    """Two workers that close the same turn at once get the same answer."""
    turn = (await record.accept(posted())).turn
    await record.open_turn(turn)
    answers = await asyncio.gather(*(close(record, turn, f"reply {number}") for number in range(8)))
    assert len({answer.result.response_text for answer in answers}) == 1
    assert await count(database, MessageRow, MessageRow.role == "assistant") == 1


async def test_a_closed_turn_opens_with_its_result(record: ConversationsSQL) -> None:
    """Opened again after its end, a turn answers what is stored and runs nothing."""
    turn = (await record.accept(posted())).turn
    await record.open_turn(turn)
    await close(record, turn, "done")
    opened = await record.open_turn(turn)
    assert opened.ended_as is not None
    assert opened.ended_as.response_text == "done"


async def test_state_passes_from_turn_to_turn_in_order(record: ConversationsSQL) -> None:
    """The next turn reads the state of the last; a turn that closes out of order does not undo it."""
    first, second, third = [(await record.accept(posted())).turn for _ in range(3)]
    await close(record, second, bedrooms=2)
    await close(record, first, bedrooms=1)
    assert (await record.open_turn(third)).state.slots.bedrooms == 2


async def test_a_turn_without_a_reply_leaves_the_state_alone(record: ConversationsSQL) -> None:
    """A later turn that is rejected or stopped first does not undo what the turn in front of it learns."""
    first, rejected, third = [(await record.accept(posted())).turn for _ in range(3)]
    closing = CloseTurnInput(turn=rejected, status=TurnStatus.REJECTED, state=ThreadState())
    await record.close_turn(closing, result_of(rejected, status=TurnStatus.REJECTED))
    await close(record, first, bedrooms=2)
    assert (await record.open_turn(third)).state.slots.bedrooms == 2


async def test_a_failed_turn_stays_failed(record: ConversationsSQL) -> None:
    """A turn that was taken over neither opens nor closes any more."""
    turn = (await record.accept(posted())).turn
    await record.fail_turn(turn.turn_id, "turn_lost")
    with pytest.raises(TurnAlreadyFailed):
        await record.open_turn(turn)
    with pytest.raises(TurnAlreadyFailed):
        await close(record, turn)


async def test_failing_an_ended_turn_does_nothing(record: ConversationsSQL) -> None:
    """A result is never replaced by a failure."""
    turn = (await record.accept(posted())).turn
    await close(record, turn)
    await record.fail_turn(turn.turn_id, "turn_lost")
    assert (await record.read_turn(turn.turn_id, "ada")).status is TurnStatus.COMPLETED


async def test_a_turn_that_never_started_is_revived_at_the_end(record: ConversationsSQL) -> None:
    """Its POST answered 503 and later turns passed it by: a repeat gives it the next number."""
    message = posted()
    lost = await record.accept(message)
    await record.accept(posted())
    await record.fail_turn(lost.turn.turn_id, TURN_NOT_STARTED)
    again = await record.accept(message)
    assert (again.status, again.seq) == (TurnStatus.ACCEPTED, 3)


async def test_a_database_that_is_away_is_one_typed_error(tmp_path) -> None:
    """Whoever asks hears StorageUnavailable and no text of a driver."""
    for url in (f"sqlite+aiosqlite:///{tmp_path}/missing/x.db", "postgresql+asyncpg://nobody@127.0.0.1:1/x"):
        database = Database(url, answer_within=2)
        with pytest.raises(StorageUnavailable):
            await ConversationsSQL(database, TurnLimits(1, 1)).ping()
        await database.close()


async def test_a_turn_given_up_too_early_runs_at_the_end(record: ConversationsSQL) -> None:
    """Its start was given up, but its workflow comes after all: it runs behind those that passed it by."""
    late = (await record.accept(posted())).turn
    await record.fail_turn(late.turn_id, TURN_NOT_STARTED)
    other = (await record.accept(posted())).turn
    opened = await record.open_turn(late)
    assert (opened.seq, [blocker.turn_id for blocker in opened.blocked_by]) == (3, [other.turn_id])


async def test_a_turn_that_runs_is_not_called_never_started(record: ConversationsSQL) -> None:
    """Between the look and the verdict the workflow may have begun: then the verdict is void."""
    turn = (await record.accept(posted())).turn
    await record.open_turn(turn)
    await record.fail_turn(turn.turn_id, TURN_NOT_STARTED)
    assert (await record.read_turn(turn.turn_id, "ada")).status is TurnStatus.RUNNING


async def test_users_who_name_the_same_new_thread_at_once(record: ConversationsSQL) -> None:
    """One of them gets the thread, the others are told that it is not theirs."""
    thread_id = str(uuid4())
    answers = await asyncio.gather(
        *(record.accept(posted(f"user-{number}", thread_id=thread_id)) for number in range(6)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, NotFound) for answer in answers) == 5


async def test_a_locked_database_is_told_in_time(tmp_path) -> None:
    """While another process holds SQLite's write lock, an API's call soon ends as StorageUnavailable."""
    url = f"sqlite+aiosqlite:///{tmp_path}/x.db"
    holder, database = Database(url), Database(url, answer_within=1.0)
    async with holder.engine.begin() as connection:
        await connection.run_sync(CHAT_METADATA.create_all)
    record = ConversationsSQL(database, TurnLimits(1, 1))
    async with holder.writing() as session:
        await session.exec(select(1))
        began = time.monotonic()
        with pytest.raises(StorageUnavailable):
            await record.accept(posted())
        assert time.monotonic() - began < 3 * 1.0
    await holder.close()
    await database.close()
