"""The whole stack by one command: Temporal with its Web UI, the database, a worker and the API."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from devstack.addresses import Addresses, addresses_of, wanted_ports
from devstack.announcement import announcement
from devstack.environment import children_environment
from devstack.errors import StackError
from devstack.lock import only_stack_of
from devstack.ports import check_ports
from devstack.processes import ChildProcess
from devstack.readiness import stack_is_ready
from devstack.secrets import keep_secrets
from devstack.supervision import keep_running, run_to_end
from devstack.temporal_server import start_dev_command, temporal_serves
from settings import Settings

APPLICATION_STOP_SECONDS = 3.0
TEMPORAL_STOP_SECONDS = 1.5
"""Measured 1.05 s. Both together stay under the five seconds a Ctrl-C may take."""

Say = Callable[[str], None]


def run_stack(settings: Settings, say: Say) -> None:
    """Runs until SIGINT, SIGTERM or SIGHUP. Raises StackError when the stack cannot start or go on."""
    os.umask(0o077)  # databases and logs hold conversations: for this user's eyes only
    home = settings.islanders_home.resolve()
    try:
        (home / "logs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"ISLANDERS_HOME: {home} cannot be used as a folder ({error.strerror})") from error
    with only_stack_of(home):
        check_ports(wanted_ports(settings))
        addresses = addresses_of(settings)
        environment = children_environment(settings, addresses, home, keep_secrets(home))
        asyncio.run(Stack(settings, addresses, home, environment, say).run_until_stopped())


class Stack:
    """The children and their order: Temporal first and last, worker and API between."""

    def __init__(
        self, settings: Settings, addresses: Addresses, home: Path, environment: dict[str, str], say: Say
    ) -> None:
        self._settings, self._addresses, self._home, self._say = settings, addresses, home, say
        logs = home / "logs"
        server = start_dev_command(
            settings.islanders_temporal_port, settings.islanders_temporal_ui_port, home / "temporal.db"
        )
        self._temporal = ChildProcess("temporal", server, environment, logs)
        self._migration = ChildProcess("migration", _module("migrations", "--seed"), environment, logs)
        self._worker = ChildProcess("worker", _module("worker_main"), environment, logs)
        self._api = ChildProcess("api", _module("api.main"), environment, logs)

    async def run_until_stopped(self) -> None:
        stop_asked = _stop_asked()
        serving = asyncio.create_task(self._serve())
        waiting = asyncio.create_task(stop_asked.wait())
        try:
            await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if stop_asked.is_set():
                self._say("Stopping.")
            await _end(serving)
        finally:
            waiting.cancel()
            await self._stop()

    async def _serve(self) -> None:
        """Runs until it is cancelled or a child cannot be kept running."""
        async with asyncio.TaskGroup() as children:
            await self._temporal.start()
            children.create_task(keep_running(self._temporal, self._say))
            self._say("Starting Temporal, migrating the database.")
            await asyncio.gather(temporal_serves(self._addresses.temporal), run_to_end(self._migration))
            self._say("Starting the worker and the API.")
            for child in (self._worker, self._api):
                await child.start()
                children.create_task(keep_running(child, self._say))
            await stack_is_ready(self._addresses.api)
            self._say(announcement(self._settings, self._addresses, self._home))

    async def _stop(self) -> None:
        application = (self._migration, self._worker, self._api)
        await asyncio.gather(*(child.stop(APPLICATION_STOP_SECONDS) for child in application))
        await self._temporal.stop(TEMPORAL_STOP_SECONDS)


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    # -P: a folder named api/ where the user happens to stand must not be taken for ours.
    return (sys.executable, "-P", "-m", name, *arguments)


def _stop_asked() -> asyncio.Event:
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup a closed terminal shall not end the stack.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked


async def _end(serving: asyncio.Task[None]) -> None:
    """Cancels what still runs; of several children that failed, the first is told."""
    serving.cancel()
    try:
        with suppress(asyncio.CancelledError):
            await serving
    except ExceptionGroup as group:
        failures = [error for error in group.exceptions if isinstance(error, StackError)]
        raise (failures or group.exceptions)[0] from None
