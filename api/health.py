"""Is this process alive, and can the whole service answer a message?"""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from temporalio.api.workflowservice.v1 import ListWorkersRequest
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.build_identity import build_id
from adapters.conversations_sql import ConversationsSQL
from adapters.temporal import WORKER_HEARTBEAT
from domain.errors import ChatError
from domain.names import CHAT_TURNS
from settings import Settings

router = APIRouter(tags=["health"])

CHECK_SECONDS: Final = 1.5
WORKER_IS_GONE_AFTER: Final = 3 * WORKER_HEARTBEAT


class Probe(Protocol):
    async def probe(self) -> None: ...


class State(StrEnum):
    OK = "ok"
    DOWN = "down"


class Check(BaseModel):
    state: State
    reason: str | None = None


class Live(BaseModel):
    status: str = "alive"


class Ready(BaseModel):
    """`ready` is true when every part is up."""

    ready: bool
    build_id: str
    config: str
    checks: dict[str, Check]


@router.get("/api/health/live")
async def live() -> Live:
    return Live()


@router.get("/api/health/ready", responses={503: {"model": Ready, "description": "some part is down"}})
async def ready(request: Request) -> JSONResponse:
    """Temporal, a live worker on the task queue, the database and memory, each with its state."""
    state = request.app.state
    conversations: ConversationsSQL = state.conversations
    memory: Probe = state.memory
    settings: Settings = state.settings
    names = ("temporal", "worker", "database", "memory")
    checks = await asyncio.gather(
        _check(_temporal_answers(state.temporal)),
        _check(_a_worker_lives(state.temporal)),
        _check(conversations.ping()),
        _check(memory.probe()),
    )
    all_ok = all(check.state is State.OK for check in checks)
    body = Ready(
        ready=all_ok,
        build_id=build_id(),
        config=settings.fingerprint,
        checks=dict(zip(names, checks, strict=True)),
    )
    return JSONResponse(body.model_dump(mode="json"), status_code=200 if all_ok else 503)


async def _check(asking: Awaitable[None]) -> Check:
    try:
        await asyncio.wait_for(asking, CHECK_SECONDS)
    except ChatError as error:
        return Check(state=State.DOWN, reason=error.code())
    except (RPCError, RuntimeError):
        return Check(state=State.DOWN, reason="temporal_not_reachable")
    except TimeoutError:
        return Check(state=State.DOWN, reason="no_answer_in_time")
    return Check(state=State.OK)


async def _temporal_answers(client: Client) -> None:
    await client.service_client.check_health(timeout=timedelta(seconds=CHECK_SECONDS))


class NoLiveWorker(ChatError):
    pass


async def _a_worker_lives(client: Client) -> None:
    """By its heartbeat: a poller stays listed for minutes, and "running" for ever, after a worker was killed."""
    request = ListWorkersRequest(namespace=client.namespace, page_size=100, query=f"TaskQueue='{CHAT_TURNS}'")
    listed = await client.workflow_service.list_workers(request, timeout=timedelta(seconds=CHECK_SECONDS))
    now = datetime.now(UTC)
    for worker in listed.workers_info:
        beat = worker.worker_heartbeat.heartbeat_time.ToDatetime(tzinfo=UTC)
        if now - beat < WORKER_IS_GONE_AFTER:
            return
    raise NoLiveWorker
