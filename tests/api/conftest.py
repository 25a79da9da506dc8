"""The running product, once for all tests of this room; each test is a user of its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.ports import free_port
from tests.running_stack import RunningStack, fill, running_api, running_stack, stack_settings


@pytest.fixture(scope="session")
async def stack(
    temporal: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningStack]:
    async with running_stack(tmp_path_factory.mktemp("stack"), temporal.client) as stack:
        yield stack


@pytest.fixture
async def idle_stack(own_temporal: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[RunningStack]:
    """An API without a worker; a test may start one."""
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port())
    await fill(settings.database_url)
    async with running_api(settings, own_temporal.client) as stack:
        yield stack


@pytest.fixture
def user() -> str:
    """Somebody nobody knows yet."""
    return f"user-{uuid4().hex[:12]}"
