"""What was said in a thread before a turn, as the user saw it."""

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.tables import MessageRow, TurnRow
from adapters.turn_regenerating import first_answered
from domain.reply import Said
from domain.turn import Speaker, TurnStatus

LONGEST_TEXT = 1000
"""Characters of a message that are passed on: they go into the history of the turn, twice."""


async def recent_messages(session: AsyncSession, row: TurnRow, count: int) -> tuple[Said, ...]:
    """The last `count` messages before the turn, oldest first; of replies given anew only the last."""
    if not count:
        return ()
    first = await first_answered(session, row)
    given_anew = await _given_anew(session, row.thread_id)
    earlier = (
        select(MessageRow, TurnRow.status)
        .join(TurnRow, col(TurnRow.id) == MessageRow.turn_id)
        .where(
            MessageRow.thread_id == row.thread_id,
            MessageRow.seq < first.seq,
            TurnRow.status != TurnStatus.REJECTED,
            or_(col(MessageRow.role) != Speaker.ASSISTANT, col(TurnRow.id).not_in(given_anew)),
        )
        .order_by(col(MessageRow.seq).desc(), col(MessageRow.role))
        .limit(count)
    )
    said = [
        Said(
            speaker=Speaker(message.role),
            text=message.text[:LONGEST_TEXT],
            stopped=status == TurnStatus.STOPPED and message.role == Speaker.ASSISTANT,
        )
        for message, status in await session.exec(earlier)
    ]
    return tuple(reversed(said))


async def _given_anew(session: AsyncSession, thread_id: str) -> set[str]:
    """The turns whose reply was replaced by a later one, also over a later one that came to nothing."""
    regenerations = select(TurnRow.id, TurnRow.regenerates).where(
        TurnRow.thread_id == thread_id, col(TurnRow.regenerates).is_not(None)
    )
    with_reply = select(MessageRow.turn_id).where(
        MessageRow.thread_id == thread_id, MessageRow.role == Speaker.ASSISTANT
    )
    answers = dict((await session.exec(regenerations)).all())
    if not answers:
        return set()
    replaced: set[str] = set()
    for turn_id in set((await session.exec(with_reply.where(col(MessageRow.turn_id).in_(answers)))).all()):
        earlier: str | None = answers[turn_id]
        while earlier is not None and earlier not in replaced:
            replaced.add(earlier)
            earlier = answers.get(earlier)
    return replaced
