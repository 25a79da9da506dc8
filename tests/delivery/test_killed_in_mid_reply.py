"""Processes die while a model writes: whoever watches ends with exactly the text that is stored."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from api.auth import Tokens
from settings import Settings
from tests.delivery.screen import text_on_screen
from tests.delivery.watching import Watcher, behind, events_on_wire
from tests.delivery.writing_model import PIECES, TEXT, GatedReply, whole
from tests.eventually import eventually
from tests.openai_server import OpenAIServer
from tests.ports import free_port
from tests.processes import ProductProcess, product_process
from tests.running_stack import SECRET, fill, running_api, stack_settings

SOME = (1, 4, 9)
OTHERS = tuple(number for number in range(1, len(PIECES) + 1) if number not in SOME)


@pytest.mark.timeout(90)
@pytest.mark.parametrize("deltas", [*SOME, *(pytest.param(number, marks=pytest.mark.prove) for number in OTHERS)])
async def test_a_worker_killed_at_any_delta_leaves_the_text_whole(
    own_temporal: WorkflowEnvironment, tmp_path: Path, deltas: int
) -> None:
    """SIGKILL after the n-th piece was shown: a reset, then pieces that are exactly the text of the result."""
    provider = OpenAIServer((reply := GatedReply()).answer(), otherwise=whole())
    async with provider.listening() as base_url:
        settings = await _settings(tmp_path, base_url)
        temporal = own_temporal.client
        async with (
            running_api(settings, temporal) as stack,
            product_process(settings, temporal, "worker_main") as first,
        ):
            turn = (await stack.post("ada", "2 bedrooms in Girne, long term")).json()
            watcher = Watcher(stack.http, turn["links"]["events"], stack.as_user("ada"))
            watching = asyncio.create_task(watcher.resume())
            for number in range(1, deltas + 1):
                reply.let_write(number)
                await watcher.until("delta", number)
            await first.kill()
            async with product_process(settings, temporal, "worker_main"):
                await watching
            result = (await stack.turn("ada", turn["turn_id"]))["result"]
    assert result["response_text"] == TEXT
    assert text_on_screen(watcher.progress) == TEXT
    assert [event.event for event in watcher.events].count("reset") == 1
    assert result["degraded"] == []


@dataclass
class TwoAPIs:
    """Two API processes over one database, each to be killed and started again on its port."""

    settings: tuple[Settings, Settings]
    temporal: Client

    def client(self, number: int) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.settings[number].islanders_port}", timeout=40)

    def token(self) -> dict[str, str]:
        tokens = Tokens(SECRET, access_lifetime=timedelta(hours=1), demo_user=False)
        return {"Authorization": f"Bearer {tokens.access('ada')}"}

    @asynccontextmanager
    async def running(self, number: int) -> AsyncIterator[ProductProcess]:
        async with product_process(self.settings[number], self.temporal, "api.main") as process:
            async with self.client(number) as http:
                await eventually(lambda: _is_alive(http))
            yield process


@pytest.mark.timeout(120)
async def test_the_same_bytes_after_every_kind_of_interruption(
    own_temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    """API killed in mid-stream, all workers killed, or reopened after the end: the same bytes follow an id."""
    provider = OpenAIServer((first_try := GatedReply()).answer(), otherwise=(second_try := GatedReply()).answer())
    async with provider.listening() as base_url:
        settings = await _settings(tmp_path, base_url)
        temporal = own_temporal.client
        apis = TwoAPIs((settings, settings.model_copy(update={"islanders_port": free_port()})), temporal)
        headers = apis.token()
        async with apis.running(1), apis.client(0) as http, apis.client(1) as other_http:
            async with apis.running(0) as api, product_process(settings, temporal, "worker_main") as worker:
                body = {"message": "2 bedrooms in Girne, long term"}
                turn = (await http.post("/api/chat/", json=body, headers=headers)).json()
                cut = Watcher(http, turn["links"]["events"], headers)
                steady = Watcher(other_http, turn["links"]["events"], headers)
                reading = [asyncio.create_task(watcher.read()) for watcher in (cut, steady)]
                await cut.until("delta", 1)
                first_try.let_write(2)
                await cut.until("delta", 2)
                await api.kill()
                await reading[0]
                seen_by_cut = cut.events[-1].id
                await steady.until("delta", 2)
                await worker.kill()
            async with apis.running(0), product_process(settings, temporal, "worker_main"):
                cut_again = Watcher(http, turn["links"]["events"], headers)
                resumed = asyncio.create_task(cut_again.read(after=seen_by_cut))
                await steady.until("reset", 1)
                second_try.let_end()
                await asyncio.gather(resumed, reading[1])
                late = Watcher(http, turn["links"]["events"], headers)
                await late.read(after=seen_by_cut)
                whole_story = Watcher(other_http, turn["links"]["events"], headers)
                await whole_story.read()
    expected = behind(steady.wire, seen_by_cut)
    assert expected.count(b"event: delta") > 1
    assert _events(cut_again) == _events(late) == expected
    assert _events(steady) == _events(whole_story)
    assert text_on_screen(steady.progress) == TEXT


def _events(watcher: Watcher) -> bytes:
    return events_on_wire(watcher.wire)


async def _is_alive(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/api/health/live")).status_code == 200
    except httpx.TransportError:
        return False


async def _settings(folder: Path, base_url: str) -> Settings:
    settings = stack_settings(
        f"sqlite+aiosqlite:///{folder}/x.db", free_port(), reply_model_base_url=base_url, reply_model="scripted"
    )
    await fill(settings.database_url)
    return settings
