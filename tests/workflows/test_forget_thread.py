"""Forgetting a thread while it is in use, while its parts are away, and over again."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import func, select
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput
from temporalio.worker import Interceptor as WorkerInterceptor

from activities import forgetting
from adapters.tables import MessageRow, ThreadRow, ThreadStateRow, TurnRow
from domain.conversation import PostedTurn
from domain.errors import MemoryUnauthorized, MemoryUnavailable
from domain.forgetting import ForgottenThread
from domain.memory import MemoryMessage, MemoryMode
from domain.names import remember_turn_workflow_id
from domain.turn import ChatTurnInput, TurnStatus
from tests.eventually import eventually
from tests.fakes import ScriptedMemory
from tests.workflows.bench import FIND_A_FLAT, TurnBench
from tests.workflows.scenarios import forget, run_forgetting
from workflows.chat_turn import ChatTurnWorkflow


@pytest.fixture(autouse=True)
def brief_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waits, shorter; the real ones are compared with the steps in tests/adapters."""
    monkeypatch.setattr(forgetting, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(forgetting, "SETTLE", timedelta(seconds=1.5))


async def rows(bench: TurnBench) -> int:
    """Everything the database has, of any thread."""
    async with bench.store.database.reading() as session:
        tables = (ThreadRow, TurnRow, MessageRow, ThreadStateRow)
        return sum([(await session.exec(select(func.count()).select_from(table))).one() for table in tables])


async def paused(handle: WorkflowHandle) -> bool:
    history = await handle.fetch_history()
    return any(event.event_type == EventType.EVENT_TYPE_TIMER_STARTED for event in history.events)


async def until_it_pauses_or_ends(handle: WorkflowHandle) -> None:
    async def look() -> bool:
        running = (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
        return not running or await paused(handle)

    await eventually(look)


async def test_a_forgotten_thread_is_nowhere(bench: TurnBench) -> None:
    """Record and memory are empty; what was deleted is told; an idle thread takes no pause."""
    for _ in range(2):
        await (await bench.start()).result()
    handle = await forget(bench)
    gone = await handle.result()
    assert gone == ForgottenThread(thread_id=bench.thread_id, turns=2, messages=4)
    assert await rows(bench) == 0
    assert bench.memory.stored == {}
    timers = [
        e for e in (await handle.fetch_history()).events if e.event_type == EventType.EVENT_TYPE_TIMER_STARTED
    ]
    assert timers == []


async def test_open_turns_are_stopped_first(bench: TurnBench) -> None:
    """One that writes and one that waits behind it both end stopped, and then everything goes."""
    gate = bench.replies.script.hold()
    first = await bench.start()
    await bench.replies.script.reached.wait()
    second = await bench.start()
    await bench.until_waiting_or_ended(second)
    gone = await (await forget(bench)).result()
    gate.set()
    assert [(await turn.result()).status for turn in (first, second)] == [TurnStatus.STOPPED] * 2
    assert (gone.turns, gone.messages) == (2, 2)
    assert await rows(bench) == 0
    assert bench.memory.stored == {}
    assert bench.replies.script.calls == 1


async def test_a_turn_that_cannot_stop_is_ended(bench: TurnBench) -> None:
    """A turn on a queue without a worker does not keep its thread."""
    posted = PostedTurn(
        user_id=bench.user_id,
        thread_id=bench.thread_id,
        client_msg_id=str(uuid4()),
        message=FIND_A_FLAT,
        fingerprint="",
    )
    turn = (await bench.store.store.accept(posted)).turn
    stuck = await bench.client.start_workflow(
        ChatTurnWorkflow.run,
        ChatTurnInput(
            user_id=turn.user_id, message=turn.message, thread_id=turn.thread_id, client_msg_id=turn.client_msg_id
        ),
        id=turn.workflow_id,
        task_queue=f"nobody-{uuid4()}",
    )
    assert (await (await forget(bench)).result()).turns == 1
    assert (await stuck.describe()).status is WorkflowExecutionStatus.TERMINATED
    assert await rows(bench) == 0


# --- interruptions --------------------------------------------------------------------------------------------


class LosesEachFirstResult(ClientInterceptor, WorkerInterceptor):
    """A worker that dies after each kind of activity has done its work, once. It comes with its client."""

    def __init__(self) -> None:
        self.lost: list[str] = []

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Losing(next, self.lost)


class _Losing(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, lost: list[str]) -> None:
        super().__init__(next)
        self._lost = lost

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        result = await super().execute_activity(input)
        if input.fn.__name__ not in self._lost:
            self._lost.append(input.fn.__name__)
            raise ApplicationError("the worker is gone")
        return result


async def test_interrupted_anywhere_it_ends(idle_bench: TurnBench) -> None:
    """Each step runs again after it has done its work, in the middle of an open turn: nothing is left."""
    bench = idle_bench
    losing = LosesEachFirstResult()
    async with bench.worker():
        gate = bench.replies.script.hold()
        turn = await bench.start()
        await bench.replies.script.reached.wait()
        gate.set()
        await turn.result()
    bench.client = Client(**{**bench.client.config(active_config=True), "interceptors": [losing]})
    async with bench.worker():
        gate = bench.replies.script.hold()
        await bench.start()
        await bench.replies.script.reached.wait()
        handle = await forget(bench)
        gone = await handle.result()
        gate.set()
    assert [name for name in losing.lost if name.startswith(("stop", "forget"))] == [
        "stop_turns",
        "forget_record",
        "forget_memory",
        "forget_thread",
    ]
    assert gone.thread_id == bench.thread_id
    assert await rows(bench) == 0
    assert bench.memory.stored == {}


async def test_memory_that_is_away_is_waited_for(bench: TurnBench) -> None:
    """Down or with a wrong key: the thread stays hidden until memory has forgotten it."""
    await (await bench.start()).result()
    bench.memory.forgets.failures = [MemoryUnavailable(status=503), MemoryUnauthorized(status=401)]
    await (await forget(bench)).result()
    assert bench.memory.forgets.calls == 3
    assert await rows(bench) == 0


async def test_without_memory_nobody_asks_it(bench: TurnBench) -> None:
    """Where memory is switched off there is no server to wait for."""
    await (await bench.start()).result()
    await (await forget(bench, memory_mode=MemoryMode.OFF)).result()
    assert bench.memory.forgets.calls == 0
    assert await rows(bench) == 0


async def test_forgetting_again_spares_a_new_thread(bench: TurnBench) -> None:
    """A second run finds no mark and touches nothing, though the thread's id is in use again."""
    await (await bench.start()).result()
    await (await forget(bench)).result()
    await (await bench.start()).result()
    fresh, remembered = await rows(bench), dict(bench.memory.stored)
    assert await (await run_forgetting(bench)).result() == ForgottenThread(thread_id=bench.thread_id)
    assert (await rows(bench), bench.memory.stored) == (fresh, remembered)
    assert bench.memory.forgets.calls == 1


async def test_a_turn_that_comes_too_late_is_refused(bench: TurnBench) -> None:
    """Started while its thread is being forgotten, it fails typed and brings nothing back."""
    await (await bench.start()).result()
    gate = bench.memory.forgets.hold()
    handle = await forget(bench)
    await bench.memory.forgets.reached.wait()
    with pytest.raises(WorkflowFailureError) as failure:
        await (await bench.start()).result()
    gate.set()
    await handle.result()
    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == "ThreadBeingForgotten"
    assert await rows(bench) == 0


# --- late appends ---------------------------------------------------------------------------------------------


class MemoryOnTheWire(ScriptedMemory):
    """An append that was sent arrives, whatever happens to its sender."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = asyncio.Event()

    async def append(
        self, user_id: str, thread_id: str, messages: tuple[MemoryMessage, ...], *, budget: float
    ) -> None:
        await asyncio.shield(asyncio.ensure_future(self._arrive(user_id, thread_id, messages)))

    async def _arrive(self, user_id: str, thread_id: str, messages: tuple[MemoryMessage, ...]) -> None:
        await super().append(user_id, thread_id, messages, budget=0)
        self.arrived.set()


@pytest.fixture
async def wired_bench(idle_bench: TurnBench) -> TurnBench:
    idle_bench.memory = MemoryOnTheWire()
    async with idle_bench.worker():
        yield idle_bench


async def test_an_append_under_way_is_forgotten_too(wired_bench: TurnBench) -> None:
    """It reaches memory after its turn was ended, and is gone all the same in the end."""
    bench = wired_bench
    gate = bench.memory.writes.hold()
    await bench.start()
    await bench.memory.writes.reached.wait()
    handle = await forget(bench)
    await until_it_pauses_or_ends(handle)
    gate.set()
    await bench.memory.arrived.wait()
    await handle.result()
    assert bench.memory.stored == {}


async def test_a_late_append_under_way_is_forgotten_too(wired_bench: TurnBench) -> None:
    """So is that of a workflow which went on remembering a turn that had ended."""
    bench = wired_bench
    first_gate = bench.memory.writes.hold()
    turn = await bench.start()
    await bench.memory.writes.reached.wait()
    bench.memory.writes.failures = [MemoryUnauthorized(status=401)]
    gate = bench.memory.writes.hold()
    first_gate.set()
    await turn.result()
    await bench.memory.writes.reached.wait()
    handle = await forget(bench)
    await until_it_pauses_or_ends(handle)
    gate.set()
    await bench.memory.arrived.wait()
    await handle.result()
    assert bench.memory.stored == {}
    late = bench.client.get_workflow_handle(remember_turn_workflow_id(turn.id.removeprefix("chat-turn-")))
    assert (await late.describe()).status is not WorkflowExecutionStatus.RUNNING


async def test_a_late_append_that_waits_for_memory_is_ended(bench: TurnBench) -> None:
    """Memory comes back after the thread was forgotten, and nobody writes to it."""
    bench.memory.writes.always = MemoryUnauthorized(status=401)
    turn = await bench.start()
    await turn.result()
    await (await forget(bench)).result()
    late = bench.client.get_workflow_handle(remember_turn_workflow_id(turn.id.removeprefix("chat-turn-")))
    assert (await late.describe()).status is WorkflowExecutionStatus.CANCELED
    assert bench.memory.stored == {}
