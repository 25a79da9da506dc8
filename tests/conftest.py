"""Fixtures every room shares: the real Temporal server, both databases, and the counts at the end."""

import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import settings as hypothesis_settings
from temporalio.testing import WorkflowEnvironment

from adapters.database import Database
from adapters.temporal import plugin, runtime
from devstack.temporal_server import DYNAMIC_CONFIG
from tests.fakes import ScriptedStore
from tests.postgres_server import PostgresServer, find_postgres
from tests.workflows.bench import TurnBench, empty_conversations
from workflows import search_attributes

hypothesis_settings.register_profile("small", max_examples=50, deadline=None)
hypothesis_settings.register_profile("full", max_examples=1000, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full-size", action="store_true", help="property tests at the sizes of `make prove`")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis_settings.load_profile("full" if config.getoption("--full-size") else "small")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = {
        "postgres": (find_postgres() is None, "no PostgreSQL server: apt-get install postgresql"),
        "browser": (find_chromium() is None, "no Chromium: apt-get install chromium"),
    }
    for item in items:
        for marker, (is_missing, how_to_install) in missing.items():
            if is_missing and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=how_to_install))


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line, plain: what a script or a hurried reader looks for."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    passed, failed, errors, skipped = (
        len(reporter.stats.get(kind, [])) for kind in ("passed", "failed", "error", "skipped")
    )
    sys.stdout.write(f"{passed} passed, {failed + errors} failed, {skipped} skipped\n")


def find_chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def temporal_binary() -> str:
    return str(Path(sys.executable).parent / "temporal")


@pytest.fixture(scope="session")
async def temporal(temporal_binary: str) -> AsyncIterator[WorkflowEnvironment]:
    """One dev server for the whole run, with the product's own flags; tests use task queues of their own."""
    async with await start_temporal(temporal_binary) as environment:
        yield environment


@pytest.fixture
async def own_temporal(temporal_binary: str) -> AsyncIterator[WorkflowEnvironment]:
    """A dev server for one test, which may leave the product's own task queue without a worker."""
    async with await start_temporal(temporal_binary) as environment:
        yield environment


@pytest.fixture
async def another_temporal(temporal_binary: str) -> AsyncIterator[WorkflowEnvironment]:
    """A second dev server, which knows nothing of what ran on the first."""
    async with await start_temporal(temporal_binary) as environment:
        yield environment


async def start_temporal(binary: str, **options: Any) -> WorkflowEnvironment:
    """With the product's own flags and search attributes."""
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary,
        dev_server_extra_args=[
            part
            for name, value in DYNAMIC_CONFIG.items()
            for part in ("--dynamic-config-value", f"{name}={value}")
        ],
        dev_server_log_level="error",
        search_attributes=list(search_attributes.ALL),
        plugins=[plugin()],
        runtime=runtime(),
        **options,
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A private PostgreSQL on loopback, run as a non-root user, gone at the end."""
    with PostgresServer.running() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/islanders.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
async def idle_bench(temporal: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[TurnBench]:
    """A bench on which no worker runs yet."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/islanders.db")
    store = ScriptedStore(await empty_conversations(database))
    yield TurnBench(temporal.client, f"test-{uuid4()}", store)
    await database.close()


@pytest.fixture
async def bench(idle_bench: TurnBench) -> AsyncIterator[TurnBench]:
    async with idle_bench.worker():
        yield idle_bench
