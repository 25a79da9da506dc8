import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.processes import ChildProcess

STUBBORN = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(os.getpid(), grandchild.pid, flush=True)
signal.pause()
"""

OBEDIENT = """
import signal, sys
def leave(*_):
    print("left in peace", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
while True:
    signal.pause()
"""

SUPERVISOR = """
import asyncio, os, sys
from pathlib import Path
from devstack.processes import ChildProcess

async def main():
    command = (sys.executable, "-c", sys.argv[2])
    child = ChildProcess("child", command, dict(os.environ), Path(sys.argv[1]))
    await child.start()
    await child.ended()

asyncio.run(main())
"""


@pytest.fixture
def python_child(tmp_path):
    """Makes a child that runs a piece of Python."""

    def make(code: str) -> ChildProcess:
        return ChildProcess("child", (sys.executable, "-c", code), dict(os.environ), tmp_path)

    return make


async def test_a_child_that_ignores_sigterm_is_killed_with_its_own_children(python_child, eventually, is_alive):
    """A stop ends within its deadline whatever the child does, and leaves nothing of its group."""
    child = python_child(STUBBORN)
    await child.start()
    await eventually(lambda: len(child.last_log_lines().split()) == 2)
    pids = [int(pid) for pid in child.last_log_lines().split()]
    async with asyncio.timeout(10):
        await child.stop(0.2)
    assert await child.ended() == -signal.SIGKILL
    await eventually(lambda: not any(is_alive(pid) for pid in pids))


async def test_a_child_gets_the_time_to_leave_by_itself(python_child, eventually):
    """TERM comes first and its handler runs to the end."""
    child = python_child(OBEDIENT)
    await child.start()
    await eventually(lambda: "ready" in child.last_log_lines())
    await child.stop(20)
    assert await child.ended() == 0
    assert "left in peace" in child.last_log_lines()


async def test_stopping_twice_or_before_the_start_is_harmless(python_child):
    """The stop of the stack needs not know how far its start came."""
    child = python_child("pass")
    await child.stop(1)
    await child.start()
    await child.ended()
    await child.stop(1)
    await child.stop(1)


async def test_ctrl_c_at_the_terminal_reaches_the_supervisor_only(python_child, eventually):
    """A child stands in a session of its own, so it is the supervisor that decides the order of stopping."""
    child = python_child(OBEDIENT)
    await child.start()
    assert os.getsid(child.pid) == child.pid
    await child.stop(20)


async def test_children_die_with_a_killed_supervisor(tmp_path, eventually, is_alive):
    """kill -9 of the supervisor leaves no process behind, not even one that ignores SIGTERM."""
    stubborn = "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid(), flush=True)\n"
    stubborn += "while True: signal.pause()"
    supervisor = await asyncio.create_subprocess_exec(sys.executable, "-c", SUPERVISOR, str(tmp_path), stubborn)
    log = tmp_path / "child.log"
    await eventually(lambda: log.exists() and log.read_text().strip())
    child = int(log.read_text())
    assert is_alive(child)
    supervisor.kill()
    await supervisor.wait()
    await eventually(lambda: not is_alive(child))


def test_a_child_whose_supervisor_is_gone_already_does_not_start():
    """The kernel tells nobody of a death before it was asked to; the launcher looks by itself."""
    launcher = Path("devstack/launch.py").resolve()
    nobody = "1" if os.getpid() != 1 else "2"
    ended = subprocess.run(
        [sys.executable, "-I", "-S", str(launcher), nobody, sys.executable, "-c", "print('started')"],
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, b"")


async def test_the_log_of_the_run_before_is_kept(python_child, tmp_path):
    """What a crashed stack wrote can still be read after the next start, and logs do not grow for ever."""
    first = python_child("print('first')")
    await first.start()
    await first.ended()
    second = python_child("print('second')")
    await second.start()
    await second.ended()
    assert (tmp_path / "child.log").read_text() == "second\n"
    assert (tmp_path / "child.log.1").read_text() == "first\n"
