"""The running product, once for all tests of this room; each test is a user of its own."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.running_stack import RunningStack, running_stack


@pytest.fixture(scope="session")
async def stack(
    temporal: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningStack]:
    async with running_stack(tmp_path_factory.mktemp("stack"), temporal.client) as stack:
        yield stack


@pytest.fixture
def user() -> str:
    """Somebody nobody knows yet."""
    return f"user-{uuid4().hex[:12]}"
