"""A bench to run turns on: a worker over scripted ports, and a hand in each of them."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from adapters.conversations_sql import ConversationsSQL, TurnLimits
from adapters.database import Database
from adapters.forgetting_sql import ForgettingSQL
from adapters.tables import CHAT_METADATA
from adapters.temporal_runs import TemporalRuns
from domain.errors import NotFound
from domain.names import chat_turn_workflow_id, turn_id_for
from domain.thread import Language
from domain.turn import ChatTurnInput, ChatTurnResult, OnBusy, TurnStatus
from settings import Settings
from tests.eventually import eventually
from tests.fakes import ScriptedForgetting, ScriptedMemory, ScriptedReplies, ScriptedSearch, ScriptedStore
from worker_main import build_worker
from workflows import options
from workflows.chat_turn import ChatTurnWorkflow

FIND_A_FLAT = "2 bedroom apartments in Girne for long-term rent"


@dataclass
class TurnBench:
    """Starts turns and reaches into every port they use."""

    client: Client
    task_queue: str
    store: ScriptedStore
    memory: ScriptedMemory = field(default_factory=ScriptedMemory)
    search: ScriptedSearch = field(default_factory=ScriptedSearch)
    replies: ScriptedReplies = field(default_factory=ScriptedReplies)
    user_id: str = "ada"
    thread_id: str = field(default_factory=lambda: str(uuid4()))

    def __post_init__(self) -> None:
        self.forgetting = ScriptedForgetting(ForgettingSQL(self.store.database))

    async def start(
        self,
        message: str = FIND_A_FLAT,
        *,
        on_busy: OnBusy = OnBusy.ENQUEUE,
        language: Language | None = None,
        **started_with: object,
    ) -> WorkflowHandle[ChatTurnWorkflow, ChatTurnResult]:
        client_msg_id = str(uuid4())
        return await self.client.start_workflow(
            ChatTurnWorkflow.run,
            ChatTurnInput(
                user_id=self.user_id,
                message=message,
                thread_id=self.thread_id,
                client_msg_id=client_msg_id,
                language=language,
                on_busy=on_busy,
            ),
            id=chat_turn_workflow_id(turn_id_for(self.thread_id, client_msg_id)),
            task_queue=self.task_queue,
            task_timeout=options.TURN_TASK_TIMEOUT,
            execution_timeout=timedelta(minutes=5),
            **started_with,
        )

    def worker(self) -> Worker:
        return build_worker(
            self.client,
            store=self.store,
            forgetting=self.forgetting,
            runs=TemporalRuns(self.client),
            memory=self.memory,
            search=self.search,
            settings=Settings(worker_shutdown_seconds=0),
            replies=self.replies,
            task_queue=self.task_queue,
        )

    async def status(self, handle: WorkflowHandle) -> TurnStatus | None:
        """As the database has it; nothing before the turn was opened."""
        turn_id = handle.id.removeprefix("chat-turn-")
        try:
            return (await self.store.store.read_turn(turn_id, self.user_id)).status
        except NotFound:
            return None

    async def until_waiting_or_ended(self, handle: WorkflowHandle) -> None:
        async def is_so() -> bool:
            status = await self.status(handle)
            return status is not None and (status is TurnStatus.QUEUED or status.is_final)

        await eventually(is_so)

    async def until_opened(self, handle: WorkflowHandle) -> None:
        await eventually(lambda: self.status(handle))


async def empty_conversations(database: Database) -> ConversationsSQL:
    """The chat's tables without any row, and no limits to speak of."""
    async with database.engine.begin() as connection:
        await connection.run_sync(CHAT_METADATA.create_all)
    return ConversationsSQL(database, TurnLimits(new_per_minute=10_000, open=10_000))
