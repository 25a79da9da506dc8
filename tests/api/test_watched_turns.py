"""Many watchers of a turn that come at once."""

import asyncio
from datetime import UTC, datetime

import pytest

from api.watched_turns import WatchedTurns
from domain.conversation import TurnRecord
from domain.errors import NotFound
from domain.turn import TurnStatus

TURN = TurnRecord(
    turn_id="thread.message",
    thread_id="thread",
    user_id="ada",
    client_msg_id="message",
    workflow_id="chat-turn-thread.message",
    seq=1,
    status=TurnStatus.RUNNING,
    accepted_at=datetime(2026, 1, 1, tzinfo=UTC),
)


class Record:
    """Counts how often it is read; answers when the gate is open."""

    def __init__(self) -> None:
        self.reads = 0
        self.gate = asyncio.Event()

    async def read_turn(self, turn_id: str, user_id: str) -> TurnRecord:
        self.reads += 1
        await self.gate.wait()
        if user_id != TURN.user_id:
            raise NotFound
        return TURN


class Tails:
    def __init__(self, *turns: TurnRecord) -> None:
        self._turns = {turn.turn_id: turn for turn in turns}

    def followed(self, turn_id: str) -> TurnRecord | None:
        return self._turns.get(turn_id)


async def begun(waiting: list[asyncio.Task]) -> None:
    """Every one of them waits for the answer."""
    await asyncio.wait(waiting, timeout=0)


async def test_a_thousand_at_once_are_one_query() -> None:
    """They share one answer; who comes later asks again."""
    record = Record()
    watched = WatchedTurns(record, Tails())
    waiting = [asyncio.create_task(watched.find(TURN.turn_id, "ada")) for _ in range(1000)]
    await begun(waiting)
    record.gate.set()
    assert await asyncio.gather(*waiting) == [TURN] * 1000
    assert record.reads == 1
    await watched.find(TURN.turn_id, "ada")
    assert record.reads == 2


async def test_a_turn_that_is_followed_needs_no_query() -> None:
    """Its owner is known; somebody else is told what the record tells him."""
    record = Record()
    record.gate.set()
    watched = WatchedTurns(record, Tails(TURN))
    assert await watched.find(TURN.turn_id, "ada") is TURN
    assert record.reads == 0
    with pytest.raises(NotFound):
        await watched.find(TURN.turn_id, "eve")


async def test_who_leaves_does_not_take_the_answer_away() -> None:
    """The one whose question it was goes; the others are answered."""
    record = Record()
    watched = WatchedTurns(record, Tails())
    first, second = waiting = [asyncio.create_task(watched.find(TURN.turn_id, "ada")) for _ in range(2)]
    await begun(waiting)
    first.cancel()
    record.gate.set()
    assert await second == TURN
