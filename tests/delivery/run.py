"""One generated run: every operation is done to the product and to the reference, then both are compared."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from sqlmodel import select

from adapters.tables import MessageRow, TurnRow
from domain.errors import MemoryUnavailable
from domain.names import chat_turn_workflow_id
from domain.turn import OnBusy, TurnStatus
from tests.delivery import plans
from tests.delivery.reference import ExpectedThread, ExpectedTurn
from tests.delivery.screen import text_on_screen
from tests.delivery.world import World
from tests.eventually import eventually
from tests.server_sent_events import read_events


@dataclass
class Run:
    """Does operations one after another; `check` compares what has become of the thread."""

    world: World
    user: str = field(default_factory=lambda: f"user-{uuid4().hex[:12]}")
    thread_id: str = field(default_factory=lambda: str(uuid4()))
    expected: ExpectedThread = field(default_factory=ExpectedThread)
    _operations_without_worker: int = 0
    _messages: int = 0
    _refused: set[str] = field(default_factory=set)

    async def play(self, operations: Sequence[plans.Operation]) -> None:
        for operation in operations:
            await self._do(operation)
            await self._worker_comes_back(after_operation=True)
        await self._worker_comes_back(after_operation=False)
        while self.expected.open:
            await self._answer()
        await self._check()

    async def _do(self, operation: plans.Operation) -> None:
        match operation:
            case plans.Submit(on_busy):
                await self._submit(self._new_turn(on_busy))
            case plans.SubmitTwice():
                await self._submit(self._new_turn())
                await self._submit(self._new_turn())
            case plans.SubmitImpatiently(milliseconds):
                await self._submit_impatiently(self._new_turn(), milliseconds)
            case plans.SubmitAtOnce(copies):
                await self._submit_at_once(self._new_turn(), copies)
            case plans.Repeat(which):
                await self._repeat(self._turn(which))
            case plans.Contradict(which):
                await self._contradict(self._turn(which))
            case plans.Cancel(which):
                await self._cancel(self._turn(which))
            case plans.Regenerate():
                await self._regenerate()
            case plans.Answer():
                if not self._operations_without_worker:
                    await self._answer()
            case plans.Terminate(which):
                await self._terminate(which)
            case plans.RestartWorker():
                await self.world.stop_worker()
                await self.world.start_worker()
            case plans.WorkerAway(operations):
                await self.world.stop_worker()
                self._operations_without_worker = operations + 1
            case plans.RestartAPI():
                await self.world.stop_api()
                await self.world.start_api()
            case plans.MemoryFails(times):
                self.world.memory.writes.failures = [MemoryUnavailable() for _ in range(times)]
            case plans.ModelBreaks(times):
                self.world.model.breaks = times

    # --- posting --------------------------------------------------------------------------------------------

    def _new_turn(self, on_busy: OnBusy = OnBusy.ENQUEUE) -> ExpectedTurn:
        self._messages += 1
        return ExpectedTurn(str(uuid4()), f"a flat in Girne, wish number {self._messages}", on_busy)

    def _body(self, turn: ExpectedTurn) -> dict[str, Any]:
        return {
            "message": turn.message,
            "thread_id": self.thread_id,
            "client_msg_id": turn.client_msg_id,
            "on_busy": turn.on_busy,
        }

    async def _post(self, turn: ExpectedTurn) -> httpx.Response:
        """Sent again when the answer is 503, as that one asks; then it may be known already."""
        while (answer := await self.world.post(self.user, self._body(turn))).status_code == 503:
            self._refused.add(turn.client_msg_id)
        return answer

    async def _submit(self, turn: ExpectedTurn) -> None:
        answer = await self._post(turn)
        if self.expected.refuses(turn):
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "thread_busy")
            return
        assert answer.status_code == 202, answer.text
        assert answer.json()["idempotent"] is False or turn.client_msg_id in self._refused
        await self._accepted(turn, answer)

    async def _submit_impatiently(self, turn: ExpectedTurn, milliseconds: int) -> None:
        try:
            async with asyncio.timeout(milliseconds / 1000):
                await self._post(turn)
        except TimeoutError:
            pass  # the client hung up: whether the server took it is not known
        answer = await self._post(turn)
        assert answer.status_code == 202, answer.text
        await self._accepted(turn, answer)

    async def _submit_at_once(self, turn: ExpectedTurn, copies: int) -> None:
        answers = await asyncio.gather(*(self._post(turn) for _ in range(copies)))
        assert [answer.status_code for answer in answers] == [202] * copies
        assert len({answer.json()["turn_id"] for answer in answers}) == 1
        fresh = [answer.json()["idempotent"] for answer in answers].count(False)
        assert fresh == 1 or (turn.client_msg_id in self._refused and fresh == 0)
        await self._accepted(turn, answers[0])

    async def _accepted(self, turn: ExpectedTurn, answer: httpx.Response) -> None:
        turn.turn_id = answer.json()["turn_id"]
        self.expected.accept(turn)
        if turn.on_busy is OnBusy.INTERRUPT:
            await self._wait_for_the_ended()

    async def _repeat(self, turn: ExpectedTurn) -> None:
        if turn.regenerates:
            answer = await self.world.regenerate(self.user, turn.regenerates, turn.client_msg_id)
        else:
            answer = await self._post(turn)
        assert answer.status_code in (200, 202), answer.text
        assert (answer.json()["turn_id"], answer.json()["idempotent"]) == (turn.turn_id, True)
        if turn.ended in (TurnStatus.COMPLETED, TurnStatus.STOPPED) and not self._operations_without_worker:
            assert answer.json()["result"]["status"] == turn.ended

    async def _contradict(self, turn: ExpectedTurn) -> None:
        answer = await self.world.post(self.user, self._body(turn) | {"message": "something else"})
        assert answer.status_code == 409, answer.text

    # --- what is done to turns ------------------------------------------------------------------------------

    async def _cancel(self, turn: ExpectedTurn) -> None:
        answer = await self.world.cancel(self.user, turn.turn_id)
        if turn.ended is None:
            assert answer.status_code == 202, answer.text
            self.expected.stop(turn)
            await self._wait_for_the_ended()

    async def _regenerate(self) -> None:
        last, key = self.expected.turns[-1], str(uuid4())
        if self._operations_without_worker and last.ended:
            return  # it has not ended yet: nobody works
        answer = await self.world.regenerate(self.user, last.turn_id, key)
        if not self.expected.can_regenerate():
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_the_last_turn")
            return
        assert answer.status_code == 202, answer.text
        new = ExpectedTurn(key, last.message, regenerates=last.turn_id)
        await self._accepted(new, answer)

    async def _answer(self) -> None:
        if self.expected.answer() is not None:
            self.world.model.permits.release()
            await self._wait_for_the_ended()

    async def _terminate(self, which: int) -> None:
        if still_open := self.expected.open:
            turn = still_open[which % len(still_open)]
            await self.world.terminate(turn.turn_id)
            self.expected.terminate(turn)
            await self._wait_for_the_ended()

    async def _worker_comes_back(self, *, after_operation: bool) -> None:
        if not self._operations_without_worker:
            return
        self._operations_without_worker -= 1 if after_operation else self._operations_without_worker
        if not self._operations_without_worker:
            await self.world.start_worker()
            await self._wait_for_the_ended()

    async def _wait_for_the_ended(self) -> None:
        if self._operations_without_worker:
            return
        for turn in self.expected.turns:
            if turn.ended is not None:
                ended = await self.world.until_ended(self.user, turn.turn_id)
                assert ended["status"] == turn.ended, f"{ended['status']} instead of {turn.ended}"

    def _turn(self, which: int) -> ExpectedTurn:
        return self.expected.turns[which % len(self.expected.turns)]

    # --- what has become of it ------------------------------------------------------------------------------

    async def _check(self) -> None:
        turns = self.expected.turns
        await self.world.until_remembered([turn.turn_id for turn in turns if turn.ended is not TurnStatus.FAILED])
        await self._check_the_record()
        self._check_the_order()
        await self._check_the_feed()
        self._check_memory([await self._check_what_is_read(turn) for turn in turns])

    async def _check_the_record(self) -> None:
        """Every accepted turn, no other one, in the accepted order; each message and each reply once."""
        async with self.world.database.reading() as session:
            mine = select(TurnRow).where(TurnRow.thread_id == self.thread_id).order_by(TurnRow.seq)
            rows = (await session.exec(mine)).all()
            said = select(MessageRow).where(MessageRow.thread_id == self.thread_id)
            messages = (await session.exec(said)).all()
        assert [row.id for row in rows] == [turn.turn_id for turn in self.expected.turns]
        for row, turn in zip(rows, self.expected.turns, strict=True):
            assert row.status == turn.ended
            roles = sorted(message.role for message in messages if message.turn_id == row.id)
            has_reply = bool(row.result and row.result["response_text"])
            assert roles == ["assistant"] * has_reply + ["user"] * (turn.regenerates is None)

    def _check_the_order(self) -> None:
        """Replies began in the order of the thread, never two at once."""
        model = self.world.model
        expected = [chat_turn_workflow_id(turn.turn_id) for turn in self.expected.turns]
        begun = [one for one in dict.fromkeys(model.begun) if one in expected]
        assert begun == [one for one in expected if one in begun]
        assert model.overlaps == []

    async def _check_the_feed(self) -> None:
        """The thread's stream, from its beginning: one outcome for every turn, in order, with growing numbers."""
        outcomes: list[str] = []
        numbers: list[int] = []
        path = f"/api/v1/threads/{self.thread_id}/events?after=0"
        async with self.world.stack.http.stream(
            "GET", path, headers=self.world.stack.as_user(self.user)
        ) as answer:
            async for event in read_events(answer):
                numbers.append(int(event.id))
                if event.event in ("result", "failed"):
                    outcomes.append(event.data["turn_id"])
                if len(outcomes) == len(self.expected.turns):
                    break
        assert outcomes == [turn.turn_id for turn in self.expected.turns]
        assert numbers == sorted(set(numbers))

    async def _check_what_is_read(self, turn: ExpectedTurn) -> dict[str, Any]:
        """Status and stream agree; what a watcher was shown is the stored text."""
        view = await self.world.stack.turn(self.user, turn.turn_id)
        events = [event.data for event in await self.world.stack.events(self.user, turn.turn_id)]
        outcomes = [event for event in events if event["kind"] in ("result", "failed")]
        assert len(outcomes) == 1
        assert events[-1]["kind"] == "end"
        if turn.ended is TurnStatus.FAILED:
            assert (view["result"], view["error"]["code"]) == (None, "turn_terminated")
        else:
            assert outcomes[0]["result"] == view["result"]
            assert text_on_screen(events) == view["result"]["response_text"]
        return view

    def _check_memory(self, views: list[dict[str, Any]]) -> None:
        """Message and reply of every turn that ended with a result, each once, and nothing else."""
        expected: list[tuple[str, str]] = []
        for turn, view in zip(self.expected.turns, views, strict=True):
            if turn.ended is not TurnStatus.FAILED:
                reply = view["result"]["response_text"]
                expected += [("user", turn.message)] * (("user", turn.message) not in expected)
                expected += [("assistant", reply)] * bool(reply)
        stored = [(message.role, message.content) for message in self.world.memory.of_thread(self.thread_id)]
        assert sorted(stored) == sorted(expected)
        assert self.world.memory.conflicts == []


async def until_quiet(world: World) -> None:
    """Between two runs nothing is being written."""

    async def is_quiet() -> bool:
        return not world.model.writing

    await eventually(is_quiet)
