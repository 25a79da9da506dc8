"""How a reply is told of while it is written."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import RPCError
from temporalio.service import RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities import reply_deltas
from activities.reply_deltas import MOST_DELTAS, DeltaWriter, SignalPace, signal_own_workflow
from domain.errors import ModelUnavailable, TurnOver, WorkflowsUnavailable
from domain.reply import ReplyDelta
from tests.eventually import eventually
from tests.workflows.bench import TurnBench

LONG_AGO = 3600.0


class EveryTime(SignalPace):
    """A pace of the test's own."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    @property
    def interval(self) -> float:
        return self._seconds


class Signals:
    """Takes deltas as the workflow does; may hold one, or fail."""

    def __init__(self) -> None:
        self.deltas: list[ReplyDelta] = []
        self.under_way = 0
        self.most_under_way = 0
        self.gate: asyncio.Event | None = None
        self.held = asyncio.Event()
        self.failure: Exception | None = None

    async def send(self, delta: ReplyDelta) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(0)
            if self.gate:
                self.held.set()
                await self.gate.wait()
            if self.failure:
                raise self.failure
            self.deltas.append(delta)
        finally:
            self.under_way -= 1

    @property
    def texts(self) -> list[str]:
        return [delta.text for delta in self.deltas]

    async def until(self, count: int) -> None:
        async def sent() -> bool:
            return len(self.deltas) >= count

        await eventually(sent)


def writer_to(signals: Signals, *, every: float = 0.0) -> DeltaWriter:
    return DeltaWriter(signals.send, EveryTime(every), run_id="run", attempt=2)


async def pieces(*parts: str | asyncio.Event | Exception, pauses: Iterable[int] = ()) -> AsyncIterator[str]:
    """Yields texts, waits at gates, raises errors; `pauses` are turns of the loop before each text."""
    waiting = iter(pauses)
    for part in parts:
        for _ in range(next(waiting, 0)):
            await asyncio.sleep(0)
        if isinstance(part, asyncio.Event):
            await part.wait()
        elif isinstance(part, Exception):
            raise part
        else:
            yield part


any_piece = st.text(alphabet=st.sampled_from(" \n\t\u00a0\u2003abé🏡"), max_size=6)


@given(st.lists(st.tuples(any_piece, st.integers(0, 5)), max_size=30))
def test_the_deltas_are_exactly_the_text(written: list[tuple[str, int]]) -> None:
    """However a text is cut, its deltas in order make up what is returned, one signal at a time."""
    signals = Signals()
    texts, pauses = [text for text, _ in written], [pause for _, pause in written]
    text = asyncio.run(writer_to(signals).write(pieces(*texts, pauses=pauses)))
    assert text == "".join(texts).strip()
    assert "".join(signals.texts) == text
    assert all(signals.texts)
    assert [delta.index for delta in signals.deltas] == list(range(len(signals.deltas)))
    assert {(delta.run_id, delta.attempt) for delta in signals.deltas} <= {("run", 2)}
    assert signals.most_under_way <= 1


@given(st.integers(2, 5), st.lists(any_piece, max_size=30))
def test_there_are_never_more_deltas_than_allowed(most: int, texts: list[str]) -> None:
    """The last one that is allowed carries all that is still to come."""
    signals = Signals()
    with ExitStack() as changed:
        changed.enter_context(pytest.MonkeyPatch.context()).setattr(reply_deltas, "MOST_DELTAS", most)
        text = asyncio.run(writer_to(signals).write(pieces(*texts, pauses=[9] * len(texts))))
    assert len(signals.deltas) <= most
    assert "".join(signals.texts) == text


async def test_a_long_reply_keeps_to_three_hundred() -> None:
    """A thousand slow pieces are three hundred signals at most."""
    signals = Signals()
    text = await writer_to(signals).write(pieces(*["word "] * 1000, pauses=[9] * 1000))
    assert len(signals.deltas) == MOST_DELTAS == 300
    assert "".join(signals.texts) == text == ("word " * 1000).strip()


async def test_the_first_words_go_out_at_once() -> None:
    """Nobody waits an interval for the first text, nor for the rest of a complete reply."""
    signals, more = Signals(), asyncio.Event()
    writing = asyncio.create_task(
        writer_to(signals, every=LONG_AGO).write(pieces("  ", "Two", more, " flats", " here. ", "\n"))
    )
    await signals.until(1)
    assert signals.texts == ["Two"]
    more.set()
    assert await writing == "Two flats here."
    assert signals.texts == ["Two", " flats here."]


async def test_what_is_written_meanwhile_goes_out_when_the_interval_is_over() -> None:
    """Also when the provider falls silent before."""
    signals, never = Signals(), asyncio.Event()
    writing = asyncio.create_task(
        writer_to(signals, every=0.05).write(pieces("Two", " fl", "ats ", never, pauses=[0, 9]))
    )
    await signals.until(2)
    assert signals.texts == ["Two", " flats"]
    writing.cancel()
    await asyncio.wait({writing})


async def test_a_slow_signal_does_not_stop_the_reading() -> None:
    """The provider is read on while a signal is under way."""
    signals, read = Signals(), asyncio.Event()
    gate = signals.gate = asyncio.Event()

    async def provider() -> AsyncIterator[str]:
        for text in ("Two", " flats", " here."):
            yield text
        await signals.held.wait()
        read.set()

    writing = asyncio.create_task(writer_to(signals).write(provider()))
    await signals.held.wait()
    await read.wait()
    gate.set()
    assert await writing == "Two flats here."
    assert signals.most_under_way == 1


@pytest.mark.parametrize(
    ("replies", "seconds"), [(0, 0.2), (1, 0.2), (10, 0.2), (25, 0.5), (50, 1.0), (100, 2.0), (1000, 2.0)]
)
def test_the_more_replies_the_rarer_each_is_told(replies: int, seconds: float) -> None:
    """About fifty signals a second for the whole worker, and the pace comes back afterwards."""
    pace = SignalPace()
    with ExitStack() as writing:
        for _ in range(replies):
            writing.enter_context(pace.one_more_reply())
        assert pace.interval == pytest.approx(seconds)
    assert pace.interval == pytest.approx(0.2)


async def test_a_reply_counts_while_it_is_written_however_it_ends() -> None:
    """A failed one does not slow the others down for ever."""
    signals, pace = Signals(), SignalPace()
    with pytest.raises(ModelUnavailable):
        await DeltaWriter(signals.send, pace, run_id="run", attempt=1).write(pieces("a", ModelUnavailable()))
    assert pace._replies == 0


async def test_a_cancelled_reply_waits_for_the_signal_under_way() -> None:
    """It arrives before the activity ends, and nothing is sent after it."""
    signals, never = Signals(), asyncio.Event()
    gate = signals.gate = asyncio.Event()
    writing = asyncio.create_task(writer_to(signals).write(pieces("Two", " flats", never, pauses=[0, 9])))
    await signals.held.wait()
    writing.cancel()
    await asyncio.sleep(0)
    assert not writing.done()
    gate.set()
    await asyncio.wait({writing})
    assert writing.cancelled()
    assert len(signals.deltas) == 1
    assert signals.under_way == 0


async def test_a_signal_that_hangs_holds_a_cancelled_reply_up_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then it is dropped, for the turn has to end."""
    monkeypatch.setattr(reply_deltas, "LAST_SIGNAL_SECONDS", 0.05)
    signals, never = Signals(), asyncio.Event()
    signals.gate = asyncio.Event()
    writing = asyncio.create_task(writer_to(signals).write(pieces("Two", never)))
    await signals.held.wait()
    writing.cancel()
    async with asyncio.timeout(1.5):  # three times the half second that is promised
        await asyncio.wait({writing})
    assert writing.cancelled()
    assert (signals.deltas, signals.under_way) == ([], 0)


async def test_a_reply_that_breaks_off_waits_for_the_signal_under_way_too() -> None:
    """Then it ends with the provider's own error."""
    signals = Signals()
    gate = signals.gate = asyncio.Event()
    writing = asyncio.create_task(writer_to(signals).write(pieces("Two", signals.held, ModelUnavailable())))
    await signals.held.wait()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not writing.done()
    gate.set()
    with pytest.raises(ModelUnavailable):
        await writing
    assert signals.texts == ["Two"]


@pytest.mark.parametrize("failure", [TurnOver(), WorkflowsUnavailable()])
async def test_a_failed_signal_ends_the_reply_at_once(failure: Exception) -> None:
    """Though the provider is silent: nobody would see what it writes."""
    signals, never = Signals(), asyncio.Event()
    signals.failure = failure
    async with asyncio.timeout(5):
        with pytest.raises(type(failure)):
            await writer_to(signals).write(pieces("Two", never))


# --- the signal ----------------------------------------------------------------------------------------------
class Unreachable:
    """A client whose every signal fails."""

    def __init__(self, status: RPCStatusCode) -> None:
        self._status = status

    def get_workflow_handle(self, *args: object, **kwargs: object) -> "Unreachable":
        return self

    async def signal(self, *args: object, **kwargs: object) -> None:
        raise RPCError("secret of a server", self._status, b"")


@pytest.mark.parametrize("status", list(RPCStatusCode))
async def test_every_status_of_a_signal_has_its_meaning(status: RPCStatusCode) -> None:
    """A turn that is not there any more is over; anything else may be tried again."""
    expected = TurnOver if status is RPCStatusCode.NOT_FOUND else WorkflowsUnavailable
    delta = ReplyDelta(run_id="run", attempt=1, index=0, text="Two")
    with pytest.raises(expected):
        await ActivityEnvironment(Unreachable(status)).run(signal_own_workflow, delta)


@pytest.mark.parametrize("run_id", ["its own", "another"])
async def test_an_ended_turn_is_over(bench: TurnBench, run_id: str) -> None:
    """What the real server says of a turn that has ended, or of a run that never was."""
    handle = await bench.start()
    await handle.result()
    environment = ActivityEnvironment(bench.client)
    environment.info = replace(environment.info, workflow_id=handle.id)
    own = handle.result_run_id if run_id == "its own" else "3f0e1a52-6a0c-4a57-9a53-0f5d6f1f3b11"
    delta = ReplyDelta(run_id=own or "", attempt=1, index=0, text="Two")
    with pytest.raises(TurnOver):
        await environment.run(signal_own_workflow, delta)
