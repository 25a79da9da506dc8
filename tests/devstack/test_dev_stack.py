"""The one command from its start to its end, as a user runs it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ISLANDERS = Path(sys.executable).with_name("islanders")
STOP_SECONDS = 15
"""Promised are five; a test machine may be busy, but not three times as slow."""

pytestmark = pytest.mark.timeout(240)


class DevStack:
    """`islanders dev` on a home and ports of its own."""

    def __init__(self, home: Path, free_port: Callable[[], int]) -> None:
        self.home = home
        self.api_port = free_port()
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("ISLANDERS_", "TEMPORAL_"))
            },
            "ISLANDERS_HOME": str(home),
            "ISLANDERS_PORT": str(self.api_port),
            "ISLANDERS_TEMPORAL_PORT": str(free_port()),
            "ISLANDERS_TEMPORAL_UI_PORT": str(free_port()),
        }
        self.output = home.with_suffix(".out")

    def start(self) -> None:
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [ISLANDERS, "dev"], env=self.environment, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.output.read_text()
        return "Ctrl-C stops everything." in self.output.read_text()

    def send(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ISLANDERS, *arguments], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture
def stack(tmp_path, free_port) -> Iterator[DevStack]:
    """A stack that is not started yet, and is ended after the test whatever happened."""
    (tmp_path / "home").mkdir()
    stack = DevStack(tmp_path / "home", free_port)
    yield stack
    if stack.process.poll() is None:
        stack.send(signal.SIGTERM)


async def test_the_stack_answers_a_chat_and_leaves_nothing_behind(stack, eventually, processes_with):
    """One command to a reply with cards; SIGTERM ends every process; turns and tokens outlive the restart."""
    stack.start()
    await eventually(lambda: stack.is_ready)
    reply = stack.run("chat", "2 bedroom apartments in Girne, long term")
    assert reply.returncode == 0, reply.stderr
    assert re.search(r"^- .+ / month", reply.stdout, re.MULTILINE), reply.stdout
    answer = json.loads(_pasted_example(stack))
    assert answer["result"]["response_text"]
    token = _token(stack)

    assert stack.send(signal.SIGTERM) == 0
    assert processes_with(f"ISLANDERS_HOME={stack.home}") == []

    stack.start()
    await eventually(lambda: stack.is_ready)
    assert _read(stack, answer["links"]["turn"], token)["result"] == answer["result"]
    stack.send(signal.SIGKILL)
    await eventually(lambda: not processes_with(f"ISLANDERS_HOME={stack.home}"))


async def test_a_killed_worker_comes_back_and_a_second_stack_is_refused(stack, eventually, processes_with):
    """kill -9 of the worker costs a line of output, not a turn; a second start says who is there."""
    stack.start()
    await eventually(lambda: stack.is_ready)
    worker = next(pid for pid in processes_with(f"ISLANDERS_HOME={stack.home}") if _runs(pid, "worker_main"))
    os.kill(worker, signal.SIGKILL)
    reply = stack.run("chat", "what do you have?")
    assert reply.returncode == 0, reply.stderr
    assert "worker was ended by SIGKILL and is started again" in stack.output.read_text()

    second = stack.run("dev")
    assert second.returncode == 1
    assert f"(pid {stack.process.pid})" in second.stderr
    assert len(second.stderr.splitlines()) == 1


async def test_ctrl_c_during_the_start_leaves_nothing_behind(stack, eventually, processes_with):
    """Stopping before the stack was ready is as clean as after."""
    stack.start()
    await eventually(lambda: "Starting Temporal" in stack.output.read_text())
    assert stack.send(signal.SIGINT) == 0
    assert processes_with(f"ISLANDERS_HOME={stack.home}") == []


def _pasted_example(stack: DevStack) -> str:
    """What the printed curl lines answer when they are pasted into a shell."""
    lines = stack.output.read_text().partition("or by hand:")[2].partition("Ctrl-C")[0]
    return subprocess.run(
        ["/bin/sh", "-euc", lines], capture_output=True, text=True, timeout=60, check=True
    ).stdout


def _token(stack: DevStack) -> str:
    answer = httpx.post(
        f"http://127.0.0.1:{stack.api_port}/api/token/", json={"username": "demo", "password": "demo"}, timeout=10
    )
    return str(answer.json()["access"])


def _read(stack: DevStack, path: str, token: str) -> dict[str, Any]:
    answer = httpx.get(
        f"http://127.0.0.1:{stack.api_port}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    body: dict[str, Any] = answer.json()
    return body


def _runs(pid: int, module: str) -> bool:
    return module.encode() in (Path("/proc") / str(pid) / "cmdline").read_bytes()
