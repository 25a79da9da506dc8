"""The worker: wires the adapters, registers workflows and activities, runs until SIGTERM."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
import uvloop
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.forgetting import ForgettingActivities
from activities.listings import ListingActivities
from activities.memory import MemoryActivities
from activities.reply import ReplyActivities
from activities.turns import TurnActivities
from activities.understanding import UnderstandingActivities
from adapters.build_identity import build_id
from adapters.conversations_sql import ConversationsSQL, TurnLimits
from adapters.database import Database
from adapters.forgetting_sql import ForgettingSQL
from adapters.language_model import LanguageModel
from adapters.listing_api import ListingAPI
from adapters.logs import log_as_json
from adapters.temporal import connect
from adapters.temporal_runs import TemporalRuns
from adapters.zep import ZepMemory
from domain.names import CHAT_TURNS
from domain.ports import ConversationStore, ForgettingStore, ListingSearch, Memory, TurnRuns
from domain.turn import Versions
from settings import Settings
from workflows import options
from workflows.chat_turn import ChatTurnWorkflow
from workflows.forget_thread import ForgetThreadWorkflow
from workflows.remember_turn import RememberTurnWorkflow

log = structlog.get_logger("islanders.worker")


def build_worker(
    client: Client,
    *,
    store: ConversationStore,
    forgetting: ForgettingStore,
    runs: TurnRuns,
    memory: Memory,
    search: ListingSearch,
    settings: Settings,
    replies: ReplyActivities | None = None,
    task_queue: str = CHAT_TURNS,
) -> Worker:
    """A worker over any implementation of the ports; tests hand in ports that fail."""
    versions = Versions(build_id=build_id(), config=settings.fingerprint)
    turns = TurnActivities(store, runs, versions)
    memories = MemoryActivities(memory)
    forgets = ForgettingActivities(forgetting, runs, memory)
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[ChatTurnWorkflow, RememberTurnWorkflow, ForgetThreadWorkflow],
        activities=[
            turns.open_turn,
            turns.close_turn,
            UnderstandingActivities().understand_message,
            memories.fetch_memory,
            memories.create_memory,
            forgets.stop_turns,
            forgets.forget_record,
            forgets.forget_memory,
            forgets.forget_thread,
            ListingActivities(search).search_listings,
            (replies or ReplyActivities()).generate_reply,
        ],
        # Everything is passed through, which keeps the checks on banned calls and saves importing the
        # product anew for every workflow.
        workflow_runner=SandboxedWorkflowRunner(
            restrictions=SandboxRestrictions.default.with_passthrough_all_modules()
        ),
        max_concurrent_workflow_tasks=options.MAX_CONCURRENT_WORKFLOW_TASKS,
        sticky_queue_schedule_to_start_timeout=options.STICKY_QUEUE_TIMEOUT,
        max_heartbeat_throttle_interval=options.HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=timedelta(seconds=settings.worker_shutdown_seconds),
    )


async def run(settings: Settings) -> None:
    """Connect, work, and leave when told to; running activities may finish first."""
    stopping = _stop_on_signals()
    client = await _connect_when_possible(stopping)
    if client is None:
        return
    async with working(client, settings):
        log.info("worker_started", build_id=build_id(), config=settings.fingerprint, task_queue=CHAT_TURNS)
        await stopping.wait()
    log.info("worker_stopped")


@asynccontextmanager
async def working(client: Client, settings: Settings) -> AsyncIterator[None]:
    """A worker on the real adapters, for as long as the block runs."""
    database = Database(settings.database_url)
    memory = ZepMemory(
        settings.zep_base_url, settings.zep_api_key.get_secret_value(), timeout=settings.zep_timeout_ms / 1000
    )
    search = ListingAPI(settings.listings_base_url)
    model = _reply_model(settings)
    limits = TurnLimits(settings.new_turns_per_minute, settings.open_turns_per_user)
    worker = build_worker(
        client,
        store=ConversationsSQL(database, limits),
        forgetting=ForgettingSQL(database),
        runs=TemporalRuns(client),
        memory=memory,
        search=search,
        settings=settings,
        replies=ReplyActivities(model),
    )
    async with worker:
        yield
    for owned in (memory, search, model, database):
        if owned is not None:
            await owned.close()


def _reply_model(settings: Settings) -> LanguageModel | None:
    if not settings.reply_model or not settings.reply_model_base_url:
        return None
    return LanguageModel(
        settings.reply_model_base_url, settings.reply_model, settings.reply_model_api_key.get_secret_value()
    )


async def _connect_when_possible(stopping: asyncio.Event) -> Client | None:
    """A worker that starts before its server waits for it instead of dying."""
    while not stopping.is_set():
        try:
            return await connect(identity=f"worker-{os.getpid()}@{build_id()}")
        except RuntimeError:
            log.warning("temporal_not_reachable")
            await _pause(stopping, seconds=0.5)
    return None


async def _pause(stopping: asyncio.Event, *, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


def _stop_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopping.set)
    return stopping


def main() -> None:
    log_as_json(logging.INFO, stream=sys.stdout)
    # The message stays a constant; workflow and activity are fields of the line.
    activity.logger.activity_info_on_message = False
    workflow.logger.workflow_info_on_message = False
    uvloop.run(run(Settings()))


if __name__ == "__main__":
    main()
