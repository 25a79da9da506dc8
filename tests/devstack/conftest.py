"""What the tests of the stack share: free ports, waiting for a condition, looking for left processes."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

PATIENCE_SECONDS = 30.0


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Gives ports that were free a moment ago."""

    def pick() -> int:
        with socket.create_server(("127.0.0.1", 0)) as server:
            return int(server.getsockname()[1])

    return pick


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Waits until the condition holds; fails the test when it never does."""

    async def wait(condition: Callable[[], object]) -> None:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < give_up, "the condition never came true"
            await asyncio.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def is_alive() -> Callable[[int], bool]:
    """Whether a process runs; one that ended and waits to be reaped does not."""

    def alive(pid: int) -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        return state != "Z"

    return alive


@pytest.fixture(scope="session")
def processes_with(is_alive) -> Callable[[str], list[int]]:
    """Pids of the running processes of this user whose environment holds NAME=value."""

    def find(entry: str) -> list[int]:
        wanted = entry.encode()
        return [
            int(process.name)
            for process in Path("/proc").iterdir()
            if process.name.isdigit() and wanted in _environment(process) and is_alive(int(process.name))
        ]

    return find


def _environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


@pytest.fixture
def without_settings(monkeypatch):
    """Nothing the developer exported decides a test."""
    for name in list(os.environ):
        if name.startswith(("ISLANDERS_", "TEMPORAL_", "ZEP_", "DATABASE_URL", "JWT_SECRET", "LISTINGS_")):
            monkeypatch.delenv(name)
