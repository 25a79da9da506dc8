"""The steps of forgetting a thread. Each may run again after it has done its work: there is just less to do."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from temporalio import activity

from activities.failures import typed_failures
from activities.heartbeat import heartbeating
from activities.step_budget import StepBudget
from domain.conversation import RunPhase
from domain.errors import MemoryUnavailable
from domain.forgetting import SETTLE, ForgetThreadInput, ForgottenRecord, MarkedThread, StoppedTurns
from domain.names import remember_turn_workflow_id
from domain.ports import ForgettingStore, Memory, TurnRuns
from domain.waiting import START_GRACE

PATIENCE_SECONDS: Final = 3.0
"""A turn that is asked to stop ends in milliseconds; one that does not by then is ended for it."""

LOOK_EVERY_SECONDS: Final = 0.2


class ForgettingActivities:
    def __init__(self, store: ForgettingStore, runs: TurnRuns, memory: Memory) -> None:
        self._store = store
        self._runs = runs
        self._memory = memory

    @activity.defn
    async def stop_turns(self, input: ForgetThreadInput) -> StoppedTurns:
        """End every turn of the thread, and what goes on writing to memory after its turn.

        Looks again after each change: a turn that ends may have begun a late append, and one that was
        accepted a moment ago may only now reach Temporal.
        """
        with typed_failures():
            async with heartbeating():
                while thread := await self._store.marked_thread(input.user_id, input.thread_id):
                    phases = await self._look_at(_workflows_of(thread))
                    running = [workflow_id for workflow_id, phase in phases.items() if phase is RunPhase.RUNNING]
                    if running:
                        await self._end(running)
                    elif _may_one_still_start(thread, phases):
                        await asyncio.sleep(LOOK_EVERY_SECONDS)
                    else:
                        return StoppedTurns(is_marked=True, quiet_from=await self._quiet_from(thread, phases))
        return StoppedTurns()

    async def _look_at(self, workflow_ids: Sequence[str]) -> dict[str, RunPhase]:
        return {workflow_id: (await self._runs.look(workflow_id)).phase for workflow_id in workflow_ids}

    async def _end(self, running: Sequence[str]) -> None:
        """The last first: a turn that waits would begin when the one in front of it stops."""
        for workflow_id in reversed(running):
            await self._runs.stop(workflow_id)
        patient_until = time.monotonic() + PATIENCE_SECONDS
        while running and time.monotonic() < patient_until:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            phases = await self._look_at(running)
            running = [workflow_id for workflow_id, phase in phases.items() if phase is RunPhase.RUNNING]
        for workflow_id in running:
            await self._runs.terminate(workflow_id, "its thread is being forgotten")

    async def _quiet_from(self, thread: MarkedThread, phases: dict[str, RunPhase]) -> datetime | None:
        """From what stands in the records, so that another attempt finds the same."""
        broken = [workflow_id for workflow_id, phase in phases.items() if phase is RunPhase.BROKEN]
        ends = [turn.stopped_at for turn in thread.turns]
        ends += [await self._runs.cut_off_at(workflow_id) for workflow_id in broken]
        return max((end + SETTLE for end in ends if end is not None), default=None)

    @activity.defn
    async def forget_record(self, input: ForgetThreadInput) -> ForgottenRecord:
        """What Temporal keeps of the turns first: afterwards nobody knows their workflows any more."""
        with typed_failures():
            async with heartbeating():
                for turn_id, workflow_id in await self._store.turns_of(input.user_id, input.thread_id):
                    for told in (workflow_id, remember_turn_workflow_id(turn_id)):
                        await self._runs.forget(told)
                return await self._store.forget_record(input.user_id, input.thread_id)

    @activity.defn
    async def forget_memory(self, input: ForgetThreadInput) -> None:
        """Nobody waits, and the thread must not stay in memory: whatever memory answers is waited out."""
        budget = StepBudget.of_one_try()
        with typed_failures(stubborn=True):
            async with heartbeating(), budget.enforced(MemoryUnavailable):
                await self._memory.forget(input.thread_id, budget=budget.seconds)

    @activity.defn
    async def forget_thread(self, input: ForgetThreadInput) -> None:
        with typed_failures():
            async with heartbeating():
                await self._store.forget_thread(input.user_id, input.thread_id)
        activity.logger.info("thread_forgotten", extra={"thread_id": input.thread_id})


def _workflows_of(thread: MarkedThread) -> list[str]:
    """Turns before their late appends: whatever a turn began before it was seen to have ended is seen too."""
    turns = [turn.workflow_id for turn in thread.turns]
    return turns + [remember_turn_workflow_id(turn.turn_id) for turn in thread.turns]


def _may_one_still_start(thread: MarkedThread, phases: dict[str, RunPhase]) -> bool:
    """A turn accepted before the mark, of which Temporal knows nothing yet: its start is a matter of seconds."""
    return datetime.now(UTC) < thread.marked_at + START_GRACE and any(
        turn.may_be_on_its_way and phases[turn.workflow_id] is RunPhase.UNKNOWN for turn in thread.turns
    )
