"""What was said in a thread before a turn, as the user saw it."""

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
    earlier = (
        select(MessageRow, TurnRow.status, TurnRow.regenerates)
        .join(TurnRow, col(TurnRow.id) == MessageRow.turn_id)
        .where(MessageRow.thread_id == row.thread_id, MessageRow.seq < first.seq)
        .order_by(col(MessageRow.seq).desc(), col(MessageRow.role))
        .limit(2 * count)
    )
    said: list[Said] = []
    given_anew: set[str] = set()
    for message, status, regenerates in await session.exec(earlier):
        superseded = message.role == Speaker.ASSISTANT and message.turn_id in given_anew
        if regenerates is not None:
            given_anew.add(regenerates)
        if superseded or status == TurnStatus.REJECTED:
            continue
        said.append(
            Said(
                speaker=Speaker(message.role),
                text=message.text[:LONGEST_TEXT],
                stopped=status == TurnStatus.STOPPED and message.role == Speaker.ASSISTANT,
            )
        )
    return tuple(reversed(said[:count]))
