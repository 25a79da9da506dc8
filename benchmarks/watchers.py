"""Many watchers: what they cost, and how late they see: `python -m benchmarks.watchers`.

First 0, 1, 50 and 500 watchers of one turn, whose model writes for four seconds. Then a thousand open streams over
fifty turns on one API process, with that process's memory and CPU.
"""

import asyncio
import json
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

import uvloop

from benchmarks.figures import HEADER, row
from benchmarks.fleet import Fleet, running_fleet
from benchmarks.raw_stream import RawStream
from domain.names import chat_turn_workflow_id
from tests.delivery.watching import events_on_wire
from tests.openai_server import fixed_reply

CROWDS = (0, 1, 50, 500)
PIECES, SECONDS_PER_PIECE = 20, 0.2
TURNS, STREAMS = 50, 1000


async def main() -> None:
    async with running_fleet(with_model=True) as fleet:
        fleet.provider.otherwise = fixed_reply(PIECES, SECONDS_PER_PIECE)
        await _crowd(fleet, 1)  # warm
        print(f"\nwatchers of one turn; lag from the event's time in Temporal to its arrival\n{HEADER}")
        for watchers in CROWDS:
            print(await _crowd(fleet, watchers))
        print(await _thousand(fleet))


async def _post(fleet: Fleet) -> dict[str, str]:
    body = {"message": "2 bedrooms in Girne, long term", "thread_id": str(uuid4())}
    answer = await fleet.apis[0].http.post("/api/chat/", json=body, headers=fleet.as_user("bench"))
    turn: dict[str, str] = answer.json()
    return turn


def _streams(fleet: Fleet, turn: dict[str, str], count: int) -> list[RawStream]:
    path = f"/api/turns/{turn['turn_id']}/events"
    return [RawStream(fleet.apis[0].port, path, fleet.as_user("bench")) for _ in range(count)]


async def _crowd(fleet: Fleet, watchers: int) -> str:
    turn = await _post(fleet)
    streams = _streams(fleet, turn, watchers)
    await asyncio.gather(*(stream.read() for stream in streams))
    handle = fleet.temporal.get_workflow_handle(chat_turn_workflow_id(turn["turn_id"]))
    await handle.result()
    history = len((await handle.fetch_history()).events)
    told = {events_on_wire(stream.body) for stream in streams}
    complete = all(body.rstrip().endswith(b"}") and b"event: end" in body for body in told)
    facts = f"{watchers} watchers, {history} history events"
    if not streams:
        return facts
    facts += f", {'all complete' if complete else 'INCOMPLETE'}, {len(told)} version of the bytes"
    return f"{facts}\n{row('  lag of a piece', _lags(streams))}"


def _lags(streams: list[RawStream]) -> list[float]:
    """Of the pieces of the reply that were written after the stream was open."""
    blocks = [block for block in events_on_wire(streams[0].body).split(b"\n\n") if block]
    events = [json.loads(block.partition(b"\ndata: ")[2]) for block in blocks]
    pieces = [(number, _seconds(event["at"])) for number, event in enumerate(events) if event["kind"] == "delta"]
    return [stream.arrived[number] - at for stream in streams for number, at in pieces[1:]]


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


async def _thousand(fleet: Fleet) -> str:
    api = fleet.apis[0]
    gate = asyncio.Event()
    reply = fixed_reply(PIECES, SECONDS_PER_PIECE)
    fleet.provider.otherwise = replace(reply, parts=(gate, *reply.parts))
    turns = [await _post(fleet) for _ in range(TURNS)]
    memory_before = api.memory_kib
    opened = asyncio.Semaphore(0)
    streams = [stream for turn in turns for stream in _streams(fleet, turn, STREAMS // TURNS)]
    reading = [asyncio.create_task(stream.read(opened)) for stream in streams]
    for _ in streams:
        await opened.acquire()
    memory_open = api.memory_kib
    cpu_open = api.cpu_seconds
    gate.set()
    await asyncio.gather(*reading)
    events = sum(len(stream.arrived) for stream in streams)
    cpu = api.cpu_seconds - cpu_open
    per_stream = (memory_open - memory_before) / STREAMS
    return (
        f"\n{STREAMS} open streams over {TURNS} turns, one API process:\n"
        f"  memory {memory_before / 1024:.0f} MiB before, {memory_open / 1024:.0f} MiB open, "
        f"{api.memory_kib / 1024:.0f} MiB after; {per_stream:.0f} KiB a stream, its turn's tail included\n"
        f"  CPU {cpu:.1f} s for {events} events delivered while the replies were written, "
        f"{cpu / events * 1e6:.0f} microseconds an event"
    )


if __name__ == "__main__":
    uvloop.run(main())
