"""Threads, turns and messages in the database: the record of conversations and the arbiter of their order."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.database import Database, insert_if_absent, promptly
from adapters.tables import MessageRow, ThreadRow, ThreadStateRow, TurnRow, UserRow
from domain.conversation import (
    AcceptedTurn,
    Blocker,
    ClosedTurn,
    CloseTurnInput,
    NewTurn,
    NextTurn,
    OpenedTurn,
    PostedTurn,
    TurnRecord,
)
from domain.errors import NotFound, TooManyTurns, TurnAlreadyFailed, TurnConflict, TurnOwnedElsewhere
from domain.names import (
    TURN_NOT_STARTED,
    assistant_message_id,
    chat_turn_workflow_id,
    turn_id_for,
    user_message_id,
)
from domain.thread import ThreadState
from domain.turn import ChatTurnResult, TurnStatus

OPEN_STATUSES = (TurnStatus.ACCEPTED, TurnStatus.QUEUED, TurnStatus.RUNNING)


@dataclass(frozen=True)
class TurnLimits:
    """Per user; repeats do not count."""

    new_per_minute: int
    open: int


class ConversationsSQL:
    """Implements domain.ports.ConversationStore, and what the API reads and accepts."""

    def __init__(self, database: Database, limits: TurnLimits) -> None:
        self._database = database
        self._limits = limits

    # --- accepting a message --------------------------------------------------------------------------------

    @promptly
    async def accept(self, posted: PostedTurn) -> AcceptedTurn:
        """One transaction: thread, turn and user message, or the turn they already are.

        Raises:
            NotFound: the thread is somebody else's.
            TurnConflict: the same `client_msg_id` came with another body.
            TooManyTurns: over the user's limits.
        """
        async with self._database.writing() as session:
            await _lock_user(session, posted.user_id)
            known = await _find_repeat(session, posted)
            if known is not None:
                return await _repeat(session, known, posted)
            await self._check_limits(session, posted.user_id)
            turn = await _resolve(session, posted)
            row = await _insert_turn(session, turn, posted.fingerprint)
            return _accepted(row, turn, repeated=False)

    async def _check_limits(self, session: AsyncSession, user_id: str) -> None:
        now = datetime.now(UTC)
        minute_ago = now - timedelta(minutes=1)
        recent, oldest = (
            await session.exec(
                select(func.count(), func.min(TurnRow.accepted_at)).where(
                    TurnRow.user_id == user_id, TurnRow.accepted_at > minute_ago
                )
            )
        ).one()
        if recent >= self._limits.new_per_minute:
            raise TooManyTurns(retry_after=max(1.0, (oldest - minute_ago).total_seconds()))
        still_open = (
            await session.exec(
                select(func.count())
                .select_from(TurnRow)
                .where(TurnRow.user_id == user_id, col(TurnRow.status).in_(OPEN_STATUSES))
            )
        ).one()
        if still_open >= self._limits.open:
            raise TooManyTurns(retry_after=5.0)

    # --- the turn's own steps -------------------------------------------------------------------------------

    async def open_turn(self, turn: NewTurn) -> OpenedTurn:
        """See domain.ports; inserts what is missing, so a turn started by hand has its rows too.

        Raises:
            NotFound: the thread is somebody else's.
            TurnAlreadyFailed: a later turn took over meanwhile.
            TurnOwnedElsewhere: another workflow runs this turn.
        """
        async with self._database.writing() as session:
            await _lock_user(session, turn.user_id)
            row = await session.get(TurnRow, turn.turn_id, with_for_update=True)
            if row is None:
                row = await _insert_turn(session, turn, fingerprint="")
            if row.user_id != turn.user_id:
                raise NotFound
            if _never_started(row):
                await _revive(session, row)  # its start was given up, but here it runs
            if row.status == TurnStatus.FAILED:
                raise TurnAlreadyFailed
            if row.result is None and row.workflow_id != turn.workflow_id:
                raise TurnOwnedElsewhere
            state = await _read_state(session, turn.thread_id)
            if row.result is not None:
                return _opened(row, state, ended_as=ChatTurnResult.model_validate(row.result))
            blockers = await _blockers(session, row)
            row.status = TurnStatus.QUEUED if blockers else TurnStatus.RUNNING
            row.started_at = row.started_at or datetime.now(UTC)
            session.add(row)
            return _opened(row, state, blocked_by=blockers)

    async def close_turn(self, closing: CloseTurnInput, result: ChatTurnResult) -> ClosedTurn:
        """See domain.ports.

        Raises:
            TurnAlreadyFailed: a later turn took over meanwhile.
        """
        async with self._database.writing() as session:
            row = await _locked_turn(session, closing.turn.turn_id)
            if row.status == TurnStatus.FAILED:
                raise TurnAlreadyFailed
            if row.result is None:
                await _store_result(session, row, closing, result)
            return ClosedTurn(
                result=ChatTurnResult.model_validate(row.result),
                next_turn=await _next_open_turn(session, row),
            )

    @promptly
    async def fail_turn(self, turn_id: str, error_code: str) -> None:
        still_open = [col(TurnRow.id) == turn_id, col(TurnRow.status).in_(OPEN_STATUSES)]
        if error_code == TURN_NOT_STARTED:
            still_open.append(col(TurnRow.started_at).is_(None))  # its workflow may have come a moment before us
        async with self._database.writing() as session:
            await session.exec(
                update(TurnRow)
                .where(*still_open)
                .values(status=TurnStatus.FAILED, error_code=error_code, ended_at=datetime.now(UTC))
            )

    # --- reading --------------------------------------------------------------------------------------------

    @promptly
    async def read_turn(self, turn_id: str, user_id: str) -> TurnRecord:
        """Raises NotFound when there is no such turn, or when it is somebody else's."""
        async with self._database.reading() as session:
            row = await session.get(TurnRow, turn_id)
        if row is None or row.user_id != user_id:
            raise NotFound
        return _record(row)

    @promptly
    async def ping(self) -> None:
        """Raises StorageUnavailable when the database does not answer."""
        async with self._database.reading() as session:
            await session.exec(select(1))


# --- accepting ----------------------------------------------------------------------------------------------


async def _lock_user(session: AsyncSession, user_id: str) -> None:
    """Turns of one user are accepted one after another: threads, limits and numbers stay right."""
    await insert_if_absent(session, UserRow, id=user_id, created_at=datetime.now(UTC))
    await session.exec(select(UserRow.id).where(UserRow.id == user_id).with_for_update())


async def _find_repeat(session: AsyncSession, posted: PostedTurn) -> TurnRow | None:
    """The same message sent before. Without a thread the user's own message id is enough."""
    if posted.thread_id is not None:
        row = await session.get(TurnRow, turn_id_for(posted.thread_id, posted.client_msg_id))
        if row is not None and row.user_id != posted.user_id:
            raise NotFound
        return row
    same = select(TurnRow).where(TurnRow.user_id == posted.user_id, TurnRow.client_msg_id == posted.client_msg_id)
    return (await session.exec(same)).first()


async def _repeat(session: AsyncSession, row: TurnRow, posted: PostedTurn) -> AcceptedTurn:
    # A turn started by hand has no posted body to compare with.
    if row.fingerprint not in ("", posted.fingerprint):
        raise TurnConflict("client_msg_id", "this client_msg_id was used for another message, choose a new one")
    if _never_started(row):
        await _revive(session, row)
    return _accepted(row, _new_turn(posted, row.thread_id, row.workflow_id), repeated=True)


def _accepted(row: TurnRow, turn: NewTurn, *, repeated: bool) -> AcceptedTurn:
    return AcceptedTurn(
        turn=turn,
        seq=row.seq,
        status=TurnStatus(row.status),
        accepted_at=row.accepted_at,
        repeated=repeated,
        result=ChatTurnResult.model_validate(row.result) if row.result else None,
        error_code=row.error_code,
    )


def _never_started(row: TurnRow) -> bool:
    return row.status == TurnStatus.FAILED and row.error_code == TURN_NOT_STARTED


async def _revive(session: AsyncSession, row: TurnRow) -> None:
    """Its start failed and later turns passed it by: it takes a new place at the end of the thread."""
    thread = await _locked_thread(session, row.thread_id)
    if thread is None:
        raise NotFound
    thread.last_seq += 1
    row.seq, row.status, row.error_code = thread.last_seq, TurnStatus.ACCEPTED, None
    row.ended_at, row.accepted_at = None, datetime.now(UTC)
    await session.exec(update(MessageRow).where(col(MessageRow.turn_id) == row.id).values(seq=row.seq))
    session.add_all((thread, row))


async def _resolve(session: AsyncSession, posted: PostedTurn) -> NewTurn:
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
    )


async def _insert_turn(session: AsyncSession, turn: NewTurn, fingerprint: str) -> TurnRow:
    """The thread where it is new, the turn with the next number, the user's message."""
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
        accepted_at=now,
    )
    session.add(row)
    await session.flush()
    session.add(
        MessageRow(
            id=user_message_id(turn.thread_id, turn.client_msg_id),
            thread_id=turn.thread_id,
            turn_id=turn.turn_id,
            seq=row.seq,
            role="user",
            text=turn.message,
            created_at=now,
        )
    )
    return row


async def _retire_active_thread(session: AsyncSession, user_id: str) -> None:
    await session.exec(
        update(ThreadRow)
        .where(col(ThreadRow.user_id) == user_id, col(ThreadRow.is_active))
        .values(is_active=False)
    )


# --- opening and closing ------------------------------------------------------------------------------------


async def _blockers(session: AsyncSession, row: TurnRow) -> tuple[Blocker, ...]:
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


async def _read_state(session: AsyncSession, thread_id: str) -> ThreadState:
    row = await session.get(ThreadStateRow, thread_id)
    return ThreadState.model_validate(row.state) if row else ThreadState()


def _opened(row: TurnRow, state: ThreadState, **found: Any) -> OpenedTurn:  # noqa: ANN401
    return OpenedTurn(seq=row.seq, started_at=row.started_at or row.accepted_at, state=state, **found)


async def _store_result(
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


async def _next_open_turn(session: AsyncSession, row: TurnRow) -> NextTurn | None:
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


# --- rows ---------------------------------------------------------------------------------------------------


async def _locked_thread(session: AsyncSession, thread_id: str) -> ThreadRow | None:
    return await session.get(ThreadRow, thread_id, with_for_update=True)


async def _locked_turn(session: AsyncSession, turn_id: str) -> TurnRow:
    row = await session.get(TurnRow, turn_id, with_for_update=True)
    if row is None:
        raise NotFound
    return row


def _record(row: TurnRow) -> TurnRecord:
    return TurnRecord(
        turn_id=row.id,
        thread_id=row.thread_id,
        user_id=row.user_id,
        client_msg_id=row.client_msg_id,
        workflow_id=row.workflow_id,
        seq=row.seq,
        status=TurnStatus(row.status),
        accepted_at=row.accepted_at,
        result=ChatTurnResult.model_validate(row.result) if row.result else None,
        error_code=row.error_code,
    )
