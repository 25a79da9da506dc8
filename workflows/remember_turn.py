"""A turn's late way into memory, when memory was down for longer than the turn could wait."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.memory import MemoryActivities
    from domain.memory import CreateMemoryInput, MemoryWritten
    from workflows import options


@workflow.defn
class RememberTurnWorkflow:
    """Outlives its turn and goes on for up to 24 hours; fixed message ids make every repeat harmless."""

    @workflow.run
    async def run(self, input: CreateMemoryInput) -> MemoryWritten:
        return await workflow.execute_activity_method(
            MemoryActivities.create_memory,
            input,
            **options.REMEMBER_LATE,
        )
