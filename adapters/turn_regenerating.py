"""Answering the last turn of a thread anew: what the new turn takes from the old one."""

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.tables import MessageRow, TurnRow
from domain.conversation import PostedTurn
from domain.errors import NotFound
from domain.thread import Language
from domain.turn import TurnStatus


async def turn_to_answer_anew(session: AsyncSession, posted: PostedTurn) -> TurnRow:
    """Raises NotFound when there is no such turn, or when it is somebody else's."""
    row = await session.get(TurnRow, posted.regenerates, with_for_update=True)
    if row is None or row.user_id != posted.user_id:
        raise NotFound
    return row


async def with_its_message(session: AsyncSession, posted: PostedTurn, old: TurnRow) -> PostedTurn:
    """The message of the turn that was answered first, as it was posted.

    Raises NotFound when there is none: that turn was started by hand as the repeat of nothing.
    """
    chain = await _answered_before(session, old)
    first = chain[-1]
    asked = select(MessageRow.text).where(MessageRow.turn_id == first.id, MessageRow.role == "user")
    text = (await session.exec(asked)).first()
    if text is None:
        raise NotFound
    return posted.model_copy(
        update={
            "message": text,
            "thread_id": old.thread_id,
            "language": Language(first.language) if first.language else None,
            # A turn that failed or was rejected told memory nothing.
            "is_remembered": any(turn.status in (TurnStatus.COMPLETED, TurnStatus.STOPPED) for turn in chain),
        }
    )


async def first_answered(session: AsyncSession, row: TurnRow) -> TurnRow:
    """The turn with the user's message, however often it was answered anew since."""
    return (await _answered_before(session, row))[-1]


async def _answered_before(session: AsyncSession, row: TurnRow) -> list[TurnRow]:
    """The turn and those that it answers anew, back to the one with the user's message."""
    chain = [row]
    while (earlier_id := chain[-1].regenerates) is not None:
        earlier = await session.get(TurnRow, earlier_id)
        if earlier is None:
            break  # started by hand with the id of a turn that does not exist
        chain.append(earlier)
    return chain
