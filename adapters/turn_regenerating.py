"""Answering the last turn of a thread anew: what the new turn takes from the old one."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.tables import MessageRow, TurnRow
from domain.conversation import PostedTurn
from domain.errors import NotFound, NotTheLastTurn
from domain.names import TURN_NOT_STARTED
from domain.thread import Language
from domain.turn import TurnStatus


async def turn_to_answer_anew(session: AsyncSession, posted: PostedTurn) -> TurnRow:
    """Raises NotFound when there is no such turn, or when it is somebody else's."""
    row = await session.get(TurnRow, posted.regenerates, with_for_update=True)
    if row is None or row.user_id != posted.user_id:
        raise NotFound
    return row


async def with_its_message(session: AsyncSession, posted: PostedTurn, old: TurnRow) -> PostedTurn:
    """The message of the turn that was answered first, in the language it was answered in.

    Raises NotFound when there is none: that turn was started by hand as the repeat of nothing.
    """
    first = await first_answered(session, old)
    asked = select(MessageRow.text).where(MessageRow.turn_id == first.id, MessageRow.role == "user")
    text = (await session.exec(asked)).first()
    if text is None:
        raise NotFound
    language = Language(old.result["language"]) if old.result else None
    return posted.model_copy(update={"message": text, "thread_id": old.thread_id, "language": language})


async def refuse_unless_last(session: AsyncSession, old: TurnRow) -> None:
    """Raises NotTheLastTurn for a turn that is open or has one behind it; one that never started counts not."""
    later = select(TurnRow.id).where(
        TurnRow.thread_id == old.thread_id,
        TurnRow.seq > old.seq,
        col(TurnRow.error_code).is_distinct_from(TURN_NOT_STARTED),
    )
    if not TurnStatus(old.status).is_final or (await session.exec(later.limit(1))).first() is not None:
        raise NotTheLastTurn


async def first_answered(session: AsyncSession, row: TurnRow) -> TurnRow:
    """The turn with the user's message, however often it was answered anew since."""
    while row.regenerates is not None:
        earlier = await session.get(TurnRow, row.regenerates)
        if earlier is None:
            break  # started by hand with the id of a turn that does not exist
        row = earlier
    return row
