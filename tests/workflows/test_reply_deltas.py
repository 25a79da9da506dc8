"""A reply that is written piece by piece: what the workflow keeps, and what a watcher is shown."""

import asyncio
from collections.abc import Sequence

import pytest
from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError

from activities.heartbeat import heartbeating
from api.history_projection import TurnProjection
from domain.names import REPLY_DELTA
from domain.progress import Delta, ProgressEvent, Reset, Result
from domain.reply import GenerateReplyInput, Reply, ReplyDelta
from domain.turn import Act, TurnStatus
from tests.fakes import ScriptedReplies
from tests.workflows.bench import TurnBench

PIECES = ("There are ", "four flats ", "in Girne.")


class WritingReplies(ScriptedReplies):
    """Signals its pieces one after another; fails its first attempts as told, then may hold before the end."""

    def __init__(self, bench: TurnBench, *, failing_attempts: int = 0, pieces: Sequence[str] = PIECES) -> None:
        super().__init__()
        self._bench = bench
        self._failing_attempts = failing_attempts
        self._pieces = pieces
        self.hold_after_pieces = False
        self.written = asyncio.Event()

    @activity.defn(name="generate_reply")
    async def generate_reply(self, input: GenerateReplyInput) -> Reply:
        info = activity.info()
        async with heartbeating():
            for index, text in enumerate(self._pieces):
                await self._signal(info.workflow_run_id or "", info.attempt, index, text)
            self.written.set()
            if self.hold_after_pieces:
                await asyncio.Event().wait()
        if info.attempt <= self._failing_attempts:
            raise ApplicationError("cut", type="Cut")
        return Reply(text="".join(self._pieces), act=Act.CLARIFY, state=input.state, model="scripted")

    async def _signal(self, run_id: str, attempt: int, index: int, text: str) -> None:
        delta = ReplyDelta(run_id=run_id, attempt=attempt, index=index, text=text)
        workflow_id = activity.info().workflow_id or ""
        await self._bench.client.get_workflow_handle(workflow_id).signal(REPLY_DELTA, delta)


async def shown(bench: TurnBench, handle: WorkflowHandle) -> list[ProgressEvent]:
    """What a watcher of the turn sees."""
    projection = TurnProjection(
        turn_id="turn",
        thread_id=bench.thread_id,
        run_id=(await handle.describe()).run_id,
        converter=bench.client.data_converter.payload_converter,
    )
    history = await handle.fetch_history()
    return [numbered.event for event in history.events for numbered in projection.feed(event)]


def text_on_screen(events: Sequence[ProgressEvent]) -> str:
    text = ""
    for event in events:
        if isinstance(event, Reset):
            text = ""
        elif isinstance(event, Delta):
            text += event.text
    return text


@pytest.mark.parametrize("failing_attempts", [0, 1, 2])
async def test_what_is_shown_ends_as_the_result(idle_bench: TurnBench, failing_attempts: int) -> None:
    """After any number of failed attempts the pieces on screen are exactly the text of the result."""
    idle_bench.replies = WritingReplies(idle_bench, failing_attempts=failing_attempts)
    async with idle_bench.worker():
        handle = await idle_bench.start()
        result = await handle.result()
        events = await shown(idle_bench, handle)
    assert text_on_screen(events) == result.response_text == "".join(PIECES)
    assert sum(isinstance(event, Reset) for event in events) == failing_attempts


async def test_a_stopped_reply_keeps_what_was_shown(idle_bench: TurnBench) -> None:
    """Stopped in the middle of its reply, a turn stores exactly the text that was on screen."""
    replies = idle_bench.replies = WritingReplies(idle_bench)
    replies.hold_after_pieces = True
    async with idle_bench.worker():
        handle = await idle_bench.start()
        await replies.written.wait()
        await handle.cancel()
        result = await handle.result()
        events = await shown(idle_bench, handle)
    assert result.status is TurnStatus.STOPPED
    assert result.response_text == text_on_screen(events) == "".join(PIECES)
    assert not any(isinstance(event, Delta) for event in events[_position_of_result(events) :])


async def test_pieces_of_another_run_are_ignored(idle_bench: TurnBench) -> None:
    """A reset plays old signals again; neither the workflow nor a watcher takes them for this run's."""
    replies = idle_bench.replies = WritingReplies(idle_bench)
    replies.hold_after_pieces = True
    async with idle_bench.worker():
        handle = await idle_bench.start()
        await replies.written.wait()
        await handle.signal(REPLY_DELTA, ReplyDelta(run_id="another", attempt=1, index=9, text="ghost"))
        await handle.cancel()
        result = await handle.result()
        events = await shown(idle_bench, handle)
    assert "ghost" not in result.response_text
    assert "ghost" not in text_on_screen(events)


def _position_of_result(events: Sequence[ProgressEvent]) -> int:
    return next(position for position, event in enumerate(events) if isinstance(event, Result))
