"""Forgetting a thread everywhere: what runs in it, its record, its memory, the thread itself."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.forgetting import ForgettingActivities
    from domain.forgetting import ForgetThreadInput, ForgottenRecord, ForgottenThread, StoppedTurns
    from domain.memory import MemoryMode
    from workflows import options


@workflow.defn
class ForgetThreadWorkflow:
    """Begins with a thread that is marked as forgotten; does nothing to any other.

    Ends when nothing is left of it. Until then its marked row keeps it from being made anew.
    """

    @workflow.run
    async def run(self, input: ForgetThreadInput) -> ForgottenThread:
        if not await self._until_quiet(input):
            return ForgottenThread(thread_id=input.thread_id)
        record: ForgottenRecord = await workflow.execute_activity_method(
            ForgettingActivities.forget_record, input, **options.FORGET_RECORD
        )
        if input.memory_mode is not MemoryMode.OFF:
            await workflow.execute_activity_method(
                ForgettingActivities.forget_memory, input, **options.FORGET_MEMORY
            )
        await workflow.execute_activity_method(ForgettingActivities.forget_thread, input, **options.FORGET_THREAD)
        return ForgottenThread(thread_id=input.thread_id, **record.model_dump())

    async def _until_quiet(self, input: ForgetThreadInput) -> bool:
        """Stop what runs and let late calls come in; tells whether there is a thread to forget.

        Looks again after each pause, for what a dying turn has begun in it.
        """
        while True:
            stopped: StoppedTurns = await workflow.execute_activity_method(
                ForgettingActivities.stop_turns, input, **options.FORGET_STOP
            )
            if stopped.quiet_from is None or stopped.quiet_from <= workflow.now():
                return stopped.is_marked
            await workflow.sleep(stopped.quiet_from - workflow.now())
