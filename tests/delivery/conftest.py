"""The product over a scripted provider of replies."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.openai_server import OpenAIServer
from tests.running_stack import RunningStack, running_stack


@pytest.fixture
async def provider() -> AsyncIterator[OpenAIServer]:
    """Give it answers; it listens at `provider.base_url`."""
    server = OpenAIServer()
    async with server.listening() as base_url:
        server.base_url = base_url
        yield server


@pytest.fixture
async def stack(
    own_temporal: WorkflowEnvironment, tmp_path: Path, provider: OpenAIServer
) -> AsyncIterator[RunningStack]:
    """API and worker whose replies the provider writes."""
    async with running_stack(
        tmp_path, own_temporal.client, reply_model_base_url=provider.base_url, reply_model="scripted"
    ) as stack:
        yield stack
