"""SIGKILL of the worker at every moment of a turn that leaves something half done."""

import sys
import time
from pathlib import Path

import pytest
from sqlmodel import func, select
from temporalio.testing import WorkflowEnvironment

from adapters.database import Database
from adapters.tables import MessageRow
from settings import Settings
from tests.dying_worker import MOMENTS
from tests.ports import free_port
from tests.processes import product_process
from tests.running_stack import fill, running_api, stack_settings
from zep_local.tables import ZepMessageRow

PROMISED_SECONDS = 5.0
"""From the new worker's start of work to the turn's end; a busy test machine gets three times as long."""


@pytest.mark.timeout(90)
@pytest.mark.parametrize("time_of_three", [1, *(pytest.param(n, marks=pytest.mark.prove) for n in (2, 3))])
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_killed_worker_costs_nothing(
    own_temporal: WorkflowEnvironment, tmp_path: Path, moment: str, time_of_three: int
) -> None:
    """Killed and started again, a turn ends with one reply, one stored pair and one pair in memory."""
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port())
    await fill(settings.database_url)
    async with running_api(settings, own_temporal.client) as stack:
        async with product_process(settings, own_temporal.client, "tests.dying_worker", moment) as dying:
            turn_id = (await stack.post("ada", "2 bedroom apartments in Girne, long term")).json()["turn_id"]
            assert await dying.ended() == -9
        async with product_process(settings, own_temporal.client, "worker_main") as worker:
            await worker.until_logged("worker_started")
            works_since = time.monotonic()
            events = await stack.events("ada", turn_id)
            took = time.monotonic() - works_since
            ended = await stack.until_ended("ada", turn_id)
        sys.stdout.write(f"killed {moment}: went on in {took:.1f} s\n")
        assert took < 3 * PROMISED_SECONDS
        assert (ended["status"], ended["result"]["degraded"]) == ("completed", [])
        assert len(ended["result"]["recommendations"]) > 0
        assert [event.event for event in events].count("result") == 1
        assert events[-1].event == "end"
        await one_pair_each(settings, turn_id)


async def one_pair_each(settings: Settings, turn_id: str) -> None:
    database = Database(settings.database_url)
    async with database.reading() as session:
        stored = (
            await session.exec(
                select(MessageRow.role).where(MessageRow.turn_id == turn_id).order_by(MessageRow.role)
            )
        ).all()
        remembered = (await session.exec(select(func.count()).select_from(ZepMessageRow))).one()
    await database.close()
    assert (list(stored), remembered) == (["assistant", "user"], 2)
