"""One turn, product against naive, in one run: `make bench`.

Both answer the same sentence with the same calls against the same API process; turns alternate, so both see
the same machine. The product is measured twice: from its POST to its 200, and inside Temporal from the start to
the stored reply, as the naive workflow has no HTTP in front of it.
"""

import logging
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import uvloop
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import Worker

from adapters.conversations_sql import ConversationsSQL, TurnLimits
from adapters.database import Database
from adapters.listing_api import ListingAPI
from adapters.logs import log_as_json
from adapters.zep import ZepMemory
from benchmarks.fleet import temporal_server
from benchmarks.naive_turn import NaiveActivities, NaiveTurnWorkflow
from domain.conversation import NewTurn
from domain.names import chat_turn_workflow_id
from tests.running_stack import RunningStack, running_stack

TURNS = 40
WARM_UP = 5
MESSAGE = "Show me 2 bedroom apartments in Girne for long-term rent"
MARKER = EventType.EVENT_TYPE_MARKER_RECORDED
NAIVE_QUEUE = "naive-turns"


@dataclass
class Measured:
    seconds: list[float] = field(default_factory=list)
    events: list[int] = field(default_factory=list)

    def add(self, seconds: float, events: int) -> None:
        self.seconds.append(seconds)
        self.events.append(events)

    def percentile(self, percent: int) -> float:
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[percent - 1] * 1000


async def main() -> None:
    log_as_json(logging.ERROR, stream=sys.stderr)  # the API and the worker run in this process
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            await temporal_server(folder / "product.db", tuned=True) as tuned,
            await temporal_server(folder / "naive.db", tuned=False) as default,
            running_stack(folder, tuned.client, new_turns_per_minute=10_000, open_turns_per_user=1000) as stack,
        ):
            product, inside, naive = await _alternate(stack, default.client)
    _print(product, inside, naive)


async def _alternate(stack: RunningStack, default: Client) -> tuple[Measured, Measured, Measured]:
    database = Database(stack.settings.database_url)
    memory = ZepMemory(stack.settings.zep_base_url, stack.settings.zep_api_key.get_secret_value(), timeout=1.4)
    search = ListingAPI(stack.settings.listings_base_url)
    naive = NaiveActivities(ConversationsSQL(database, TurnLimits(10_000, 1000)), memory, search)
    product_times, inside_times, naive_times = Measured(), Measured(), Measured()
    async with Worker(
        default,
        task_queue=NAIVE_QUEUE,
        workflows=[NaiveTurnWorkflow],
        activities=[
            naive.naive_fetch_memory,
            naive.naive_search,
            naive.naive_reply,
            naive.naive_create_memory,
        ],
    ):
        for number in range(WARM_UP + TURNS):
            (took, inside, events), (naive_took, naive_events) = (
                await _product_turn(stack),
                await _naive_turn(default),
            )
            if number >= WARM_UP:
                product_times.add(took, events)
                inside_times.add(inside, events)
                naive_times.add(naive_took, naive_events)
    for owned in (memory, search, database):
        await owned.close()
    return product_times, inside_times, naive_times


async def _product_turn(stack: RunningStack) -> tuple[float, float, int]:
    began = time.perf_counter()
    answer = (await stack.say("bench", MESSAGE, thread_id=str(uuid4()))).json()
    took = time.perf_counter() - began
    handle = stack.temporal.get_workflow_handle(chat_turn_workflow_id(answer["turn_id"]))
    await handle.result()
    history = (await handle.fetch_history()).events
    stored = max(event.event_time.ToNanoseconds() for event in history if event.event_type == MARKER)
    inside = (stored - history[0].event_time.ToNanoseconds()) / 1e9
    return took, inside, len(history)


async def _naive_turn(client: Client) -> tuple[float, int]:
    thread_id, workflow_id = str(uuid4()), str(uuid4())
    turn = NewTurn(
        turn_id=f"{thread_id}.naive",
        thread_id=thread_id,
        client_msg_id="naive",
        user_id="bench",
        message=MESSAGE,
        workflow_id=workflow_id,
    )
    began = time.perf_counter()
    handle = await client.start_workflow(NaiveTurnWorkflow.run, turn, id=workflow_id, task_queue=NAIVE_QUEUE)
    await handle.result()
    return time.perf_counter() - began, len((await handle.fetch_history()).events)


def _print(product: Measured, inside: Measured, naive: Measured) -> None:
    print(f"\n{TURNS} turns each, alternating; milliseconds")
    print(f"{'':<34}{'p50':>8}{'p95':>8}{'events':>8}")
    rows = {
        "product: POST to 200": product,
        "product: start to stored reply": inside,
        "naive: start to result": naive,
    }
    for name, measured in rows.items():
        events = max(measured.events)
        print(f"{name:<34}{measured.percentile(50):>8.0f}{measured.percentile(95):>8.0f}{events:>8}")
    for name, measured in (("naive / product's POST", product), ("naive / product inside", inside)):
        print(
            f"{name:<34}{naive.percentile(50) / measured.percentile(50):>8.1f}"
            f"{naive.percentile(95) / measured.percentile(95):>8.1f}"
        )


if __name__ == "__main__":
    uvloop.run(main())  # as worker and API do
