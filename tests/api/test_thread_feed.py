"""The feed of a thread: its turns one after another, through outages, and the same for every kind of watcher."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import update

from adapters.database import Database
from adapters.tables import ThreadRow
from adapters.thread_reading import ThreadReading
from api.history_tail import HistoryTails
from api.thread_feed import ThreadFeeds, Told
from api.thread_watch import ThreadWatch
from domain.conversation import PostedTurn, TurnRecord
from domain.errors import NotFound, StorageUnavailable, ThreadBeingForgotten
from domain.names import TURN_NOT_STARTED
from domain.turn import ChatTurnInput
from tests.chat_socket import chat_socket, seq_of
from tests.eventually import eventually
from tests.running_stack import RunningStack
from tests.server_sent_events import ReceivedEvent, read_events
from tests.workflows.bench import TurnBench
from workflows.chat_turn import ChatTurnWorkflow

PATIENCE = 3600.0
"""Longer than a test: a feed that is not woken fails."""
FIND = "Show me 2 bedroom apartments for long-term rent"


class CountingReading(ThreadReading):
    """The real reads, which fail as long as they are told to."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.is_away = False
        self.failed = 0
        self.asked: list[tuple[str, ...]] = []

    async def numbers_of(self, thread_ids):
        self.asked.append(tuple(thread_ids))
        self._fail_if_away()
        return await super().numbers_of(thread_ids)

    async def next_turn(self, thread_id, number):
        self._fail_if_away()
        return await super().next_turn(thread_id, number)

    def _fail_if_away(self) -> None:
        if self.is_away:
            self.failed += 1
            raise StorageUnavailable


class Feeds:
    """Feeds over a bench's database and Temporal."""

    def __init__(self, bench: TurnBench) -> None:
        self.bench = bench
        self.database: Database = bench.store.store._database
        self.reading = CountingReading(self.database)
        self.watch = ThreadWatch(self.reading)
        self.tails = HistoryTails(bench.client)
        self._feeds = ThreadFeeds(self.reading, self.tails, self.watch)

    def follow(self, *, after: int = 0, user_id: str = "ada", patience: float = PATIENCE):
        return self._feeds.follow(self.bench.thread_id, user_id, self.read_turn, after=after, patience=patience)

    async def read_turn(self, turn: TurnRecord) -> TurnRecord:
        return await self.bench.store.store.read_turn(turn.turn_id, turn.user_id)

    async def turns(self, count: int, *, after: int = 0) -> list[Told]:
        """What is told up to the outcome of so many turns."""
        told: list[Told] = []
        async with aclosing(self.follow(after=after)) as following:
            async for one in following:
                if one is not None:
                    told.append(one)
                if sum(one.numbered.is_outcome for one in told) == count:
                    return told
        raise AssertionError("the feed ended")

    async def change(self, table: type, **values: object) -> None:
        async with self.database.writing() as session:
            await session.exec(update(table).values(**values))


@pytest.fixture
async def feeds(bench: TurnBench) -> AsyncIterator[Feeds]:
    feeds = Feeds(bench)
    yield feeds
    feeds.watch.close()
    feeds.tails.close()


@pytest.fixture
async def idle_feeds(idle_bench: TurnBench) -> AsyncIterator[Feeds]:
    feeds = Feeds(idle_bench)
    yield feeds
    feeds.watch.close()
    feeds.tails.close()


def seqs(told: list[Told]) -> list[int]:
    return [one.seq for one in told]


async def test_a_waiting_turn_is_told_when_the_one_before_has_ended(feeds: Feeds) -> None:
    """Two turns at once: everything of the first, then everything of the second, in ascending order."""
    gate = feeds.bench.replies.script.hold()
    first = await feeds.bench.start()
    await feeds.bench.until_opened(first)
    second = await feeds.bench.start()
    await feeds.bench.until_waiting_or_ended(second)
    telling = asyncio.create_task(feeds.turns(2))
    gate.set()
    told = await telling
    assert [one.turn.workflow_id for one in told if one.numbered.is_outcome] == [first.id, second.id]
    assert seqs(told) == sorted(set(seqs(told)))
    assert [one.turn.seq for one in told] == sorted(one.turn.seq for one in told)


async def test_a_feed_goes_on_behind_any_seq(feeds: Feeds) -> None:
    """Whatever the last seq was, exactly the rest follows, also across two turns."""
    for _ in range(2):
        await (await feeds.bench.start()).result()
    whole = await feeds.turns(2)
    for position, one in enumerate(whole[:-1]):
        left = sum(later.numbered.is_outcome for later in whole[position + 1 :])
        assert await feeds.turns(left, after=one.seq) == whole[position + 1 :]


async def test_a_thread_that_does_not_exist_is_waited_for(feeds: Feeds) -> None:
    """A feed opened before the first message tells it all the same."""
    telling = asyncio.create_task(feeds.turns(1))
    await eventually(lambda: _is_true(lambda: feeds.reading.asked))
    handle = await feeds.bench.start()
    told = await telling
    assert told[-1].turn.workflow_id == handle.id


async def test_a_database_that_is_away_is_waited_for(feeds: Feeds) -> None:
    """Nothing is lost and nobody is sent away while neither the feed nor the poller can read."""
    feeds.reading.is_away = True
    telling = asyncio.create_task(feeds.turns(1))
    await eventually(lambda: _is_true(lambda: feeds.reading.failed > 2))
    await feeds.bench.start()
    feeds.reading.is_away = False
    assert (await telling)[-1].numbered.event.kind == "result"


async def test_a_database_that_goes_away_meanwhile_is_waited_for(feeds: Feeds) -> None:
    """The poller fails for a while under a feed that waits: the turn accepted then is told."""
    telling = asyncio.create_task(feeds.turns(1))
    await eventually(lambda: _is_true(lambda: len(feeds.reading.asked) > 1))
    feeds.reading.is_away = True
    await feeds.bench.start()
    await eventually(lambda: _is_true(lambda: feeds.reading.failed > 1))
    feeds.reading.is_away = False
    assert (await telling)[-1].numbered.event.kind == "result"


async def test_what_is_accepted_here_is_looked_for_at_once(feeds: Feeds, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nudge does not wait for the poller's next round."""
    monkeypatch.setattr("api.thread_watch.POLL_SECONDS", 3600.0)
    telling = asyncio.create_task(feeds.turns(1))
    await eventually(lambda: _is_true(lambda: feeds.reading.asked))
    handle = await feeds.bench.start()
    await feeds.bench.until_opened(handle)
    feeds.watch.nudge(feeds.bench.thread_id)
    assert (await telling)[-1].turn.workflow_id == handle.id


async def test_one_query_serves_all_watched_threads(idle_feeds: Feeds) -> None:
    """Threads are looked at together, and not at all when nobody watches."""
    feeds, names = idle_feeds, [str(number) for number in range(700)]
    with contextlib.ExitStack() as watched:
        for name in names:
            watched.enter_context(feeds.watch.watching(name))
        await eventually(lambda: _is_true(lambda: tuple(sorted(names)) in feeds.reading.asked))
    await eventually(lambda: _is_true(lambda: feeds.watch._polling is None))
    assert feeds.watch._threads == {}


async def test_a_feed_ends_when_its_thread_is_being_deleted(feeds: Feeds) -> None:
    """Marked, deleted, or deleted and begun anew between two looks: there is nothing more to tell."""
    for changed in ({"forgotten_at": datetime.now(UTC)}, {"last_seq": 0, "forgotten_at": None}):
        feeds.bench.thread_id = str(uuid4())
        await (await feeds.bench.start()).result()
        following = feeds.follow(after=1_999_999)
        waiting = asyncio.create_task(anext(following))
        looks = len(feeds.reading.asked)
        await eventually(lambda looks=looks: _is_true(lambda: len(feeds.reading.asked) > looks + 1))
        await feeds.change(ThreadRow, **changed)
        with pytest.raises(ThreadBeingForgotten):
            await waiting
        await feeds.change(ThreadRow, last_seq=1, forgotten_at=None)


async def test_a_feed_of_somebody_elses_thread_ends(feeds: Feeds) -> None:
    """Also where the thread was nobody's when the feed began."""
    waiting = asyncio.create_task(anext(feeds.follow(user_id="eve")))
    await eventually(lambda: _is_true(lambda: feeds.reading.asked))
    await feeds.bench.start()
    with pytest.raises(NotFound):
        await waiting


async def test_a_turn_that_started_after_all_is_told_in_its_new_place(idle_feeds: Feeds) -> None:
    """Given up as not started while its workflow waited for a worker, it takes a new number and is told there."""
    bench, store = idle_feeds.bench, idle_feeds.bench.store.store
    accepted = await store.accept(
        PostedTurn(
            user_id="ada",
            client_msg_id=str(uuid4()),
            message="hello",
            fingerprint="f",
            thread_id=bench.thread_id,
        )
    )
    turn = accepted.turn
    handle = await bench.client.start_workflow(
        ChatTurnWorkflow.run,
        ChatTurnInput(**turn.model_dump(include={"user_id", "message", "thread_id", "client_msg_id"})),
        id=turn.workflow_id,
        task_queue=bench.task_queue,
    )
    told: list[Told] = []
    async with aclosing(idle_feeds.follow()) as following:
        told.append(await anext(following))
        await store.fail_turn(turn.turn_id, TURN_NOT_STARTED)
        async with bench.worker():
            while not told[-1].numbered.is_outcome:
                told.append(await anext(following))
            result = await handle.result()
    assert seqs(told)[:2] == [1_000_010, 2_000_010]
    assert seqs(told) == sorted(set(seqs(told)))
    assert told[-1].numbered.event.result == result


# --- the thread's stream --------------------------------------------------------------------------------------


async def stream(
    stack: RunningStack, user: str, thread_id: str, *, outcomes: int, after: str | None = None
) -> list[ReceivedEvent]:
    """The thread's Server-Sent Events up to the outcome of so many turns."""
    headers = stack.as_user(user) | ({"Last-Event-ID": after} if after else {})
    told: list[ReceivedEvent] = []
    async with stack.http.stream("GET", f"/api/v1/threads/{thread_id}/events", headers=headers) as response:
        assert response.status_code == 200
        async with aclosing(read_events(response)) as events:
            async for event in events:
                told.append(event)
                if sum(one.event in ("result", "failed") for one in told) == outcomes:
                    return told
    raise AssertionError("the stream ended")


async def test_the_stream_of_a_thread_has_the_seqs_of_its_socket(stack: RunningStack, user: str) -> None:
    """So a client may change from one to the other behind any event and sees nothing twice."""
    thread_id = str(uuid4())
    async with chat_socket(stack, user, thread_id) as (client, _):
        for text in (FIND, "hello"):
            await stack.say(user, text, thread_id=thread_id)
        frames = await client.turn() + await client.turn()
    whole = await stream(stack, user, thread_id, outcomes=2, after="0")
    # An outcome makes two frames: typing off has no event of its own.
    typing_off = [seq_of(f) for f in frames if f["event"] == "typing" and not f["payload"]["value"]]
    assert [int(event.id) for event in whole] == [seq for seq in map(seq_of, frames) if seq not in typing_off]
    assert "end" not in {event.event for event in whole}
    for position, event in enumerate(whole[:-1]):
        left = sum(later.event == "result" for later in whole[position + 1 :])
        assert await stream(stack, user, thread_id, outcomes=left, after=event.id) == whole[position + 1 :]
        async with chat_socket(stack, user, thread_id, after=int(event.id)) as (client, _):
            rest = await client.frames_until(seq_of(frames[-1]))
        assert rest == [frame for frame in frames if seq_of(frame) > int(event.id)]


async def test_without_a_place_a_stream_begins_with_what_is_new(stack: RunningStack, user: str) -> None:
    """Turns that have ended are not told again, an unknown place counts as none, a name is the caller's own."""
    await stack.say(user, "hello", thread_id="my-flat")
    for after in (None, "nonsense", "99000000"):
        telling = asyncio.create_task(stream(stack, user, "my-flat", outcomes=1, after=after))
        await eventually(lambda: _is_true(lambda: stack.app.state.thread_watch._threads))
        answer = (await stack.say(user, "hello", thread_id="my-flat")).json()
        told = await telling
        assert {event.data["turn_id"] for event in told} == {answer["turn_id"]}
        await eventually(lambda: _is_true(lambda: not stack.app.state.thread_watch._threads))


async def test_without_a_place_a_stream_begins_with_the_oldest_open_turn(feeds: Feeds) -> None:
    """The record knows which turns lie in front of it: those are covered."""
    await (await feeds.bench.start()).result()
    gate = feeds.bench.replies.script.hold()
    held = await feeds.bench.start()
    await feeds.bench.until_opened(held)
    waiting = await feeds.bench.start()
    await feeds.bench.until_waiting_or_ended(waiting)
    assert await feeds.reading.covered(feeds.bench.thread_id) == 1
    gate.set()
    await waiting.result()
    assert await feeds.reading.covered(feeds.bench.thread_id) == 3


async def test_who_may_not_see_a_thread_gets_no_stream(stack: RunningStack, user: str) -> None:
    """404 for somebody else's thread and for one that is being deleted, 400 for what is no name."""
    thread_id = str(uuid4())
    await stack.say(user, "hello", thread_id=thread_id)
    path = f"/api/v1/threads/{thread_id}/events"
    assert (await stack.http.get(path, headers=stack.as_user("eve"))).status_code == 404
    assert (await stack.http.get(path)).status_code == 401
    await stack.app.state.forgetting.mark(user, thread_id)
    assert (await stack.http.get(path, headers=stack.as_user(user))).status_code == 404
    bad = await stack.http.get("/api/v1/threads/a.b/events", headers=stack.as_user(user))
    assert bad.status_code == 400
    assert bad.json()["error"]["field"] == "thread_id"


async def test_streams_of_threads_are_put_off_when_there_is_no_room(
    stack: RunningStack, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After before anything is sent."""
    monkeypatch.setattr("api.history_tail.MAX_OPEN_TAILS", 0)
    answer = await stack.http.get("/api/v1/threads/t/events", headers=stack.as_user(user))
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


async def _is_true(look) -> bool:
    return bool(look())
