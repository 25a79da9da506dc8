"""One child process of the stack: started, watched, stopped."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import IO

LAUNCHER = Path(__file__).with_name("launch.py")


class ChildProcess:
    """A process in a session of its own, so Ctrl-C at the terminal reaches the supervisor alone.

    Attributes:
        log: receives everything the process prints; the log of the run before is kept as `<name>.log.1`.
    """

    def __init__(self, name: str, command: tuple[str, ...], environment: dict[str, str], logs: Path) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        self._command = command
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        _keep_previous(self.log)

    async def start(self) -> None:
        with _appending(self.log) as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid())),
                *self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._started.pid

    async def ended(self) -> int:
        """Waits for the end and tells the exit code; negative is the number of the signal that ended it."""
        return await self._started.wait()

    async def stop(self, seconds: float) -> None:
        """TERM, and KILL to what is left of the process group after `seconds`."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), seconds)
        self._signal(signal.SIGKILL)
        await self._process.wait()

    def last_log_lines(self, count: int = 15) -> str:
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            return "".join(deque(lines, maxlen=count)).rstrip()

    @property
    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def _keep_previous(log: Path) -> None:
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))


def _appending(log: Path) -> IO[bytes]:
    return log.open("ab")
