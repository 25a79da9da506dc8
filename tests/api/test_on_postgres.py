"""The product over PostgreSQL, as in production."""

import asyncio

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.eventually import eventually
from tests.ports import free_port
from tests.postgres_server import PostgresServer
from tests.running_stack import RunningStack, fill, running_api, stack_settings


@pytest.mark.postgres
async def test_a_conversation_runs_on_postgres(
    own_temporal: WorkflowEnvironment, postgres: PostgresServer
) -> None:
    """Turns of one thread keep their order and memory, parallel threads do not disturb each other."""
    settings = stack_settings(postgres.new_database(), free_port())
    await fill(settings.database_url)
    async with running_api(settings, own_temporal.client) as stack, stack.working():

        async def conversation(user: str) -> list[int]:
            results = [
                (await stack.say(user, message)).json()["result"]
                for message in ("I need an apartment", "Kyrenia 500 pounds", "long term", "more")
            ]
            assert all(result["degraded"] == [] for result in results)
            return [len(result["recommendations"]) for result in results]

        talks = await asyncio.gather(*(conversation(f"user-{number}") for number in range(4)))
        turn_id = (await stack.say("ada", "2 bedroom apartments in Girne, long term")).json()["turn_id"]
        events = await stack.events("ada", turn_id)
        await eventually(lambda: is_ready(stack))
    assert all(talk == talks[0] for talk in talks)
    assert talks[0][2] >= 6
    assert events[-1].event == "end"


async def is_ready(stack: RunningStack) -> bool:
    return (await stack.http.get("/api/health/ready")).status_code == 200
