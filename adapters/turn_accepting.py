"""Accepting a message in one transaction: the thread, the turn with its number, the user's message."""

from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.database import insert_if_absent
from adapters.tables import MessageRow, ThreadRow, TurnRow, UserRow
from domain.conversation import AcceptedTurn, NewTurn, PostedTurn
from domain.errors import NotFound, NotTheLastTurn, ThreadBeingForgotten, ThreadBusy, TurnConflict
from domain.names import TURN_NOT_STARTED, chat_turn_workflow_id, turn_id_for, user_message_id
from domain.turn import OPEN_STATUSES, ChatTurnResult, OnBusy, TurnStatus


async def lock_user(session: AsyncSession, user_id: str) -> None:
    """Turns of one user are accepted one after another: threads, limits and numbers stay right."""
    await insert_if_absent(session, UserRow, id=user_id, created_at=datetime.now(UTC))
    await session.exec(select(UserRow.id).where(UserRow.id == user_id).with_for_update())


async def find_repeat(session: AsyncSession, posted: PostedTurn) -> TurnRow | None:
    """The same message sent before. Without a thread the user's own message id is enough."""
    if posted.thread_id is not None:
        turn_id = turn_id_for(posted.thread_id, posted.client_msg_id)
        row = await session.get(TurnRow, turn_id, with_for_update=True)
        if row is not None and row.user_id != posted.user_id:
            raise NotFound
        return row
    same = select(TurnRow).where(TurnRow.user_id == posted.user_id, TurnRow.client_msg_id == posted.client_msg_id)
    return (await session.exec(same.with_for_update())).first()


async def repeated_turn(session: AsyncSession, row: TurnRow, posted: PostedTurn) -> AcceptedTurn:
    # A turn started by hand has no posted body to compare with.
    if row.fingerprint not in ("", posted.fingerprint):
        raise TurnConflict("client_msg_id", "this client_msg_id was used for another message, choose a new one")
    await _refuse_forgotten(session, row.thread_id)
    if never_started(row):
        turn = _new_turn(posted, row.thread_id, row.workflow_id)
        await refuse_busy_thread(session, turn)
        await revive(session, row)
    return accepted(row, _new_turn(posted, row.thread_id, row.workflow_id), repeated=True)


def accepted(row: TurnRow, turn: NewTurn, *, repeated: bool) -> AcceptedTurn:
    return AcceptedTurn(
        turn=turn,
        seq=row.seq,
        status=TurnStatus(row.status),
        accepted_at=row.accepted_at,
        repeated=repeated,
        result=ChatTurnResult.model_validate(row.result) if row.result else None,
        error_code=row.error_code,
    )


def never_started(row: TurnRow) -> bool:
    return row.status == TurnStatus.FAILED and row.error_code == TURN_NOT_STARTED


async def revive(session: AsyncSession, row: TurnRow) -> None:
    """Its start failed and later turns passed it by: it takes a new place at the end of the thread.

    Raises NotTheLastTurn where it answers a turn anew that others have followed meanwhile.
    """
    if row.regenerates is not None:
        old = await session.get(TurnRow, row.regenerates)
        if old is not None:
            await refuse_unless_last(session, old, apart_from=row.id)
    thread = await _locked_thread(session, row.thread_id)
    if thread is None:
        raise NotFound
    thread.last_seq += 1
    row.seq, row.status, row.error_code = thread.last_seq, TurnStatus.ACCEPTED, None
    row.ended_at, row.accepted_at = None, datetime.now(UTC)
    await session.exec(update(MessageRow).where(col(MessageRow.turn_id) == row.id).values(seq=row.seq))
    session.add_all((thread, row))


async def refuse_unless_last(session: AsyncSession, old: TurnRow, *, apart_from: str = "") -> None:
    """Raises NotTheLastTurn for a turn that is open, may still start, or has one behind it that did."""
    later = select(TurnRow.id).where(
        TurnRow.thread_id == old.thread_id,
        TurnRow.seq > old.seq,
        TurnRow.id != apart_from,
        col(TurnRow.error_code).is_distinct_from(TURN_NOT_STARTED),
    )
    has_ended = TurnStatus(old.status).is_final and not never_started(old)
    if not has_ended or (await session.exec(later.limit(1))).first() is not None:
        raise NotTheLastTurn


async def refuse_busy_thread(session: AsyncSession, turn: NewTurn) -> None:
    """What is known to be in front is told at once; what comes in between is seen by the turn itself."""
    if turn.on_busy is not OnBusy.REJECT:
        return
    in_front = select(TurnRow.id).where(
        TurnRow.thread_id == turn.thread_id, col(TurnRow.status).in_(OPEN_STATUSES)
    )
    if (await session.exec(in_front.limit(1))).first() is not None:
        raise ThreadBusy


async def resolve(session: AsyncSession, posted: PostedTurn) -> NewTurn:
    thread_id = posted.thread_id or await _active_thread_id(session, posted.user_id) or str(uuid4())
    turn_id = turn_id_for(thread_id, posted.client_msg_id)
    return _new_turn(posted, thread_id, chat_turn_workflow_id(turn_id))


async def _active_thread_id(session: AsyncSession, user_id: str) -> str | None:
    active = select(ThreadRow.id).where(ThreadRow.user_id == user_id, col(ThreadRow.is_active))
    return (await session.exec(active)).first()


def _new_turn(posted: PostedTurn, thread_id: str, workflow_id: str) -> NewTurn:
    return NewTurn(
        turn_id=turn_id_for(thread_id, posted.client_msg_id),
        thread_id=thread_id,
        client_msg_id=posted.client_msg_id,
        user_id=posted.user_id,
        message=posted.message,
        workflow_id=workflow_id,
        language=posted.language,
        on_busy=posted.on_busy,
        correlation_id=posted.correlation_id,
        thread_name=posted.thread_name,
        regenerates=posted.regenerates,
        is_remembered=posted.is_remembered,
    )


async def insert_turn(session: AsyncSession, turn: NewTurn, fingerprint: str) -> TurnRow:
    """The thread where it is new, the turn with the next number, the user's message where it has one."""
    now = datetime.now(UTC)
    await insert_if_absent(
        session,
        ThreadRow,
        id=turn.thread_id,
        user_id=turn.user_id,
        name=turn.thread_name,
        created_at=now,
        last_seq=0,
        is_active=False,
    )
    thread = await _locked_thread(session, turn.thread_id)
    if thread is None or thread.user_id != turn.user_id:
        raise NotFound
    if thread.forgotten_at is not None:
        raise ThreadBeingForgotten
    if not thread.is_active:
        await _retire_active_thread(session, turn.user_id)
        thread.is_active = True
    thread.last_seq += 1
    session.add(thread)
    await session.flush()
    row = TurnRow(
        id=turn.turn_id,
        thread_id=turn.thread_id,
        user_id=turn.user_id,
        client_msg_id=turn.client_msg_id,
        seq=thread.last_seq,
        workflow_id=turn.workflow_id,
        status=TurnStatus.ACCEPTED,
        fingerprint=fingerprint,
        correlation_id=turn.correlation_id,
        language=turn.language,
        regenerates=turn.regenerates,
        accepted_at=now,
    )
    session.add(row)
    await session.flush()
    if turn.regenerates is None:
        session.add(_user_message(turn, row))
    return row


def _user_message(turn: NewTurn, row: TurnRow) -> MessageRow:
    return MessageRow(
        id=user_message_id(turn.thread_id, turn.client_msg_id),
        thread_id=turn.thread_id,
        turn_id=turn.turn_id,
        seq=row.seq,
        role="user",
        text=turn.message,
        created_at=row.accepted_at,
    )


async def _retire_active_thread(session: AsyncSession, user_id: str) -> None:
    await session.exec(
        update(ThreadRow)
        .where(col(ThreadRow.user_id) == user_id, col(ThreadRow.is_active))
        .values(is_active=False)
    )


async def _refuse_forgotten(session: AsyncSession, thread_id: str) -> None:
    thread = await session.get(ThreadRow, thread_id)
    if thread is not None and thread.forgotten_at is not None:
        raise ThreadBeingForgotten


async def _locked_thread(session: AsyncSession, thread_id: str) -> ThreadRow | None:
    return await session.get(ThreadRow, thread_id, with_for_update=True)
