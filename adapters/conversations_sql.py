"""Threads, turns and messages in the database: the record of conversations and the arbiter of their order."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.database import Database, promptly
from adapters.recent_messages import recent_messages as recent_messages_before
from adapters.tables import ThreadRow, TurnRow
from adapters.turn_accepting import (
    accepted,
    find_repeat,
    insert_turn,
    lock_user,
    never_started,
    refuse_busy_thread,
    refuse_unless_last,
    repeated_turn,
    resolve,
    revive,
)
from adapters.turn_record import (
    blockers,
    locked_turn,
    next_open_turn,
    opened,
    record_of,
    state_to_begin_with,
    store_result,
)
from adapters.turn_regenerating import turn_to_answer_anew, with_its_message
from domain.conversation import (
    AcceptedTurn,
    ClosedTurn,
    CloseTurnInput,
    NewTurn,
    OpenedTurn,
    PostedTurn,
    TurnRecord,
)
from domain.errors import NotFound, TooManyTurns, TurnAlreadyFailed, TurnOwnedElsewhere
from domain.names import TURN_CANCELLED, TURN_NOT_STARTED
from domain.turn import OPEN_STATUSES, ChatTurnResult, TurnStatus


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
            NotFound: the thread, or the turn to answer anew, is somebody else's.
            TurnConflict: the same `client_msg_id` came with another body.
            TooManyTurns: over the user's limits.
            ThreadBusy: an earlier turn is open and the message would rather be rejected than wait.
            NotTheLastTurn: the turn to answer anew is open, or another came after it.
            ThreadBeingForgotten: the thread is being deleted.
        """
        async with self._database.writing() as session:
            await lock_user(session, posted.user_id)
            old = await turn_to_answer_anew(session, posted) if posted.regenerates else None
            if old is not None:
                posted = await with_its_message(session, posted, old)
            known = await find_repeat(session, posted)
            if known is not None:
                return await repeated_turn(session, known, posted)
            await self._check_limits(session, posted.user_id)
            if old is not None:
                await refuse_unless_last(session, old)
            turn = await resolve(session, posted)
            await refuse_busy_thread(session, turn)
            row = await insert_turn(session, turn, posted.fingerprint)
            return accepted(row, turn, repeated=False)

    async def _check_limits(self, session: AsyncSession, user_id: str) -> None:
        now = datetime.now(UTC)
        minute_ago = now - timedelta(minutes=1)
        recent, oldest = (
            await session.exec(
                select(func.count(), func.min(TurnRow.accepted_at)).where(
                    TurnRow.user_id == user_id,
                    TurnRow.accepted_at > minute_ago,
                    # A message refused with 503 was not served, and comes again.
                    or_(col(TurnRow.error_code).is_(None), col(TurnRow.error_code) != TURN_NOT_STARTED),
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

    async def open_turn(self, turn: NewTurn, *, recent_messages: int = 0) -> OpenedTurn:
        """See domain.ports; inserts what is missing, so a turn started by hand has its rows too.

        Raises:
            NotFound: the thread is somebody else's.
            TurnAlreadyFailed: a later turn took over meanwhile.
            TurnOwnedElsewhere: another workflow runs this turn.
            ThreadBeingForgotten: the thread is being deleted.
        """
        async with self._database.writing() as session:
            row = await session.get(TurnRow, turn.turn_id, with_for_update=True)
            if row is None:  # started by hand
                await lock_user(session, turn.user_id)
                row = await session.get(TurnRow, turn.turn_id) or await insert_turn(session, turn, fingerprint="")
            if row.user_id != turn.user_id:
                raise NotFound
            if never_started(row):
                await revive(session, row)  # its start was given up, but here it runs
            if row.status == TurnStatus.FAILED:
                raise TurnAlreadyFailed
            if row.result is None and row.workflow_id != turn.workflow_id:
                raise TurnOwnedElsewhere
            state = await state_to_begin_with(session, row)
            if row.result is not None:
                return opened(row, state, ended_as=ChatTurnResult.model_validate(row.result))
            in_front = await blockers(session, row)
            row.status = TurnStatus.QUEUED if in_front else TurnStatus.RUNNING
            row.started_at = row.started_at or datetime.now(UTC)
            if not in_front:
                row.state_before = state.model_dump(mode="json")
            session.add(row)
            recent = () if in_front else await recent_messages_before(session, row, recent_messages)
            return opened(row, state, blocked_by=in_front, recent=recent)

    async def close_turn(self, closing: CloseTurnInput, result: ChatTurnResult) -> ClosedTurn:
        """See domain.ports.

        Raises:
            TurnAlreadyFailed: a later turn took over meanwhile.
        """
        async with self._database.writing() as session:
            row = await locked_turn(session, closing.turn.turn_id)
            if row.status == TurnStatus.FAILED:
                raise TurnAlreadyFailed
            if row.result is None:
                await store_result(session, row, closing, result)
            return ClosedTurn(
                result=ChatTurnResult.model_validate(row.result),
                next_turn=await next_open_turn(session, row),
            )

    @promptly
    async def fail_turn(self, turn_id: str, error_code: str) -> None:
        may_end: ColumnElement[bool] = col(TurnRow.status).in_(OPEN_STATUSES)
        if error_code == TURN_NOT_STARTED:
            may_end &= col(TurnRow.started_at).is_(None)  # its workflow may have come a moment before us
        elif error_code == TURN_CANCELLED:
            may_end |= col(TurnRow.error_code) == TURN_NOT_STARTED  # stopped for good: no repeat revives it
        async with self._database.writing() as session:
            await session.exec(
                update(TurnRow)
                .where(col(TurnRow.id) == turn_id, may_end)
                .values(status=TurnStatus.FAILED, error_code=error_code, ended_at=datetime.now(UTC))
            )

    # --- reading --------------------------------------------------------------------------------------------

    @promptly
    async def read_turn(self, turn_id: str, user_id: str) -> TurnRecord:
        """Raises NotFound when there is no such turn, or when it is somebody else's."""
        mine = (
            select(TurnRow)
            .join(ThreadRow, col(ThreadRow.id) == TurnRow.thread_id)
            .where(TurnRow.id == turn_id, TurnRow.user_id == user_id, col(ThreadRow.forgotten_at).is_(None))
        )
        async with self._database.reading() as session:
            row = (await session.exec(mine)).first()
        if row is None:
            raise NotFound
        return record_of(row)

    @promptly
    async def open_turn_ids(self, user_id: str) -> tuple[str, ...]:
        mine = (
            select(TurnRow.id)
            .join(ThreadRow, col(ThreadRow.id) == TurnRow.thread_id)
            .where(TurnRow.user_id == user_id, col(TurnRow.status).in_(OPEN_STATUSES))
            .where(col(ThreadRow.forgotten_at).is_(None))  # the others are seen to by their forgetting
        )
        async with self._database.reading() as session:
            return tuple((await session.exec(mine)).all())

    @promptly
    async def ping(self) -> None:
        """Raises StorageUnavailable when the database does not answer."""
        async with self._database.reading() as session:
            await session.exec(select(1))
