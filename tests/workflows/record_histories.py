"""Records the histories that test_replay.py replays: `make record-history`. CONTRIBUTING.md says when."""

import asyncio
import json
import re
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

from temporalio.testing import WorkflowEnvironment

from adapters.database import Database
from adapters.temporal import plugin
from tests.fakes import ScriptedStore
from tests.workflows.bench import TurnBench, empty_conversations
from tests.workflows.scenarios import RECORDED, Scenario
from workflows import search_attributes

HISTORIES = Path(__file__).with_name("histories")


async def record_all() -> None:
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sys.executable).parent / "temporal"),
        search_attributes=list(search_attributes.ALL),
        plugins=[plugin()],
        identity="recorder",
    ) as environment:
        for name, scenario in RECORDED.items():
            text = await _record(environment, scenario)
            (HISTORIES / f"{name}.json").write_text(text)
            sys.stdout.write(f"recorded {name}: {len(json.loads(text)['events'])} events\n")


async def _record(environment: WorkflowEnvironment, scenario: Scenario) -> str:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite+aiosqlite:///{folder}/islanders.db")
        store = ScriptedStore(await empty_conversations(database))
        bench = TurnBench(environment.client, f"record-{uuid4()}", store)
        async with bench.worker():
            handle = await scenario(bench)
            history = (await handle.fetch_history()).to_json()
        await database.close()
    return without_machine(history)


def without_machine(history: str) -> str:
    """The history with one event a line, and without stack traces: they name files of the machine."""
    events = json.loads(history)["events"]
    lines = ",\n".join(json.dumps(event, ensure_ascii=False) for event in events)
    return re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', f'{{"events": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    asyncio.run(record_all())
