"""The Temporal dev server with its Web UI: how it is started, and when it is there."""

import asyncio
import sys
from pathlib import Path

from devstack.errors import StackError

# workflows/search_attributes.py uses them; a test compares the two.
SEARCH_ATTRIBUTES = {
    "ThreadId": "Keyword",
    "Agent": "Keyword",
    "TurnStatus": "Keyword",
    "Degraded": "KeywordList",
    "BuildId": "Keyword",
}

DYNAMIC_CONFIG = {
    # Its one shard loads transfer tasks 20 times a second unless told otherwise: most of a turn's latency.
    "history.transferProcessorMaxPollRPS": "5000",
    # Without it every retry and timer rounds up to about a second.
    "history.timerProcessorMaxTimeShift": '"10ms"',
    "system.forceSearchAttributesCacheRefreshOnRead": "false",
    "matching.useNewMatcher": "true",
    "matching.enableFairness": "true",
    # It would tell a server on the internet its version once a day.
    "frontend.enableServerVersionCheck": "false",
}

SQLITE_PRAGMAS = {"journal_mode": "wal", "synchronous": "normal"}

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.05


def start_dev_command(port: int, ui_port: int, database: Path) -> tuple[str, ...]:
    """On loopback only: the dev server asks nobody for a password."""
    return (
        str(Path(sys.executable).with_name("temporal")),
        *("server", "start-dev", "--ip", "127.0.0.1", "--port", str(port), "--ui-port", str(ui_port)),
        *("--db-filename", str(database)),
        # The dev server must not obey a profile that the user keeps for another cluster.
        *("--disable-config-file", "--disable-config-env", "--ui-disable-news-fetch"),
        *_repeated("--sqlite-pragma", SQLITE_PRAGMAS),
        *_repeated("--dynamic-config-value", DYNAMIC_CONFIG),
        *_repeated("--search-attribute", SEARCH_ATTRIBUTES),
    )


async def temporal_serves(address: str) -> None:
    """Returns once the server answers and knows the search attributes. Raises StackError after a minute."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                if await _serves(address):
                    return
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise StackError(f"Temporal did not answer on {address} within {WAIT_SECONDS:.0f} s") from error


async def _serves(address: str) -> bool:
    # Imported here because it takes half a second, which passes while the server starts.
    from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
    from temporalio.client import Client
    from temporalio.service import RPCError

    try:
        client = await Client.connect(address)
        if not await client.service_client.check_health():
            return False
        known = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except (RuntimeError, RPCError):  # connect() raises a bare RuntimeError when nobody listens
        return False
    return SEARCH_ATTRIBUTES.keys() <= known.custom_attributes.keys()


def _repeated(flag: str, values: dict[str, str]) -> tuple[str, ...]:
    return tuple(part for key, value in values.items() for part in (flag, f"{key}={value}"))
