"""Threads, messages and unread replies, on SQLite and on PostgreSQL."""

import asyncio
from uuid import uuid4

import pytest
from sqlmodel import select

from adapters.conversations_sql import ConversationsSQL
from adapters.database import Database
from adapters.forgetting_sql import ForgettingSQL
from adapters.tables import ThreadRow
from adapters.threads_sql import ThreadsSQL
from domain.card_shape import card
from domain.conversation import AcceptedTurn, CloseTurnInput, NewTurn
from domain.errors import NotFound
from domain.listings import Listing
from domain.names import assistant_message_id, thread_id_for, user_message_id
from domain.reply import Reply
from domain.thread import ThreadState
from domain.threads import ThreadPage
from domain.turn import Act, Speaker, TurnStatus
from tests.adapters.records import close, posted, result_of
from tests.fakes import a_listing


@pytest.fixture
def threads(database: Database) -> ThreadsSQL:
    return ThreadsSQL(database)


async def answered(
    record: ConversationsSQL, message: str = "hello", text: str = "hi", **said: str
) -> AcceptedTurn:
    accepted = await record.accept(posted(message=message, fingerprint=str(uuid4()), **said))
    await close(record, accepted.turn, text)
    return accepted


async def stop(record: ConversationsSQL, turn: NewTurn, text: str = "") -> None:
    closing = CloseTurnInput(turn=turn, status=TurnStatus.STOPPED, state=ThreadState(), partial_text=text)
    await record.close_turn(closing, result_of(turn, text, TurnStatus.STOPPED))


def ids(page: ThreadPage) -> list[str]:
    return [thread.thread_id for thread in page.results]


# --- threads ------------------------------------------------------------------------------------------------


async def test_the_active_thread_is_opened_once(record: ConversationsSQL, threads: ThreadsSQL) -> None:
    """Whoever asks first, and however many at once: one thread, to which messages without one go."""
    seen = await asyncio.gather(*(threads.active_thread("ada") for _ in range(8)))
    assert len({thread.thread_id for thread in seen}) == 1
    assert seen[0].is_active
    assert (seen[0].turns, seen[0].title, seen[0].last_message_at, seen[0].unread_count) == (0, None, None, 0)
    assert (await record.accept(posted())).turn.thread_id == seen[0].thread_id


async def test_opening_a_thread_retires_the_active_one(
    record: ConversationsSQL, threads: ThreadsSQL, database: Database
) -> None:
    """The new one is active, the old one is still there, and other users keep theirs."""
    others = await threads.active_thread("eve")
    old = await threads.active_thread("ada")
    new = await threads.open_thread("ada")
    assert new.thread_id != old.thread_id
    assert (await threads.active_thread("ada")).thread_id == new.thread_id
    assert (await threads.active_thread("eve")).thread_id == others.thread_id
    async with database.reading() as session:
        active = (await session.exec(select(ThreadRow.is_active).where(ThreadRow.id == old.thread_id))).one()
    assert not active


async def test_threads_are_listed_by_their_last_message(record: ConversationsSQL, threads: ThreadsSQL) -> None:
    """Newest first; a thread in which nothing was said counts from its creation."""
    first, second = [(await answered(record, thread_id=str(uuid4()))).turn.thread_id for _ in range(2)]
    empty = (await threads.open_thread("ada")).thread_id
    assert ids(await threads.list_threads("ada", page=1, limit=20)) == [empty, second, first]
    await answered(record, thread_id=first)
    assert ids(await threads.list_threads("ada", page=1, limit=20)) == [first, empty, second]


async def test_a_listed_thread_tells_what_it_is(record: ConversationsSQL, threads: ThreadsSQL) -> None:
    """Name, title, times, turns and unread replies; a UUID is no name."""
    message = "Ş" * 100
    turn = (await answered(record, message, thread_id=thread_id_for("ada", "my-flat"), thread_name="my-flat")).turn
    await answered(record, thread_id=turn.thread_id)
    plain = str(uuid4())
    await answered(record, thread_id=plain, thread_name=plain.upper())
    by_id, named = (await threads.list_threads("ada", page=1, limit=20)).results
    assert (named.thread_id, named.name, named.title) == (turn.thread_id, "my-flat", "Ş" * 80)
    assert (named.turns, named.unread_count, named.is_active) == (2, 2, False)
    assert named.last_message_at is not None
    assert named.created_at < named.last_message_at
    assert (by_id.name, by_id.is_active) == (None, True)


async def test_pages_cover_all_threads_once(record: ConversationsSQL, threads: ThreadsSQL) -> None:
    """Each page holds its share, and a page beyond the last is empty."""
    for _ in range(5):
        await threads.open_thread("ada")
    await threads.open_thread("eve")
    pages = [await threads.list_threads("ada", page=page, limit=2) for page in (1, 2, 3, 4)]
    assert [len(page.results) for page in pages] == [2, 2, 1, 0]
    assert {page.count for page in pages} == {5}
    assert len({thread_id for page in pages for thread_id in ids(page)}) == 5


# --- messages -----------------------------------------------------------------------------------------------


async def test_messages_come_in_the_order_of_their_turns(record: ConversationsSQL, threads: ThreadsSQL) -> None:
    """The user's before the assistant's of the same turn, also where a later turn ended first."""
    first, second = [(await record.accept(posted(message=said))).turn for said in ("one", "two")]
    await close(record, second, "reply to two")
    await close(record, first, "reply to one")
    page = await threads.list_messages("ada", None, page=1, limit=20)
    assert [message.text for message in page.results] == ["one", "reply to one", "two", "reply to two"]
    assert [message.role for message in page.results] == [Speaker.USER, Speaker.ASSISTANT] * 2
    asked, replied = page.results[:2]
    assert asked.id == user_message_id(first.thread_id, first.client_msg_id)
    assert replied.id == assistant_message_id(first.thread_id, first.client_msg_id)
    assert {message.turn_id for message in (asked, replied)} == {first.turn_id}
    assert {message.client_msg_id for message in (asked, replied)} == {first.client_msg_id}
    assert (asked.agent, replied.agent, replied.status) == (None, "general_agent", TurnStatus.COMPLETED)


async def test_a_reply_comes_with_its_cards(record: ConversationsSQL, threads: ThreadsSQL) -> None:
    """Cards are told as they were stored."""
    turn = (await record.accept(posted())).turn
    listing: Listing = a_listing()
    shown = (card(listing, None),)
    reply = Reply(text="here", act=Act.SEARCH_AND_RECOMMEND, state=ThreadState(), recommendations=shown)
    closing = CloseTurnInput(turn=turn, status=TurnStatus.COMPLETED, state=ThreadState(), reply=reply)
    await record.close_turn(closing, result_of(turn).model_copy(update={"recommendations": shown}))
    page = await threads.list_messages("ada", turn.thread_id, page=1, limit=20)
    assert [message.recommendations for message in page.results] == [(), shown]


async def test_a_reply_given_anew_stands_alone(record: ConversationsSQL, threads: ThreadsSQL) -> None:
    """It has no user message of its own and names the turn it answers."""
    old = await answered(record, "two bedrooms", "first")
    new = await record.accept(posted(message="", regenerates=old.turn.turn_id))
    await close(record, new.turn, "second")
    page = await threads.list_messages("ada", old.turn.thread_id, page=1, limit=20)
    assert [(message.text, message.regenerates) for message in page.results] == [
        ("two bedrooms", None),
        ("first", None),
        ("second", old.turn.turn_id),
    ]


async def test_a_turn_stopped_before_a_word_has_no_reply(record: ConversationsSQL, threads: ThreadsSQL) -> None:
    """What was shown of a stopped reply is told, and nothing is where nothing was."""
    silent, cut = [(await record.accept(posted(message=said))).turn for said in ("silent", "cut")]
    await stop(record, silent)
    await stop(record, cut, "I was about to")
    page = await threads.list_messages("ada", None, page=1, limit=20)
    assert [(message.text, message.status) for message in page.results] == [
        ("silent", TurnStatus.STOPPED),
        ("cut", TurnStatus.STOPPED),
        ("I was about to", TurnStatus.STOPPED),
    ]


async def test_pages_of_messages(record: ConversationsSQL, threads: ThreadsSQL) -> None:
    """Oldest first over all pages; without any thread the list is empty."""
    assert (await threads.list_messages("ada", None, page=1, limit=20)).count == 0
    for number in range(3):
        await answered(record, f"message {number}", f"reply {number}")
    pages = [await threads.list_messages("ada", None, page=page, limit=4) for page in (1, 2)]
    assert [message.text for page in pages for message in page.results] == [
        text for number in range(3) for text in (f"message {number}", f"reply {number}")
    ]
    assert {page.count for page in pages} == {6}


# --- unread -------------------------------------------------------------------------------------------------


async def test_replies_are_unread_until_they_are_marked(record: ConversationsSQL, threads: ThreadsSQL) -> None:
    """The count is over all threads, marking is for one, and marking again changes nothing."""
    first, second = [(await answered(record, thread_id=str(uuid4()))).turn.thread_id for _ in range(2)]
    await answered(record, thread_id=first)
    assert (await threads.count_unread("ada")).unread_count == 3
    assert (await threads.count_unread("eve")).unread_count == 0
    for _ in range(2):
        assert (await threads.mark_read("ada", first)).unread_count == 0
        assert (await threads.count_unread("ada")).unread_count == 1
    await answered(record, thread_id=first)
    assert (await threads.count_unread("ada")).unread_count == 2
    assert (await threads.mark_read("ada", second)).unread_count == 0


async def test_a_reply_that_comes_later_is_unread(record: ConversationsSQL, threads: ThreadsSQL) -> None:
    """Marking while a turn is open reads what is there, not what is coming."""
    thread_id = (await answered(record)).turn.thread_id
    coming = (await record.accept(posted())).turn
    assert (await threads.mark_read("ada", thread_id)).unread_count == 0
    await close(record, coming)
    assert (await threads.count_unread("ada")).unread_count == 1


# --- whose ----------------------------------------------------------------------------------------------------


async def test_other_peoples_threads_are_not_found(record: ConversationsSQL, threads: ThreadsSQL) -> None:
    """Somebody else's thread and one that never was are told apart by nothing."""
    mine = (await answered(record)).turn.thread_id
    for user_id, thread_id in (("eve", mine), ("ada", str(uuid4()))):
        with pytest.raises(NotFound):
            await threads.list_messages(user_id, thread_id, page=1, limit=20)
        with pytest.raises(NotFound):
            await threads.mark_read(user_id, thread_id)
    assert (await threads.list_threads("eve", page=1, limit=20)).count == 0


async def test_a_thread_being_forgotten_is_not_there(
    record: ConversationsSQL, threads: ThreadsSQL, database: Database
) -> None:
    """From the mark on it is in no list, counts nowhere and is active no more."""
    turn = (await answered(record)).turn
    await ForgettingSQL(database).mark("ada", turn.thread_id)
    assert (await threads.list_threads("ada", page=1, limit=20)).count == 0
    assert (await threads.list_messages("ada", None, page=1, limit=20)).count == 0
    assert (await threads.count_unread("ada")).unread_count == 0
    with pytest.raises(NotFound):
        await threads.list_messages("ada", turn.thread_id, page=1, limit=20)
    with pytest.raises(NotFound):
        await threads.mark_read("ada", turn.thread_id)
    with pytest.raises(NotFound):
        await record.read_turn(turn.turn_id, "ada")
    assert (await threads.active_thread("ada")).thread_id != turn.thread_id
