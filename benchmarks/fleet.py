"""The product as processes of their own, for measurements; the scripted provider of replies runs here."""

import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from adapters.temporal import plugin, runtime
from api.auth import Tokens
from devstack.temporal_server import DYNAMIC_CONFIG, SQLITE_PRAGMAS
from settings import Settings
from tests.eventually import eventually
from tests.openai_server import OpenAIServer
from tests.ports import free_port
from tests.processes import product_process
from tests.running_stack import SECRET, fill, stack_settings
from workflows import search_attributes

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class API:
    """One API process and a client of it."""

    http: httpx.AsyncClient
    port: int
    pid: int

    @property
    def memory_kib(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    @property
    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


@dataclass
class Fleet:
    apis: tuple[API, ...]
    temporal: Client
    provider: OpenAIServer
    settings: Settings

    def as_user(self, user_id: str) -> dict[str, str]:
        tokens = Tokens(SECRET, access_lifetime=timedelta(hours=1), demo_user=False)
        return {"Authorization": f"Bearer {tokens.access(user_id)}"}


@asynccontextmanager
async def running_fleet(*, apis: int = 1, with_model: bool) -> AsyncIterator[Fleet]:
    """Everything on loopback, gone with the block. `with_model`: replies come from the scripted provider."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        provider = OpenAIServer()
        base_url = await stack.enter_async_context(provider.listening())
        environment = await stack.enter_async_context(await temporal_server(folder / "temporal.db", tuned=True))
        model = {"reply_model_base_url": base_url, "reply_model": "scripted"} if with_model else {}
        settings = stack_settings(
            f"sqlite+aiosqlite:///{folder}/islanders.db",
            free_port(),
            new_turns_per_minute=100_000,
            open_turns_per_user=10_000,
            **model,
        )
        await fill(settings.database_url)
        ports = [settings.islanders_port, *(free_port() for _ in range(apis - 1))]
        started = [await _start_api(stack, settings, port, environment.client) for port in ports]
        await stack.enter_async_context(product_process(settings, environment.client, "worker_main"))
        fleet = Fleet(tuple(started), environment.client, provider, settings)
        await eventually(lambda: _is_ready(started[0].http), within=60)
        yield fleet


async def temporal_server(database: Path, *, tuned: bool) -> WorkflowEnvironment:
    """The dev server, with the product's flags or with its own defaults."""
    flags = [("--dynamic-config-value", f"{name}={value}") for name, value in DYNAMIC_CONFIG.items()]
    flags += [("--sqlite-pragma", f"{name}={value}") for name, value in SQLITE_PRAGMAS.items()]
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sys.executable).parent / "temporal"),
        dev_server_database_filename=str(database),
        dev_server_extra_args=[part for flag in flags for part in flag] if tuned else [],
        dev_server_log_level="error",
        search_attributes=list(search_attributes.ALL) if tuned else [],
        plugins=[plugin()],
        runtime=runtime(),
    )


async def _start_api(stack: AsyncExitStack, settings: Settings, port: int, temporal: Client) -> API:
    own = settings.model_copy(update={"islanders_port": port})
    process = await stack.enter_async_context(product_process(own, temporal, "api.main"))
    http = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60))
    await eventually(lambda: _answers(http), within=30)
    return API(http, port, process.pid)


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/api/health/live")).status_code == 200
    except httpx.TransportError:
        return False


async def _is_ready(http: httpx.AsyncClient) -> bool:
    return (await http.get("/api/health/ready")).status_code == 200
