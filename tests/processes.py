"""Parts of the product as processes of their own, for tests that kill them."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.client import Client

from settings import Settings
from tests.running_stack import environment_of


class ProductProcess:
    """A process and what it has logged; its log is always read, since a full pipe would stop it."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._log: list[bytes] = []
        self._logged = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        return self._process.pid

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._logged:
                self._log.append(line)
                self._logged.notify_all()
        async with self._logged:
            self._log.append(b"")
            self._logged.notify_all()

    async def until_logged(self, event: str) -> None:
        """Its own log line says that it is so far."""
        async with self._logged:
            await self._logged.wait_for(lambda: any(event.encode() in line or not line for line in self._log))
        assert any(event.encode() in line for line in self._log), f"the process ended before {event}"

    async def ended(self) -> int:
        """The exit code, negative for the signal that ended it."""
        return await self._process.wait()

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading


@asynccontextmanager
async def product_process(settings: Settings, temporal: Client, *command: str) -> AsyncIterator[ProductProcess]:
    """`python -m command` with these settings; killed at the end of the block if it still runs."""
    process = ProductProcess(
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *command,
            env=environment_of(settings, temporal),
            stdout=asyncio.subprocess.PIPE,
        )
    )
    try:
        yield process
    finally:
        await process.kill()
