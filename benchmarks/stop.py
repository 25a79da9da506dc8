"""How soon a stop reaches the provider: `python -m benchmarks.stop`.

A hundred turns, half of them stopped while the provider is silent before its first token, half in mid-text. Two
API processes: the one that is asked to stop is never the one that took the message.
"""

import asyncio
import time
from uuid import uuid4

import uvloop

from benchmarks.figures import HEADER, row
from benchmarks.fleet import Fleet, running_fleet
from tests.delivery.screen import text_on_screen
from tests.delivery.watching import Watcher
from tests.openai_server import Answer, says

STOPS = 100
BUDGET_SECONDS = 0.5


async def main() -> None:
    async with running_fleet(apis=2, with_model=True) as fleet:
        taken: dict[bool, list[float]] = {True: [], False: []}
        same_text = 0
        for number in range(STOPS):
            silent = number % 2 == 0
            seconds, is_same = await _stop_one(fleet, number, silent=silent)
            taken[silent].append(seconds)
            same_text += is_same
    print(f"\n{STOPS} stops by two API processes, from the request to the provider's stream closed")
    print(HEADER)
    print(row("silent before the first token", taken[True]))
    print(row("in mid-text", taken[False]))
    print(row("all", taken[True] + taken[False]))
    print(f"ended stopped, stored partial text = shown text: {same_text} of {STOPS}")


async def _stop_one(fleet: Fleet, number: int, *, silent: bool) -> tuple[float, bool]:
    taker, stopper = (fleet.apis[(number // 2 + shift) % 2] for shift in (0, 1))
    user = fleet.as_user("bench")
    fleet.provider.answers.append(_silent() if silent else _endless())
    body = {"message": "2 bedrooms in Girne, long term", "thread_id": str(uuid4())}
    turn = (await taker.http.post("/api/chat/", json=body, headers=user)).json()
    watcher = Watcher(taker.http, turn["links"]["events"], user)
    watching = asyncio.create_task(watcher.read())
    request = await fleet.provider.request(number)
    await request.reached.wait()
    if not silent:
        await watcher.until("delta", 1)
    began = time.perf_counter()
    await stopper.http.post(turn["links"]["cancel"], headers=user)
    await request.closed.wait()
    seconds = time.perf_counter() - began
    await watching
    view = (await stopper.http.get(turn["links"]["turn"], headers=user)).json()
    return seconds, view["status"] == "stopped" and text_on_screen(watcher.progress) == view["result"][
        "response_text"
    ]


def _silent() -> Answer:
    return says("never said", before_head=asyncio.Event())


def _endless() -> Answer:
    return says("Some words. ", "And some more. ", asyncio.Event())


if __name__ == "__main__":
    uvloop.run(main())
