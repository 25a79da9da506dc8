import asyncio
import os
import signal
import sys
from contextlib import suppress

import pytest

from devstack import supervision
from devstack.errors import StackError
from devstack.processes import ChildProcess
from devstack.supervision import keep_running, run_to_end


@pytest.fixture
def python_child(tmp_path):
    """Makes a child that runs a piece of Python."""

    def make(code: str) -> ChildProcess:
        return ChildProcess("worker", (sys.executable, "-c", code), dict(os.environ), tmp_path)

    return make


async def test_a_killed_child_is_started_again(python_child, eventually):
    """kill -9 of a child brings a new one, and a line says so."""
    said = []
    child = python_child("import signal\nwhile True: signal.pause()")
    await child.start()
    watching = asyncio.create_task(keep_running(child, said.append))
    killed = child.pid
    os.kill(killed, signal.SIGKILL)
    await eventually(lambda: child.pid != killed)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await child.stop(1)
    assert said == ["worker was ended by SIGKILL and is started again"]


async def test_three_quick_deaths_stop_the_stack_and_show_the_log(python_child, monkeypatch):
    """A child that cannot live is not started for ever; its log file and last lines are shown."""
    monkeypatch.setattr(supervision, "PAUSE_SECONDS", 0)
    said = []
    child = python_child("raise SystemExit('no such setting')")
    await child.start()
    with pytest.raises(StackError) as told:
        await keep_running(child, said.append)
    assert str(told.value).startswith("worker ended with code 1 3 times in a row")
    assert str(child.log) in str(told.value)
    assert "no such setting" in str(told.value)
    assert len(said) == 2


async def test_deaths_after_a_long_life_are_not_counted_together(python_child, monkeypatch, eventually):
    """A worker killed now and then is started every time."""
    monkeypatch.setattr(supervision, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(supervision, "QUICK_SECONDS", 0)
    said = []
    child = python_child("pass")
    await child.start()
    watching = asyncio.create_task(keep_running(child, said.append))
    await eventually(lambda: len(said) >= 5)
    assert not watching.done()
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await child.stop(1)


async def test_a_failed_migration_is_an_error_with_its_last_lines(python_child):
    """A one-time step that fails stops the start and shows why."""
    with pytest.raises(StackError, match="disk is full"):
        await run_to_end(python_child("raise SystemExit('disk is full')"))
