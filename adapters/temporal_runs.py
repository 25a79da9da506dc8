"""Looking at, stopping and ending the workflows of other turns. Implements domain.ports.TurnRuns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.conversation import RunPhase, TurnRun
from domain.errors import WorkflowsUnavailable
from domain.names import TURN_CANCELLED, TURN_FAILED, TURN_LOST, TURN_TERMINATED, TURN_TIMED_OUT

ERROR_CODE_OF_STATUS = {
    WorkflowExecutionStatus.FAILED: TURN_FAILED,
    WorkflowExecutionStatus.CANCELED: TURN_CANCELLED,
    WorkflowExecutionStatus.TERMINATED: TURN_TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT: TURN_TIMED_OUT,
}

CALL_TIMEOUT = timedelta(milliseconds=700)
LONGEST_CALL_SECONDS = 0.8
"""Bounds the first connect of a lazy client as well, which the timeout of a call does not."""

PHASE_OF_STATUS = {
    WorkflowExecutionStatus.RUNNING: RunPhase.RUNNING,
    WorkflowExecutionStatus.CONTINUED_AS_NEW: RunPhase.RUNNING,
    WorkflowExecutionStatus.COMPLETED: RunPhase.COMPLETED,
    WorkflowExecutionStatus.FAILED: RunPhase.BROKEN,
    WorkflowExecutionStatus.CANCELED: RunPhase.BROKEN,
    WorkflowExecutionStatus.TERMINATED: RunPhase.BROKEN,
    WorkflowExecutionStatus.TIMED_OUT: RunPhase.BROKEN,
}


class TemporalRuns:
    """Raises WorkflowsUnavailable when Temporal does not answer."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def look(self, workflow_id: str) -> TurnRun:
        async with _answering():
            seen = await self._client.get_workflow_handle(workflow_id).describe(rpc_timeout=CALL_TIMEOUT)
            info = seen.raw_description.workflow_execution_info
            return TurnRun(
                phase=PHASE_OF_STATUS.get(seen.status, RunPhase.RUNNING) if seen.status else RunPhase.RUNNING,
                progress=info.history_length + info.state_transition_count,
                error_code=ERROR_CODE_OF_STATUS.get(seen.status, TURN_LOST) if seen.status else TURN_LOST,
            )
        return TurnRun(phase=RunPhase.UNKNOWN)

    async def cut_off_at(self, workflow_id: str) -> datetime | None:
        async with _answering():
            seen = await self._client.get_workflow_handle(workflow_id).describe(rpc_timeout=CALL_TIMEOUT)
            return seen.close_time if seen.status and PHASE_OF_STATUS.get(seen.status) is RunPhase.BROKEN else None
        return None

    async def stop(self, workflow_id: str) -> bool:
        async with _answering():
            await self._client.get_workflow_handle(workflow_id).cancel(rpc_timeout=CALL_TIMEOUT)
            return True
        return False

    async def forget(self, workflow_id: str) -> None:
        async with _answering():
            await self._client.workflow_service.delete_workflow_execution(
                DeleteWorkflowExecutionRequest(
                    namespace=self._client.namespace,
                    workflow_execution=WorkflowExecution(workflow_id=workflow_id),
                ),
                timeout=CALL_TIMEOUT,
            )

    async def terminate(self, workflow_id: str, reason: str) -> None:
        async with _answering():
            handle = self._client.get_workflow_handle(workflow_id)
            await handle.terminate(reason=reason, rpc_timeout=CALL_TIMEOUT)


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Ends the block quietly when Temporal does not know the workflow.

    A server that is away is an RPCError from a live client, a RuntimeError from one never connected, and
    silence from one that is frozen.
    """
    try:
        async with asyncio.timeout(LONGEST_CALL_SECONDS):
            yield
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise WorkflowsUnavailable(error.status.name) from error
    except (RuntimeError, TimeoutError) as error:
        raise WorkflowsUnavailable(type(error).__name__) from error
