"""The turn against ports that fail, hang and wait, on the real server."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from domain.errors import (
    MemoryMisconfigured,
    MemoryUnauthorized,
    MemoryUnavailable,
    SearchRejected,
    SearchUnavailable,
    StorageUnavailable,
)
from domain.names import remember_turn_workflow_id
from domain.slots import Location
from domain.turn import ChatTurnInput, OnBusy, StepName, TurnStatus
from tests.workflows.bench import FIND_A_FLAT, TurnBench
from workflows.chat_turn import ChatTurnWorkflow

MOST_EVENTS_OF_A_TURN = 32


async def event_count(handle: WorkflowHandle) -> int:
    return (await handle.fetch_history()).events[-1].event_id


async def test_a_turn_ends_with_a_typed_result(bench: TurnBench) -> None:
    """A message about flats ends Completed with cards, stored in the database and remembered once."""
    handle = await bench.start()
    result = await handle.result()
    assert (result.status, result.agent) == (TurnStatus.COMPLETED, "re_agent")
    assert len(result.recommendations) == 4
    assert result.memory.used
    assert result.degraded == ()
    assert await bench.status(handle) is TurnStatus.COMPLETED
    assert [message.role for message in bench.memory.stored.values()] == ["user", "assistant"]


async def test_a_turn_costs_at_most_32_history_events(bench: TurnBench) -> None:
    """A turn without deltas stays within its budget of history events."""
    handle = await bench.start()
    await handle.result()
    assert await event_count(handle) <= MOST_EVENTS_OF_A_TURN


@pytest.mark.parametrize(
    "error", [MemoryUnavailable(status=500), MemoryUnauthorized(status=401), MemoryMisconfigured(status=404)]
)
async def test_memory_that_fails_degrades_the_turn(bench: TurnBench, error: MemoryUnavailable) -> None:
    """With memory failing for good the reply still has its cards, and the result says what was missing."""
    bench.memory.reads.always = error
    result = await (await bench.start()).result()
    assert result.status is TurnStatus.COMPLETED
    assert len(result.recommendations) == 4
    assert not result.memory.used
    assert [(entry.step, entry.reason) for entry in result.degraded] == [(StepName.RECALL, type(error).__name__)]


async def test_memory_that_fails_once_is_asked_again(bench: TurnBench) -> None:
    """One quick failure of memory costs a retry and no degradation."""
    bench.memory.reads.failures = [MemoryUnavailable(status=503)]
    result = await (await bench.start()).result()
    assert result.degraded == ()
    assert bench.memory.reads.calls == 2


async def test_a_permanent_memory_error_is_not_tried_again(bench: TurnBench) -> None:
    """A wrong key is wrong the second time too."""
    bench.memory.reads.always = MemoryUnauthorized(status=401)
    await (await bench.start()).result()
    assert bench.memory.reads.calls == 1


async def test_memory_that_hangs_costs_one_budget(bench: TurnBench) -> None:
    """A memory server that never answers is asked once and given up; the reply does not wait for more."""
    gate = bench.memory.reads.hold()
    result = await (await bench.start()).result()
    gate.set()
    assert [entry.step for entry in result.degraded] == [StepName.RECALL]
    assert bench.memory.reads.calls == 1


async def test_a_pause_longer_than_the_budget_is_not_taken(bench: TurnBench) -> None:
    """A memory server that asks for a long pause costs no pause: the turn goes on without memory."""
    bench.memory.reads.failures = [MemoryUnavailable(status=429, retry_after=60)]
    result = await (await bench.start()).result()
    assert [entry.step for entry in result.degraded] == [StepName.RECALL]
    assert bench.memory.reads.calls == 1


@pytest.mark.parametrize("error", [SearchUnavailable(status=500), SearchRejected(status=403)])
async def test_search_that_fails_is_said_and_nothing_is_invented(
    bench: TurnBench, error: SearchUnavailable
) -> None:
    """Without search there are no cards, the result says so, and the next turn finds again."""
    bench.search.script.always = error
    result = await (await bench.start()).result()
    assert result.recommendations == ()
    assert result.response_text
    assert [(entry.step, entry.reason) for entry in result.degraded] == [(StepName.SEARCH, type(error).__name__)]
    bench.search.script.always = None
    assert (await (await bench.start()).result()).recommendations


async def test_a_database_that_is_away_delays_the_turn(bench: TurnBench) -> None:
    """A turn outlives a database outage at its beginning and at its end, with one reply stored."""
    bench.store.opens.failures = [StorageUnavailable() for _ in range(5)]
    bench.store.closes.failures = [StorageUnavailable() for _ in range(5)]
    handle = await bench.start()
    result = await handle.result()
    assert result.status is TurnStatus.COMPLETED
    assert await bench.status(handle) is TurnStatus.COMPLETED
    assert await event_count(handle) < 2 * MOST_EVENTS_OF_A_TURN


async def test_an_append_that_fails_goes_on_after_the_turn(bench: TurnBench) -> None:
    """When memory stays down the turn ends all the same, and a workflow of its own remembers it later."""
    bench.memory.writes.always = MemoryUnauthorized(status=401)
    handle = await bench.start()
    await handle.result()
    child = bench.client.get_workflow_handle(remember_turn_workflow_id(handle.id.removeprefix("chat-turn-")))
    assert (await child.describe()).id == child.id
    await child.terminate()


async def test_the_late_append_stores_the_turn_once(bench: TurnBench) -> None:
    """The late append writes the same two messages that the turn would have written."""
    bench.memory.writes.failures = [MemoryUnauthorized(status=401)]
    handle = await bench.start()
    await handle.result()
    child = bench.client.get_workflow_handle(remember_turn_workflow_id(handle.id.removeprefix("chat-turn-")))
    await child.result()
    assert [message.role for message in bench.memory.stored.values()] == ["user", "assistant"]


async def test_a_message_without_letters_or_digits_is_not_remembered(bench: TurnBench) -> None:
    """A thumbs-up is answered but leaves nothing in memory."""
    result = await (await bench.start("👍")).result()
    assert result.response_text
    assert bench.memory.stored == {}


# --- stopping -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["memory", "search", "reply"])
async def test_a_stopped_turn_ends_completed_with_status_stopped(bench: TurnBench, step: str) -> None:
    """Whichever step the stop lands in, the workflow ends Completed and the record says stopped."""
    script = {"memory": bench.memory.reads, "search": bench.search.script, "reply": bench.replies.script}[step]
    gate = script.hold()
    handle = await bench.start()
    await script.reached.wait()
    await handle.cancel()
    result = await handle.result()
    gate.set()
    assert result.status is TurnStatus.STOPPED
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert await bench.status(handle) is TurnStatus.STOPPED


async def test_a_turn_stopped_in_the_queue_says_so(bench: TurnBench) -> None:
    """Stopped while it waits behind another, a turn ends at once; the one in front goes on."""
    gate = bench.replies.script.hold()
    first, second = await _in_order(bench, [OnBusy.ENQUEUE, OnBusy.ENQUEUE])
    await second.cancel()
    assert (await second.result()).status is TurnStatus.STOPPED
    gate.set()
    assert (await first.result()).status is TurnStatus.COMPLETED


async def test_a_turn_stopped_before_its_first_step_keeps_the_message(idle_bench: TurnBench) -> None:
    """Cancelled before any worker saw it, a turn still stores the user's message and ends stopped."""
    handle = await idle_bench.start()
    await handle.cancel()
    async with idle_bench.worker():
        result = await handle.result()
    assert result.status is TurnStatus.STOPPED
    assert await idle_bench.status(handle) is TurnStatus.STOPPED


async def test_a_stop_after_the_close_changes_nothing(bench: TurnBench) -> None:
    """A stop that comes while the turn is being remembered finds a completed turn."""
    gate = bench.memory.writes.hold()
    handle = await bench.start()
    await bench.memory.writes.reached.wait()
    await handle.cancel()
    gate.set()
    result = await handle.result()
    assert result.status is TurnStatus.COMPLETED
    assert len(bench.memory.stored) == 2


# --- order --------------------------------------------------------------------------------------------------


async def _in_order(bench: TurnBench, policies: Sequence[OnBusy]) -> list[WorkflowHandle]:
    """Turns of one thread, each opened before the next one starts."""
    handles = []
    for policy in policies:
        handle = await bench.start(on_busy=policy)
        handles.append(handle)
        await bench.until_opened(handle)
    return handles


async def test_a_later_turn_waits_for_the_earlier_one(bench: TurnBench) -> None:
    """Turns of one thread search one after another, in the order they were accepted."""
    gate = bench.replies.script.hold()
    first, second = await _in_order(bench, [OnBusy.ENQUEUE, OnBusy.ENQUEUE])
    assert await bench.status(second) is TurnStatus.QUEUED
    assert bench.replies.script.calls == 1
    gate.set()
    assert [(await handle.result()).status for handle in (first, second)] == [TurnStatus.COMPLETED] * 2


async def test_a_stopped_turn_in_between_lets_nobody_pass(bench: TurnBench) -> None:
    """B waits behind A and C behind B: when B is stopped, C still waits for A."""
    gate = bench.replies.script.hold()
    first, second, third = await _in_order(bench, [OnBusy.ENQUEUE] * 3)
    await second.cancel()
    assert (await second.result()).status is TurnStatus.STOPPED
    assert await bench.status(third) is TurnStatus.QUEUED
    assert bench.replies.script.calls == 1
    gate.set()
    assert (await third.result()).status is TurnStatus.COMPLETED
    assert (await first.result()).status is TurnStatus.COMPLETED


async def test_reject_ends_at_once_behind_an_open_turn(bench: TurnBench) -> None:
    """A turn that shall not wait ends rejected, with a sentence, and without any step."""
    gate = bench.replies.script.hold()
    first, second = await _in_order(bench, [OnBusy.ENQUEUE, OnBusy.REJECT])
    rejected = await second.result()
    gate.set()
    assert rejected.status is TurnStatus.REJECTED
    assert rejected.response_text
    await first.result()
    assert bench.replies.script.calls == 1


async def test_a_rejected_turn_takes_nothing_from_the_thread(bench: TurnBench) -> None:
    """What the running turn learns is known to the next one, though one between them was rejected."""
    gate = bench.replies.script.hold()
    first, second = await _in_order(bench, [OnBusy.ENQUEUE, OnBusy.REJECT])
    await second.result()
    gate.set()
    await first.result()
    third = await (await bench.start("with a pool")).result()
    assert third.slots.location == Location(city="girne")
    assert third.slots.bedrooms == 2


async def test_interrupt_stops_the_earlier_turn(bench: TurnBench) -> None:
    """A turn that interrupts stops the one in front and then runs."""
    gate = bench.replies.script.hold()
    first = await bench.start()
    await bench.replies.script.reached.wait()
    second = await bench.start(on_busy=OnBusy.INTERRUPT)
    assert (await first.result()).status is TurnStatus.STOPPED
    gate.set()
    assert (await second.result()).status is TurnStatus.COMPLETED


async def test_a_terminated_turn_does_not_block_its_thread(bench: TurnBench) -> None:
    """Behind a turn that an operator terminated, the next one takes over and closes its record as failed."""
    gate = bench.replies.script.hold()
    first, second = await _in_order(bench, [OnBusy.ENQUEUE, OnBusy.ENQUEUE])
    await first.terminate()
    gate.set()
    assert (await second.result()).status is TurnStatus.COMPLETED
    assert await bench.status(first) is TurnStatus.FAILED


# --- started by hand ----------------------------------------------------------------------------------------


async def test_a_turn_started_by_hand_with_two_fields_runs(bench: TurnBench) -> None:
    """`temporal workflow start` with a user and a message is enough for a typed result."""
    handle = await bench.client.start_workflow(
        ChatTurnWorkflow.run,
        ChatTurnInput(user_id="operator", message=FIND_A_FLAT),
        id=f"by-hand-{bench.thread_id}",
        task_queue=bench.task_queue,
        execution_timeout=timedelta(minutes=1),
    )
    result = await handle.result()
    assert result.status is TurnStatus.COMPLETED
    assert result.turn_id.startswith(result.thread_id)


async def test_a_turn_in_somebody_elses_thread_fails_typed(bench: TurnBench) -> None:
    """A thread of another user is not found, also for a turn started by hand."""
    await (await bench.start()).result()
    bench.user_id = "eve"
    with pytest.raises(WorkflowFailureError) as failure:
        await (await bench.start()).result()
    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == "NotFound"
