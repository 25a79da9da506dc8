"""Starting the workflow that forgets a thread."""

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)

from api.turn_start import start_in_time
from domain.forgetting import ForgetThreadInput
from domain.memory import MemoryMode
from domain.names import CHAT_TURNS, forget_thread_workflow_id
from workflows import options, search_attributes
from workflows.forget_thread import ForgetThreadWorkflow


class ForgetStarter:
    """One run for each marked thread, whoever asks and however often."""

    def __init__(
        self, client: Client, *, memory_mode: MemoryMode, build_id: str, task_queue: str = CHAT_TURNS
    ) -> None:
        self._client = client
        self._memory_mode = memory_mode
        self._build_id = build_id
        self._task_queue = task_queue

    async def start(self, user_id: str, thread_id: str, *, newly_marked: bool) -> None:
        """Raises WorkflowsUnavailable when Temporal does not take it in time; starting again is safe.

        A run that is there when the mark is new belongs to an earlier thread of this id, whose row it has
        deleted: it is about to end, and would not see this mark any more.
        """
        conflict_policy = (
            WorkflowIDConflictPolicy.TERMINATE_EXISTING if newly_marked else WorkflowIDConflictPolicy.USE_EXISTING
        )
        async with start_in_time():
            await self._client.start_workflow(
                ForgetThreadWorkflow.run,
                ForgetThreadInput(user_id=user_id, thread_id=thread_id, memory_mode=self._memory_mode),
                id=forget_thread_workflow_id(thread_id),
                task_queue=self._task_queue,
                id_conflict_policy=conflict_policy,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                execution_timeout=options.FORGET_EXECUTION_TIMEOUT,
                task_timeout=options.TURN_TASK_TIMEOUT,
                static_summary="Forget a thread",
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(search_attributes.THREAD_ID, thread_id),
                        SearchAttributePair(search_attributes.BUILD_ID, self._build_id),
                    ]
                ),
            )
