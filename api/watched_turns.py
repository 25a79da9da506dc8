"""The turn that a stream shall tell. A thousand watchers that come back at once must not be a thousand queries."""

import asyncio

from adapters.conversations_sql import ConversationsSQL
from api.history_tail import HistoryTails
from domain.conversation import TurnRecord


class WatchedTurns:
    """Whoever asks for a turn that is being followed here, or being read this moment, shares the answer."""

    def __init__(self, conversations: ConversationsSQL, tails: HistoryTails) -> None:
        self._conversations = conversations
        self._tails = tails
        self._under_way: dict[tuple[str, str], asyncio.Task[TurnRecord]] = {}

    async def find(self, turn_id: str, user_id: str) -> TurnRecord:
        """As the record has it: whether it still runs is for the tail to find out.

        Raises:
            NotFound: no such turn, or somebody else's.
        """
        followed = self._tails.followed(turn_id)
        if followed is not None and followed.user_id == user_id:
            return followed
        key = turn_id, user_id
        reading = self._under_way.get(key)
        if reading is None:
            reading = self._under_way[key] = asyncio.create_task(self._conversations.read_turn(turn_id, user_id))
            reading.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(reading)  # one who leaves does not take the answer from the others

    def _forget(self, key: tuple[str, str], done: asyncio.Task[TurnRecord]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # unread, where everybody has left, it would be logged as an error
