"""The bench as fixtures."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from adapters.database import Database
from tests.fakes import ScriptedStore
from tests.workflows.bench import TurnBench, empty_conversations


@pytest.fixture
async def idle_bench(temporal: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[TurnBench]:
    """A bench on which no worker runs yet."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/islanders.db")
    store = ScriptedStore(await empty_conversations(database))
    yield TurnBench(temporal.client, f"test-{uuid4()}", store)
    await database.close()


@pytest.fixture
async def bench(idle_bench: TurnBench) -> AsyncIterator[TurnBench]:
    async with idle_bench.worker():
        yield idle_bench
