"""First progress and result, durable beside plain: `python -m benchmarks.progress`.

Both answer the same sentence with the same calls to the same memory and search; the plain handler streams from
its POST, the product is posted to and its event stream is opened. They alternate, so both see the same machine.
"""

import time
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
import uvloop

from benchmarks.figures import HEADER, percentile, row
from benchmarks.fleet import Fleet, running_fleet
from tests.eventually import eventually
from tests.ports import free_port
from tests.processes import product_process
from tests.server_sent_events import read_events

TURNS, WARM_UP = 60, 8
MESSAGE = "Show me 2 bedroom apartments in Girne for long-term rent"


@dataclass
class Measured:
    """Seconds from the POST."""

    first: list[float] = field(default_factory=list)
    result: list[float] = field(default_factory=list)


async def main() -> None:
    port = free_port()
    async with (
        running_fleet(with_model=False) as fleet,
        product_process(fleet.settings, fleet.temporal, "benchmarks.plain_handler", str(port)),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as plain_http,
    ):
        await eventually(lambda: _answers(plain_http))
        durable, plain = Measured(), Measured()
        for number in range(WARM_UP + TURNS):
            for measured, one in ((durable, await _durable(fleet)), (plain, await _plain(plain_http))):
                if number >= WARM_UP:
                    measured.first.append(one[0])
                    measured.result.append(one[1])
    print(f"\n{TURNS} turns each, alternating, from the POST\n{HEADER}")
    for name, measured in (("durable", durable), ("plain", plain)):
        print(row(f"{name}: first progress event", measured.first))
        print(row(f"{name}: result event", measured.result))
    for name, ours, theirs in (("first", durable.first, plain.first), ("result", durable.result, plain.result)):
        ratios = [percentile(ours, percent) / percentile(theirs, percent) for percent in (50, 95)]
        print(f"{f'durable / plain: {name}':<42}{ratios[0]:>8.1f}{ratios[1]:>8.1f}")


async def _durable(fleet: Fleet) -> tuple[float, float]:
    http, user = fleet.apis[0].http, fleet.as_user("bench")
    began = time.perf_counter()
    body = {"message": MESSAGE, "thread_id": str(uuid4())}
    turn = (await http.post("/api/chat/", json=body, headers=user)).json()
    async with http.stream("GET", turn["links"]["events"], headers=user) as answer:
        return await _first_and_result(answer, began)


async def _plain(http: httpx.AsyncClient) -> tuple[float, float]:
    began = time.perf_counter()
    async with http.stream("POST", "/plain/chat", json={"message": MESSAGE}) as answer:
        return await _first_and_result(answer, began)


async def _first_and_result(answer: httpx.Response, began: float) -> tuple[float, float]:
    first = result = 0.0
    async for event in read_events(answer):
        now = time.perf_counter() - began
        first = first or now
        if event.event == "result":
            result = now
    return first, result


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/api/health/live")).is_success
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    uvloop.run(main())
