"""Opening and closing a turn: what stands in front of it, what it leaves behind."""

from datetime import UTC, datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.tables import MessageRow, ThreadStateRow, TurnRow
from domain.conversation import Blocker, CloseTurnInput, NextTurn, OpenedTurn, TurnRecord
from domain.errors import NotFound
from domain.names import assistant_message_id
from domain.thread import ThreadState
from domain.turn import OPEN_STATUSES, ChatTurnResult, TurnStatus


async def blockers(session: AsyncSession, row: TurnRow) -> tuple[Blocker, ...]:
    earlier = (
        select(TurnRow)
        .where(
            TurnRow.thread_id == row.thread_id,
            TurnRow.seq < row.seq,
            col(TurnRow.status).in_(OPEN_STATUSES),
        )
        .order_by(col(TurnRow.seq))
    )
    return tuple(
        Blocker(
            turn_id=turn.id,
            workflow_id=turn.workflow_id,
            accepted_at=turn.accepted_at,
            has_started=turn.started_at is not None,
        )
        for turn in await session.exec(earlier)
    )


async def state_to_begin_with(session: AsyncSession, row: TurnRow) -> ThreadState:
    """The thread as it is now, or for a turn that answers another anew as it was before that one."""
    if row.regenerates is not None:
        old = await session.get(TurnRow, row.regenerates)
        if old is not None and old.state_before is not None:
            return ThreadState.model_validate(old.state_before)
    stored = await session.get(ThreadStateRow, row.thread_id)
    return ThreadState.model_validate(stored.state) if stored else ThreadState()


def opened(row: TurnRow, state: ThreadState, **found: Any) -> OpenedTurn:  # noqa: ANN401
    return OpenedTurn(seq=row.seq, started_at=row.started_at or row.accepted_at, state=state, **found)


async def store_result(
    session: AsyncSession, row: TurnRow, closing: CloseTurnInput, result: ChatTurnResult
) -> None:
    now = datetime.now(UTC)
    row.status, row.ended_at, row.result = result.status, now, result.model_dump(mode="json", by_alias=True)
    session.add(row)
    if result.response_text:
        session.add(
            MessageRow(
                id=assistant_message_id(row.thread_id, row.client_msg_id),
                thread_id=row.thread_id,
                turn_id=row.id,
                seq=row.seq,
                role="assistant",
                text=result.response_text,
                agent=result.agent,
                cards=[card.model_dump(mode="json", by_alias=True) for card in result.recommendations],
                created_at=now,
            )
        )
    if closing.reply is not None:
        # Stopped or rejected, the turn read its state before the turn in front had written: nothing to store.
        await _store_state(session, row, closing.state)


async def _store_state(session: AsyncSession, row: TurnRow, state: ThreadState) -> None:
    """A turn taken over that closes all the same must not undo a later turn's state."""
    stored = await session.get(ThreadStateRow, row.thread_id)
    value = state.model_dump(mode="json")
    if stored is None:
        session.add(ThreadStateRow(thread_id=row.thread_id, seq=row.seq, state=value))
    elif stored.seq < row.seq:
        stored.seq, stored.state = row.seq, value
        session.add(stored)


async def next_open_turn(session: AsyncSession, row: TurnRow) -> NextTurn | None:
    following = (
        select(TurnRow)
        .where(
            TurnRow.thread_id == row.thread_id,
            TurnRow.seq > row.seq,
            col(TurnRow.status).in_(OPEN_STATUSES),
        )
        .order_by(col(TurnRow.seq))
        .limit(1)
    )
    turn = (await session.exec(following)).first()
    return NextTurn(turn_id=turn.id, workflow_id=turn.workflow_id) if turn else None


async def locked_turn(session: AsyncSession, turn_id: str) -> TurnRow:
    row = await session.get(TurnRow, turn_id, with_for_update=True)
    if row is None:
        raise NotFound
    return row


def record_of(row: TurnRow) -> TurnRecord:
    return TurnRecord(
        turn_id=row.id,
        thread_id=row.thread_id,
        user_id=row.user_id,
        client_msg_id=row.client_msg_id,
        workflow_id=row.workflow_id,
        seq=row.seq,
        status=TurnStatus(row.status),
        accepted_at=row.accepted_at,
        correlation_id=row.correlation_id,
        regenerates=row.regenerates,
        has_started=row.started_at is not None,
        result=ChatTurnResult.model_validate(row.result) if row.result else None,
        error_code=row.error_code,
    )
