"""What happens when a child ends that should not."""

import asyncio
import signal
import time
from collections.abc import Callable

from devstack.errors import StackError
from devstack.processes import ChildProcess

QUICK_SECONDS = 10.0
"""A child that lived shorter than this died of its start."""

QUICK_DEATHS = 3
PAUSE_SECONDS = 0.3
"""Before each new start, so that three quick deaths do not pass within one hiccup."""


async def keep_running(child: ChildProcess, say: Callable[[str], None]) -> None:
    """Starts the child again whenever it ends. Raises StackError after three quick deaths in a row."""
    quick_deaths = 0
    while True:
        since = time.monotonic()
        code = await child.ended()
        quick_deaths = quick_deaths + 1 if time.monotonic() - since < QUICK_SECONDS else 0
        if quick_deaths == QUICK_DEATHS:
            raise StackError(_report(child, f"{child.name} {_how(code)} {QUICK_DEATHS} times in a row"))
        say(f"{child.name} {_how(code)} and is started again")
        await asyncio.sleep(PAUSE_SECONDS)
        await child.start()


async def run_to_end(child: ChildProcess) -> None:
    """Runs a child that has an end. Raises StackError when it does not end well."""
    await child.start()
    code = await child.ended()
    if code != 0:
        raise StackError(_report(child, f"{child.name} {_how(code)}"))


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def _report(child: ChildProcess, what: str) -> str:
    return f"{what}. The last lines of {child.log}:\n{child.last_log_lines()}"
