"""The runs whose histories are recorded: each takes place on a bench and ends with the handle to record."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio.client import WorkflowHandle

from domain.errors import MemoryUnauthorized, MemoryUnavailable, SearchUnavailable, StorageUnavailable
from domain.forgetting import ForgetThreadInput, ForgottenThread
from domain.memory import MemoryMode
from domain.names import forget_thread_workflow_id, remember_turn_workflow_id
from domain.turn import OnBusy
from tests.workflows.bench import TurnBench
from workflows import options
from workflows.forget_thread import ForgetThreadWorkflow

Scenario = Callable[[TurnBench], Awaitable[WorkflowHandle]]


async def answered_with_cards(bench: TurnBench) -> WorkflowHandle:
    return await _ended(await bench.start())


async def question_asked(bench: TurnBench) -> WorkflowHandle:
    return await _ended(await bench.start("I need an apartment"))


async def memory_down(bench: TurnBench) -> WorkflowHandle:
    bench.memory.reads.always = MemoryUnavailable(status=503)
    return await _ended(await bench.start())


async def search_down(bench: TurnBench) -> WorkflowHandle:
    bench.search.script.always = SearchUnavailable(status=503)
    return await _ended(await bench.start())


async def stopped(bench: TurnBench) -> WorkflowHandle:
    gate = bench.search.script.hold()
    handle = await bench.start()
    await bench.search.script.reached.wait()
    await handle.cancel()
    await handle.result()
    gate.set()
    return handle


async def queued_behind_another(bench: TurnBench) -> WorkflowHandle:
    return (await _two_turns(bench, OnBusy.ENQUEUE))[1]


async def releases_the_next(bench: TurnBench) -> WorkflowHandle:
    return (await _two_turns(bench, OnBusy.ENQUEUE))[0]


async def rejected(bench: TurnBench) -> WorkflowHandle:
    return (await _two_turns(bench, OnBusy.REJECT))[1]


async def database_away(bench: TurnBench) -> WorkflowHandle:
    bench.store.opens.failures = [StorageUnavailable() for _ in range(5)]
    bench.store.closes.failures = [StorageUnavailable() for _ in range(5)]
    return await _ended(await bench.start())


async def remembered_late(bench: TurnBench) -> WorkflowHandle:
    bench.memory.writes.failures = [MemoryUnauthorized(status=401)]
    handle = await _ended(await bench.start())
    await _late_append(bench, handle).result()
    return handle


async def late_append(bench: TurnBench) -> WorkflowHandle:
    return await _ended(_late_append(bench, await remembered_late(bench)))


async def forgotten_when_idle(bench: TurnBench) -> WorkflowHandle:
    await _ended(await bench.start())
    return await _ended(await forget(bench))


async def forgotten_in_use(bench: TurnBench) -> WorkflowHandle:
    gate = bench.replies.script.hold()
    await bench.start()
    await bench.replies.script.reached.wait()
    handle = await _ended(await forget(bench))
    gate.set()
    return handle


async def forget(
    bench: TurnBench, memory_mode: MemoryMode = MemoryMode.READ_WRITE
) -> WorkflowHandle[ForgetThreadWorkflow, ForgottenThread]:
    """Mark the bench's thread and start its forgetting, as the API does."""
    await bench.forgetting.store.mark(bench.user_id, bench.thread_id)
    return await run_forgetting(bench, memory_mode)


async def run_forgetting(
    bench: TurnBench, memory_mode: MemoryMode = MemoryMode.READ_WRITE
) -> WorkflowHandle[ForgetThreadWorkflow, ForgottenThread]:
    return await bench.client.start_workflow(
        ForgetThreadWorkflow.run,
        ForgetThreadInput(user_id=bench.user_id, thread_id=bench.thread_id, memory_mode=memory_mode),
        id=forget_thread_workflow_id(bench.thread_id),
        task_queue=bench.task_queue,
        task_timeout=options.TURN_TASK_TIMEOUT,
        execution_timeout=timedelta(minutes=5),
    )


def _late_append(bench: TurnBench, turn: WorkflowHandle) -> WorkflowHandle:
    turn_id = turn.id.removeprefix("chat-turn-")
    return bench.client.get_workflow_handle(remember_turn_workflow_id(turn_id))


async def _ended(handle: WorkflowHandle) -> WorkflowHandle:
    await handle.result()
    return handle


async def _two_turns(bench: TurnBench, second_policy: OnBusy) -> tuple[WorkflowHandle, WorkflowHandle]:
    gate = bench.replies.script.hold()
    first = await bench.start()
    await bench.replies.script.reached.wait()
    second = await bench.start(on_busy=second_policy)
    await bench.until_waiting_or_ended(second)
    gate.set()
    return await _ended(first), await _ended(second)


RECORDED: dict[str, Scenario] = {
    "chat_turn-answered_with_cards": answered_with_cards,
    "chat_turn-question_asked": question_asked,
    "chat_turn-memory_down": memory_down,
    "chat_turn-search_down": search_down,
    "chat_turn-stopped": stopped,
    "chat_turn-queued_behind_another": queued_behind_another,
    "chat_turn-releases_the_next": releases_the_next,
    "chat_turn-rejected": rejected,
    "chat_turn-database_away": database_away,
    "chat_turn-remembered_late": remembered_late,
    "remember_turn-late_append": late_append,
    "forget_thread-when_idle": forgotten_when_idle,
    "forget_thread-in_use": forgotten_in_use,
}
