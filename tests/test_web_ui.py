"""The turn as an operator sees it in the Temporal Web UI."""

from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import async_playwright, expect

from adapters.database import Database
from domain.progress import SUMMARY_OF_ACTIVITY
from tests.conftest import find_chromium, start_temporal
from tests.fakes import ScriptedStore
from tests.ports import free_port
from tests.workflows.bench import TurnBench, empty_conversations

LAUNCH_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.mark.browser
async def test_a_turn_is_readable_in_the_web_ui(temporal_binary: str, tmp_path: Path) -> None:
    """The page of a turn shows its result, and its steps by readable names."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/x.db")
    ui_port = free_port()
    async with await start_temporal(temporal_binary, ui=True, ui_port=ui_port) as environment:
        bench = TurnBench(
            environment.client, f"test-{uuid4()}", ScriptedStore(await empty_conversations(database))
        )
        async with bench.worker():
            handle = await bench.start()
            await handle.result()
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find_chromium(), args=LAUNCH_OPTIONS)
            page = await browser.new_page(viewport={"width": 1500, "height": 1600})
            await page.goto(f"http://127.0.0.1:{ui_port}/namespaces/default/workflows/{handle.id}")
            await expect(page.get_by_text("ChatTurnWorkflow").first).to_be_visible(timeout=20_000)
            for activity in ("fetch_memory", "search_listings", "generate_reply", "create_memory"):
                await expect(page.get_by_text(SUMMARY_OF_ACTIVITY[activity]).first).to_be_visible(timeout=20_000)
            await expect(page.get_by_text("response_text").first).to_be_visible(timeout=20_000)
            await browser.close()
    await database.close()
