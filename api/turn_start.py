"""Starting a turn's workflow."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.conversation import NewTurn
from domain.errors import WorkflowsUnavailable
from domain.memory import MemoryMode
from domain.names import CHAT_TURNS
from domain.turn import ChatTurnInput, ReplyMode
from workflows import options, search_attributes
from workflows.chat_turn import ChatTurnWorkflow

TRANSIENT = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.UNKNOWN,
        RPCStatusCode.INTERNAL,
    }
)


@asynccontextmanager
async def start_in_time() -> AsyncIterator[None]:
    """Bound the start of a workflow. Raises WorkflowsUnavailable when Temporal does not take it in time."""
    try:
        async with asyncio.timeout(options.START_SECONDS):
            yield
    except RPCError as error:
        if error.status in TRANSIENT:
            raise WorkflowsUnavailable(error.status.name) from error
        raise
    except (RuntimeError, TimeoutError) as error:  # a client that never connected raises RuntimeError
        raise WorkflowsUnavailable(type(error).__name__) from error


class TurnStarter:
    """Starts each turn at most once, whoever asks and however often."""

    def __init__(
        self,
        client: Client,
        *,
        memory_mode: MemoryMode,
        reply_mode: ReplyMode = ReplyMode.TEMPLATE,
        build_id: str,
        task_queue: str = CHAT_TURNS,
    ) -> None:
        self._client = client
        self._memory_mode = memory_mode
        self._reply_mode = reply_mode
        self._build_id = build_id
        self._task_queue = task_queue

    async def start(self, turn: NewTurn, *, is_new: bool) -> None:
        """Raises WorkflowsUnavailable when Temporal does not take it in time; starting again is safe.

        A turn whose row was made this moment is new whatever Temporal says: a closed workflow of the same id is
        of a thread that was deleted. Should it have been this one after all, open_turn answers its result.
        """
        # Already started: running or ended, either way this very turn.
        with contextlib.suppress(WorkflowAlreadyStartedError):
            async with start_in_time():
                await self._start(turn, is_new=is_new)

    async def _start(self, turn: NewTurn, *, is_new: bool) -> None:
        reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE if is_new else WorkflowIDReusePolicy.REJECT_DUPLICATE
        await self._client.start_workflow(
            ChatTurnWorkflow.run,
            ChatTurnInput(
                user_id=turn.user_id,
                message=turn.message,
                thread_id=turn.thread_id,
                client_msg_id=turn.client_msg_id,
                language=turn.language,
                on_busy=turn.on_busy,
                correlation_id=turn.correlation_id,
                memory_mode=self._memory_mode,
                reply_mode=self._reply_mode,
                regenerates=turn.regenerates,
                is_remembered=turn.is_remembered,
            ),
            id=turn.workflow_id,
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=reuse,
            execution_timeout=options.TURN_EXECUTION_TIMEOUT,
            task_timeout=options.TURN_TASK_TIMEOUT,
            static_summary="Chat turn",
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(search_attributes.THREAD_ID, turn.thread_id),
                    SearchAttributePair(search_attributes.BUILD_ID, self._build_id),
                ]
            ),
        )
