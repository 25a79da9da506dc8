"""Random runs against a small reference model: every turn exactly one outcome, in the promised order."""

import asyncio
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.delivery import plans
from tests.delivery.run import Run, until_quiet
from tests.delivery.world import World, running_world
from tests.running_stack import migrated_database
from workflows import options

LANES = 4
"""Worlds side by side: a run waits more than it computes."""

LONGEST_RUN_SECONDS = 90
"""A run that hangs is told like one that fails."""

SMALL = range(60)
REST = [range(start, start + 55) for start in range(60, 500, 55)]


@pytest.fixture
def unhurried_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply is held for as long as a run likes."""
    monkeypatch.setitem(options.REPLY, "start_to_close_timeout", timedelta(minutes=5))


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("unhurried_replies")
@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(SMALL, id="first-60"),
        *(pytest.param(s, id=f"from-{s[0]}", marks=pytest.mark.prove) for s in REST),
    ],
)
async def test_every_turn_has_one_outcome_in_the_promised_order(
    temporal: WorkflowEnvironment, tmp_path: Path, seeds: range, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever users, connections, operators and machines do: one outcome, one reply, one memory, in order."""
    migrated = await migrated_database(tmp_path)
    waiting = iter(seeds)
    broken: list[str] = []
    await asyncio.gather(*(_lane(temporal, tmp_path, migrated, waiting, broken) for _ in range(LANES)))
    with capsys.disabled():
        sys.stdout.write(_distribution(seeds))
    assert not broken, "\n\n".join(broken)


async def _lane(
    temporal: WorkflowEnvironment, folder: Path, migrated: Path, seeds: Iterator[int], broken: list[str]
) -> None:
    async with running_world(temporal.client, folder, migrated) as world:
        for seed in seeds:
            broken += await _played(world, seed)


async def _played(world: World, seed: int) -> list[str]:
    operations = plans.plan(seed)
    try:
        async with asyncio.timeout(LONGEST_RUN_SECONDS):
            await Run(world).play(operations)
            await until_quiet(world)
    except Exception:  # noqa: BLE001 - every other run shall still be seen; this one is told at the end
        steps = "\n".join(f"  {operation}" for operation in operations)
        return [f"run {seed}:\n{steps}\n{traceback.format_exc()}"]
    return []


def _distribution(seeds: range) -> str:
    """What the runs were made of."""
    runs = [plans.plan(seed) for seed in seeds]
    operations = Counter(type(operation).__name__ for run in runs for operation in run)
    faulty = sum(any(isinstance(operation, plans.FAULTS) for operation in run) for run in runs)
    lengths = Counter(len(run) for run in runs)
    told = ", ".join(f"{name} {count}" for name, count in sorted(operations.items()))
    sizes = ", ".join(f"{length}: {lengths[length]}" for length in sorted(lengths))
    return f"\n{len(runs)} generated runs, {faulty} with a fault; operations a run: {sizes}\n  {told}\n"
