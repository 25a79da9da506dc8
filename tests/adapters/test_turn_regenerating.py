"""Answering the last turn anew, in the record: on SQLite and on PostgreSQL."""

from uuid import uuid4

import pytest
from sqlmodel import select

from adapters.conversations_sql import ConversationsSQL
from adapters.database import Database
from adapters.tables import MessageRow, ThreadRow
from domain.conversation import AcceptedTurn, CloseTurnInput, NewTurn, PostedTurn
from domain.errors import NotFound, NotTheLastTurn, ThreadBeingForgotten, ThreadBusy, TurnConflict
from domain.names import TURN_NOT_STARTED
from domain.reply import Reply, Said
from domain.slots import Slots
from domain.thread import Language, ThreadState
from domain.turn import Act, OnBusy, Speaker, TurnStatus
from tests.adapters.records import close, posted, result_of


async def answered(record: ConversationsSQL, message: str, text: str, bedrooms: int | None = None) -> AcceptedTurn:
    accepted = await record.accept(posted(message=message))
    await record.open_turn(accepted.turn)
    await close(record, accepted.turn, text, bedrooms)
    return accepted


async def stopped(record: ConversationsSQL, turn: NewTurn, text: str) -> None:
    closing = CloseTurnInput(turn=turn, status=TurnStatus.STOPPED, state=ThreadState(), partial_text=text)
    await record.close_turn(closing, result_of(turn, text, TurnStatus.STOPPED))


def again(turn_id: str, **changed: str) -> PostedTurn:
    return posted(message="", fingerprint=f"again {turn_id}"[-64:], regenerates=turn_id, **changed)


async def test_the_last_turn_is_answered_anew_from_where_it_began(record: ConversationsSQL) -> None:
    """The new turn has the old message and the state before the old reply, and no user message of its own."""
    await answered(record, "two bedrooms", "how many?", bedrooms=2)
    old = await answered(record, "no, three", "three then", bedrooms=3)
    new = await record.accept(again(old.turn.turn_id))
    opened = await record.open_turn(new.turn)
    assert (new.turn.message, new.turn.thread_id) == ("no, three", old.turn.thread_id)
    assert new.turn.regenerates == old.turn.turn_id
    assert opened.state.slots.bedrooms == 2


async def test_a_reply_given_anew_can_be_given_anew(record: ConversationsSQL) -> None:
    """However often: the message is the first one's, the state that before the first reply."""
    old = await answered(record, "two bedrooms", "first", bedrooms=2)
    for text in ("second", "third"):
        new = await record.accept(again(old.turn.turn_id))
        opened = await record.open_turn(new.turn)
        assert (new.turn.message, opened.state.slots.bedrooms) == ("two bedrooms", None)
        await close(record, new.turn, text, bedrooms=2)
        old = new


async def test_the_old_reply_stays_in_the_record(record: ConversationsSQL, database: Database) -> None:
    """Both replies are stored, each with its turn, the message once."""
    old = await answered(record, "hello", "first")
    new = await record.accept(again(old.turn.turn_id))
    await record.open_turn(new.turn)
    await close(record, new.turn, "second")
    async with database.reading() as session:
        rows = (await session.exec(select(MessageRow).order_by(MessageRow.seq, MessageRow.role.desc()))).all()
    assert [row.text for row in rows] == ["hello", "first", "second"]


async def test_only_the_last_turn_can_be_answered_anew(record: ConversationsSQL) -> None:
    """A turn with another behind it is refused, whatever became of that one."""
    old = await answered(record, "hello", "hi")
    await stopped(record, (await record.accept(posted(message="wait"))).turn, "")
    with pytest.raises(NotTheLastTurn):
        await record.accept(again(old.turn.turn_id))


async def test_an_open_turn_cannot_be_answered_anew(record: ConversationsSQL) -> None:
    """It has no reply yet."""
    turn = (await record.accept(posted())).turn
    with pytest.raises(NotTheLastTurn):
        await record.accept(again(turn.turn_id))


async def test_a_later_message_that_never_got_through_is_no_later_turn(record: ConversationsSQL) -> None:
    """A POST that was answered 503 does not take the last place from the turn before."""
    old = await answered(record, "hello", "hi")
    refused = await record.accept(posted(message="refused"))
    await record.fail_turn(refused.turn.turn_id, TURN_NOT_STARTED)
    assert (await record.accept(again(old.turn.turn_id))).turn.message == "hello"


async def test_the_same_key_again_is_the_same_turn(record: ConversationsSQL) -> None:
    """A repeat answers the turn that runs, though that one is the last now; another turn under the key is 409."""
    old = await answered(record, "hello", "hi")
    key = str(uuid4())
    new = await record.accept(again(old.turn.turn_id, client_msg_id=key))
    repeat = await record.accept(again(old.turn.turn_id, client_msg_id=key))
    assert (repeat.repeated, repeat.turn.turn_id) == (True, new.turn.turn_id)
    with pytest.raises(TurnConflict):
        await record.accept(again(new.turn.turn_id, client_msg_id=key))


async def test_somebody_elses_turn_is_not_found(record: ConversationsSQL) -> None:
    """Nor is one that does not exist."""
    old = await answered(record, "hello", "hi")
    for asked in (again(old.turn.turn_id, user_id="eve"), again("nothing.of-the-kind")):
        with pytest.raises(NotFound):
            await record.accept(asked)


async def test_what_was_said_before_is_told_as_the_user_saw_it(record: ConversationsSQL) -> None:
    """Oldest first; a stopped reply as far as it was shown; of two replies to one message the second."""
    await answered(record, "one", "1")
    turn = (await record.accept(posted(message="two"))).turn
    await record.open_turn(turn)
    await stopped(record, turn, "half of")
    third = await answered(record, "three", "3")
    new = await record.accept(again(third.turn.turn_id))
    before_new = (await record.open_turn(new.turn, recent_messages=6)).recent
    await close(record, new.turn, "3 again")
    last = await record.accept(posted(message="four"))
    recent = (await record.open_turn(last.turn, recent_messages=6)).recent
    assert [said.text for said in before_new] == ["one", "1", "two", "half of"]
    assert [said.text for said in recent] == ["one", "1", "two", "half of", "three", "3 again"]
    assert recent[3] == Said(speaker=Speaker.ASSISTANT, text="half of", stopped=True)


async def test_only_what_was_asked_for_is_told(record: ConversationsSQL) -> None:
    """A turn that asks for no earlier messages carries none into its history."""
    await answered(record, "one", "1")
    turn = (await record.accept(posted(message="two"))).turn
    assert (await record.open_turn(turn)).recent == ()
    assert [said.text for said in (await record.open_turn(turn, recent_messages=1)).recent] == ["1"]


async def test_a_message_that_will_not_wait_is_refused_at_once(record: ConversationsSQL) -> None:
    """Behind an open turn `reject` leaves nothing in the record; without one it is accepted."""
    first = (await record.accept(posted())).turn
    impatient = posted(on_busy=OnBusy.REJECT)
    with pytest.raises(ThreadBusy):
        await record.accept(impatient)
    await close(record, first)
    assert not (await record.accept(impatient)).repeated


async def test_a_repeat_is_never_refused_as_busy(record: ConversationsSQL) -> None:
    """The turn in front of a repeated message is the message itself."""
    impatient = posted(on_busy=OnBusy.REJECT)
    first = await record.accept(impatient)
    assert (await record.accept(impatient)).turn.turn_id == first.turn.turn_id


async def test_a_thread_that_is_being_deleted_takes_nothing(record: ConversationsSQL, database: Database) -> None:
    """Neither a new message nor a repeat, nor a turn started by hand; its turns are not found."""
    old = await answered(record, "hello", "hi")
    repeat = posted(thread_id=old.turn.thread_id, client_msg_id=old.turn.client_msg_id, message="hello")
    async with database.writing() as session:
        thread = await session.get(ThreadRow, old.turn.thread_id)
        thread.forgotten_at = thread.created_at
        session.add(thread)
    for refused in (posted(thread_id=old.turn.thread_id), repeat, again(old.turn.turn_id)):
        with pytest.raises(ThreadBeingForgotten):
            await record.accept(refused)
    by_hand = old.turn.model_copy(update={"turn_id": f"{old.turn.thread_id}.by-hand", "client_msg_id": "by-hand"})
    with pytest.raises(ThreadBeingForgotten):
        await record.open_turn(by_hand)
    with pytest.raises(NotFound):
        await record.read_turn(old.turn.turn_id, "ada")


async def test_a_stopped_new_answer_leaves_the_old_state(record: ConversationsSQL) -> None:
    """The turn after it goes on from what the old reply had agreed."""
    old = await answered(record, "two bedrooms", "two then", bedrooms=2)
    new = await record.accept(again(old.turn.turn_id))
    await record.open_turn(new.turn)
    await stopped(record, new.turn, "")
    following = await record.accept(posted(message="and?"))
    assert (await record.open_turn(following.turn)).state.slots == Slots(bedrooms=2)


async def test_a_closed_new_answer_moves_the_thread(record: ConversationsSQL) -> None:
    """What the new reply agreed holds, not what the old one had."""
    old = await answered(record, "two bedrooms", "two then", bedrooms=2)
    new = await record.accept(again(old.turn.turn_id))
    await record.open_turn(new.turn)
    state = ThreadState(slots=Slots(bedrooms=5))
    reply = Reply(text="five", act=Act.CLARIFY, state=state)
    closing = CloseTurnInput(turn=new.turn, status=TurnStatus.COMPLETED, state=state, reply=reply)
    await record.close_turn(closing, result_of(new.turn, "five"))
    following = await record.accept(posted(message="and?"))
    assert (await record.open_turn(following.turn)).state.slots.bedrooms == 5


async def test_a_late_start_does_not_undo_later_turns(record: ConversationsSQL) -> None:
    """A new answer whose start had failed is refused when others have followed, in both ways it may come."""
    old = await answered(record, "two bedrooms", "two then", bedrooms=2)
    asked = again(old.turn.turn_id)
    lost = await record.accept(asked)
    await record.fail_turn(lost.turn.turn_id, TURN_NOT_STARTED)
    await answered(record, "five bedrooms", "five then", bedrooms=5)
    with pytest.raises(NotTheLastTurn):
        await record.accept(asked)
    with pytest.raises(NotTheLastTurn):
        await record.open_turn(lost.turn)


async def test_a_turn_that_may_still_start_is_not_answered_anew(record: ConversationsSQL) -> None:
    """Its own start may come, and there would be two replies."""
    lost = await record.accept(posted())
    await record.fail_turn(lost.turn.turn_id, TURN_NOT_STARTED)
    with pytest.raises(NotTheLastTurn):
        await record.accept(again(lost.turn.turn_id))


async def test_a_refused_message_is_refused_again_behind_an_open_turn(record: ConversationsSQL) -> None:
    """A message that will not wait, sent again after a 503, finds the thread busy like any other."""
    impatient = posted(on_busy=OnBusy.REJECT)
    lost = await record.accept(impatient)
    await record.fail_turn(lost.turn.turn_id, TURN_NOT_STARTED)
    await record.accept(posted(thread_id=lost.turn.thread_id))
    with pytest.raises(ThreadBusy):
        await record.accept(impatient.model_copy(update={"thread_id": lost.turn.thread_id}))


async def test_a_reply_is_replaced_also_over_one_that_came_to_nothing(record: ConversationsSQL) -> None:
    """Answered, stopped without a word, answered a dozen times: the next turn is told the last reply alone."""
    old = await answered(record, "hello", "first")
    for text in ("", *(f"number {number}" for number in range(12))):
        new = await record.accept(again(old.turn.turn_id))
        await record.open_turn(new.turn)
        await (close(record, new.turn, text) if text else stopped(record, new.turn, ""))
        old = new
    last = await record.accept(posted(message="and?"))
    recent = (await record.open_turn(last.turn, recent_messages=6)).recent
    assert [said.text for said in recent] == ["hello", "number 11"]


async def test_a_message_keeps_the_language_it_was_posted_in(record: ConversationsSQL) -> None:
    """Also where the first turn ended before anybody understood it."""
    first = await record.accept(posted(language="tr"))
    await record.open_turn(first.turn)
    await stopped(record, first.turn, "")
    assert (await record.accept(again(first.turn.turn_id))).turn.language == Language.TR


@pytest.mark.parametrize(("code", "is_remembered"), [("turn_terminated", False), (None, True)])
async def test_memory_has_what_an_ended_turn_told_it(
    record: ConversationsSQL, code: str | None, is_remembered: bool
) -> None:
    """A turn that failed told memory nothing: the new answer brings the message along, once."""
    first = await record.accept(posted())
    await record.open_turn(first.turn)
    await (record.fail_turn(first.turn.turn_id, code) if code else close(record, first.turn))
    second = await record.accept(again(first.turn.turn_id))
    await record.open_turn(second.turn)
    await close(record, second.turn)
    third = await record.accept(again(second.turn.turn_id))
    assert (second.turn.is_remembered, third.turn.is_remembered) == (is_remembered, True)
