"""Tails of real turns through outages, resets and leaving watchers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from api import history_tail
from api.history_tail import HistoryTails
from api.numbering import NumberedEvent, end_of_turn
from api.story_from_database import story_of
from domain.conversation import TurnRecord
from domain.errors import NotFound, StorageUnavailable, TooManyWatchers
from domain.progress import Accepted
from domain.turn import TurnStatus
from tests.eventually import eventually
from tests.workflows.bench import TurnBench

PATIENCE = 20.0
ABOUT = {"turn_id": "t.1", "at": datetime(2025, 1, 1, tzinfo=UTC)}


def record_of(handle: WorkflowHandle, status: TurnStatus = TurnStatus.RUNNING, seq: int = 1) -> TurnRecord:
    return TurnRecord(
        turn_id=handle.id.removeprefix("chat-turn-"),
        thread_id=str(uuid4()),
        user_id="ada",
        client_msg_id=str(uuid4()),
        workflow_id=handle.id,
        seq=seq,
        status=status,
        accepted_at=datetime.now(UTC),
    )


def watch(tails: HistoryTails, turn: TurnRecord) -> AsyncIterator[NumberedEvent | None]:
    async def read_turn() -> TurnRecord:
        return turn

    return tails.watch(turn, read_turn, patience=PATIENCE)


async def all_of(watching: AsyncIterator[NumberedEvent | None]) -> list[NumberedEvent]:
    return [numbered async for numbered in watching if numbered is not None]


def kinds(events: list[NumberedEvent]) -> list[str]:
    return [numbered.event.kind for numbered in events]


class FlakyClient:
    """The bench's client, whose calls fail as told before they work."""

    def __init__(self, bench: TurnBench, failures: list[Exception]) -> None:
        self._client = bench.client
        self.data_converter = bench.client.data_converter
        self.failures = failures

    def get_workflow_handle(self, *args, **kwargs) -> "FlakyHandle":
        return FlakyHandle(self._client.get_workflow_handle(*args, **kwargs), self.failures)


class FlakyHandle:
    def __init__(self, handle: WorkflowHandle, failures: list[Exception]) -> None:
        self._handle, self._failures = handle, failures

    async def describe(self, **kwargs):
        if self._failures:
            raise self._failures.pop(0)
        return await self._handle.describe(**kwargs)

    async def fetch_history_events(self, **kwargs):
        """Breaks after every third event while there are failures left."""
        read = 0
        async for event in self._handle.fetch_history_events(**kwargs):
            yield event
            read += 1
            if self._failures and read % 3 == 0:
                raise self._failures.pop(0)


async def test_outages_of_temporal_lose_and_double_nothing(bench: TurnBench) -> None:
    """However often the server goes away while the tail reads, the story is the one an undisturbed tail tells."""
    handle = await bench.start()
    await handle.result()
    failures: list[Exception] = [
        *(RPCError("gone", RPCStatusCode.UNAVAILABLE, b"") for _ in range(4)),
        RuntimeError("never connected"),
        ZeroDivisionError("a bug of ours"),
    ]
    turn = record_of(handle)
    undisturbed = await all_of(watch(HistoryTails(bench.client), turn))
    disturbed = await all_of(watch(HistoryTails(FlakyClient(bench, failures)), turn))
    assert failures == []
    assert disturbed == undisturbed


async def test_a_termination_is_told_though_the_server_blinks(bench: TurnBench) -> None:
    """A failed look at the moment of the termination does not swallow it."""
    gate = bench.replies.script.hold()
    handle = await bench.start()
    await bench.replies.script.reached.wait()
    client = FlakyClient(bench, [])
    watching = asyncio.create_task(all_of(watch(HistoryTails(client), record_of(handle))))
    client.failures.append(RPCError("gone", RPCStatusCode.UNAVAILABLE, b""))
    await handle.terminate()
    events = await watching
    gate.set()
    assert kinds(events)[-2:] == ["failed", "end"]


async def test_a_reset_by_an_operator_is_followed(bench: TurnBench) -> None:
    """After a reset the stream says reset and tells the new run to its end; ids of both runs differ."""
    gate = bench.replies.script.hold()
    handle = await bench.start()
    await bench.replies.script.reached.wait()
    run_id = (await handle.describe()).run_id
    tails, turn = HistoryTails(bench.client), record_of(handle)
    watching = asyncio.create_task(all_of(watch(tails, turn)))
    await eventually(lambda: _has_events(tails))
    await bench.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=bench.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=run_id),
            reason="test",
            workflow_task_finish_event_id=4,
            request_id=str(uuid4()),
        )
    )
    gate.set()
    events = await watching
    assert kinds(events).count("reset") == 1
    assert kinds(events).count("result") == 1
    assert kinds(events)[-1] == "end"
    assert len({str(numbered.place) for numbered in events}) == len(events)
    assert len({numbered.place.run for numbered in events}) == 2
    seqs = [numbered.first_seq for numbered in events]
    assert seqs == sorted(set(seqs))
    late_joiner = await all_of(watch(HistoryTails(bench.client), turn))
    new_run = events[-1].place.run
    assert late_joiner == [numbered for numbered in events if numbered.place.run == new_run]


async def test_a_database_that_blinks_does_not_end_the_tail(bench: TurnBench) -> None:
    """Temporal does not know the turn and the database fails once: the outcome is told all the same."""
    gone = bench.client.get_workflow_handle("chat-turn-gone")
    turn = record_of(gone, TurnStatus.FAILED).model_copy(update={"error_code": "turn_lost"})
    answers: list[Exception] = [StorageUnavailable(), StorageUnavailable()]

    async def read_turn() -> TurnRecord:
        if answers:
            raise answers.pop(0)
        return turn

    events = await all_of(HistoryTails(bench.client).watch(turn, read_turn, patience=PATIENCE))
    assert kinds(events) == ["accepted", "failed", "end"]


async def test_a_turn_that_nobody_knows_any_more_ends(bench: TurnBench) -> None:
    """Deleted with its thread and unknown to Temporal: its watchers are told that it is lost, and let go."""
    turn = record_of(bench.client.get_workflow_handle("chat-turn-deleted"))

    async def read_turn() -> TurnRecord:
        raise NotFound

    events = await all_of(HistoryTails(bench.client).watch(turn, read_turn, patience=PATIENCE))
    assert kinds(events) == ["accepted", "failed", "end"]


async def test_an_outcome_from_the_database_has_one_number_everywhere(bench: TurnBench) -> None:
    """Whether a process told the beginning from the history or not, the outcome has the same place and seq."""
    handle = await bench.start()
    result = await handle.result()
    turn = record_of(handle, result.status, seq=7).model_copy(update={"result": result})
    whole, rest = story_of(turn), story_of(turn, told=[Accepted(**ABOUT, thread_id="t", steps=())])
    assert rest == whole[1:]
    assert [one.first_seq for one in whole[:2]] == [7_999_990, 7_999_991]
    assert whole[1].last_seq < end_of_turn(7)


async def test_watchers_share_the_bytes(bench: TurnBench) -> None:
    """An event is encoded once for all who watch."""
    handle = await bench.start()
    tails, turn = HistoryTails(bench.client), record_of(handle)
    one, other = await asyncio.gather(all_of(watch(tails, turn)), all_of(watch(tails, turn)))
    assert all(mine.turn_event is yours.turn_event for mine, yours in zip(one, other, strict=True))


async def test_a_server_that_stops_takes_no_more_watchers(bench: TurnBench) -> None:
    """A stream opened while the server stops ends at once."""
    tails = HistoryTails(bench.client)
    tails.close()
    assert await all_of(watch(tails, record_of(await bench.start()))) == []


async def test_a_turn_sent_again_is_not_answered_from_its_failed_start(bench: TurnBench) -> None:
    """What was told of a turn that never started is forgotten when it runs under its new number."""
    tails = HistoryTails(bench.client)
    unstarted = bench.client.get_workflow_handle("chat-turn-unstarted")
    failed = record_of(unstarted, TurnStatus.FAILED).model_copy(update={"error_code": "turn_not_started"})
    assert kinds(await all_of(watch(tails, failed)))[-2:] == ["failed", "end"]
    handle = await bench.start()
    revived = failed.model_copy(update={"seq": 2, "status": TurnStatus.ACCEPTED, "workflow_id": handle.id})
    assert "result" in kinds(await all_of(watch(tails, revived)))


async def test_an_open_tail_goes_with_its_last_watcher(bench: TurnBench) -> None:
    """Two watchers share a tail; when both have left, nobody polls any more."""
    gate = bench.replies.script.hold()
    handle = await bench.start()
    tails = HistoryTails(bench.client)
    turn = record_of(handle)
    first, second = watch(tails, turn), watch(tails, turn)
    assert (await anext(first)) == (await anext(second))
    assert len(tails._tails) == 1
    await first.aclose()
    assert len(tails._tails) == 1
    await second.aclose()
    assert len(tails._tails) == 0
    gate.set()
    await handle.result()


async def test_a_stream_nobody_reads_holds_no_tail(bench: TurnBench) -> None:
    """A client that is gone before the first byte leaves nothing behind."""
    tails = HistoryTails(bench.client)
    handle = await bench.start()
    watching = watch(tails, record_of(handle))
    await watching.aclose()
    assert len(tails._tails) == 0
    await handle.result()


async def test_too_many_open_tails_are_refused(bench: TurnBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its limit the process refuses another open turn, before any answer has begun; ended ones do not count."""
    monkeypatch.setattr(history_tail, "MAX_OPEN_TAILS", 1)
    tails = HistoryTails(bench.client)
    ended = await bench.start()
    await all_of(watch(tails, record_of(ended)))
    gate = bench.replies.script.hold()
    bench.thread_id = str(uuid4())
    held = await bench.start()
    open_one = watch(tails, record_of(held))
    await anext(open_one)
    with pytest.raises(TooManyWatchers):
        watch(tails, record_of(await bench.start()))
    gate.set()
    with contextlib.suppress(StopAsyncIteration):
        while True:
            await anext(open_one)


async def test_closing_lets_every_watcher_go(bench: TurnBench) -> None:
    """When the server stops, streams end instead of holding it up."""
    gate = bench.replies.script.hold()
    handle = await bench.start()
    tails = HistoryTails(bench.client)
    turn = record_of(handle)
    watchers = [asyncio.create_task(all_of(watch(tails, turn))) for _ in range(3)]
    await eventually(lambda: _has_events(tails))
    tails.close()
    told = await asyncio.gather(*watchers)
    assert all("end" not in kinds(events) for events in told)
    gate.set()
    await handle.result()


async def _has_events(tails: HistoryTails) -> bool:
    return any(tail._events for tail in tails._tails.values())
