"""Memory steps: what was known before the turn, and the turn itself afterwards."""

from temporalio import activity

from activities.failures import typed_failures
from activities.heartbeat import heartbeating
from activities.step_budget import StepBudget
from domain.errors import MemoryUnavailable
from domain.memory import CreateMemoryInput, FetchMemoryInput, MemoryContext, MemoryWritten, memory_batch
from domain.ports import Memory


class MemoryActivities:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @activity.defn
    async def fetch_memory(self, input: FetchMemoryInput) -> MemoryContext:
        """Read before this turn's message is written, so the message is never its own context."""
        budget = StepBudget.of_this_attempt()
        with typed_failures(budget):
            async with budget.enforced(MemoryUnavailable):
                return await self._memory.fetch_context(input.user_id, input.thread_id, budget=budget.seconds)

    @activity.defn
    async def create_memory(self, input: CreateMemoryInput) -> MemoryWritten:
        """Store both texts of the turn in one batch, the same batch on every try."""
        batch = memory_batch(input)
        if batch:
            budget = StepBudget.of_one_try()  # nobody waits for this step, so its tries share nothing
            with typed_failures(patient=input.patient):
                async with heartbeating(), budget.enforced(MemoryUnavailable):
                    await self._memory.append(input.user_id, input.thread_id, batch, budget=budget.seconds)
        return MemoryWritten(messages=len(batch))
