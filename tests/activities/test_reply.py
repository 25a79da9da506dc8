"""The reply step, by templates and by a model, run as Temporal runs it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.reply import ReplyActivities
from activities.understanding import UnderstandingActivities
from adapters.language_model import LanguageModel
from domain.errors import ModelFailure, ModelRejected, ModelUnavailable
from domain.names import REPLY_DELTA, chat_turn_workflow_id, turn_id_for
from domain.progress import Delta
from domain.prompt import PromptMessage
from domain.reply import GenerateReplyInput, ReplyDelta
from domain.sentences.compose import compose_reply
from domain.thread import Agent, ThreadState
from domain.turn import Act, ChatTurnInput, ReplyMode, TurnStatus
from domain.understanding import Intent, UnderstandMessageInput
from tests.domain.spoken_thread import NOW, found_for, heard
from tests.openai_server import CUT, Answer, OpenAIServer, refuses, says
from tests.workflows.bench import FIND_A_FLAT, TurnBench
from tests.workflows.test_reply_deltas import shown
from workflows.chat_turn import ChatTurnWorkflow


def writing(message: str = "a flat in Girne", mode: ReplyMode = ReplyMode.MODEL) -> GenerateReplyInput:
    understood = heard(message)
    found = found_for(understood.plan, 4) if understood.plan else None
    return GenerateReplyInput(
        turn_id="turn", message=message, mode=mode, state=ThreadState(), understood=understood, found=found
    )


class FakeModel:
    """Says its pieces; `hold` after them; or fails. Knows when it was closed."""

    name = "fake-model"

    def __init__(self, *pieces: str, failure: ModelFailure | None = None, hold: bool = False) -> None:
        self._pieces, self._failure, self._hold = pieces, failure, hold
        self.prompts: list[tuple[PromptMessage, ...]] = []
        self.budgets: list[float] = []
        self.holding = asyncio.Event()
        self.is_closed = False

    async def write(self, prompt: tuple[PromptMessage, ...], *, budget: float) -> AsyncGenerator[str, None]:
        self.prompts.append(prompt)
        self.budgets.append(budget)
        try:
            for piece in self._pieces:
                yield piece
            if self._hold:
                self.holding.set()
                await asyncio.Event().wait()
            if self._failure:
                raise self._failure
        finally:
            self.is_closed = True


class OwnWorkflow:
    """In place of a client: the workflow that the activity signals to."""

    def __init__(self) -> None:
        self.deltas: list[ReplyDelta] = []
        self.asked_for: set[tuple[str, str]] = set()

    def get_workflow_handle(self, workflow_id: str, *, run_id: str) -> "OwnWorkflow":
        self.asked_for.add((workflow_id, run_id))
        return self

    async def signal(self, name: str, delta: ReplyDelta, *, rpc_timeout: timedelta) -> None:
        assert name == REPLY_DELTA
        assert rpc_timeout > timedelta()
        self.deltas.append(delta)


def environment(
    client: OwnWorkflow | None = None, *, attempt: int = 1, seconds: float = 30
) -> ActivityEnvironment:
    made = ActivityEnvironment(client or OwnWorkflow())
    made.info = replace(
        made.info,
        workflow_id="turn",
        workflow_run_id="this-run",
        attempt=attempt,
        scheduled_time=datetime.now(UTC),
        start_to_close_timeout=timedelta(seconds=seconds),
    )
    return made


async def test_a_message_is_understood_in_its_thread():
    """The activity answers what the grammar makes of message and thread."""
    asking = UnderstandMessageInput(message="a flat in Girne", started_at=NOW)
    understood = await ActivityEnvironment().run(UnderstandingActivities().understand_message, asking)
    assert (understood.intent, understood.agent) == (Intent.FIND, Agent.RE)
    assert understood == heard("a flat in Girne")


async def test_templates_ask_no_model():
    """In template mode the reply is the template's, also on a worker that has a model."""
    model = FakeModel("Hello")
    asked = writing(mode=ReplyMode.TEMPLATE)
    reply = await ActivityEnvironment().run(ReplyActivities(model).generate_reply, asked)
    assert reply == compose_reply(asked)
    assert reply.model == "template"
    assert model.prompts == []


async def test_a_worker_without_a_model_says_so():
    """A turn that wants one fails this step at once, and falls back."""
    with pytest.raises(ApplicationError) as failed:
        await environment().run(ReplyActivities().generate_reply, writing())
    assert (failed.value.type, failed.value.non_retryable) == ("ModelNotConfigured", True)


async def test_a_model_finds_the_words_and_nothing_else():
    """Act, question, cards and state are the template's; text and name are the model's."""
    model, workflow = FakeModel(" Four flats", " in Girne. ", "Monthly?\n"), OwnWorkflow()
    asked = writing()
    reply = await environment(workflow, attempt=2).run(ReplyActivities(model).generate_reply, asked)
    words = {"text": "Four flats in Girne. Monthly?", "model": "fake-model"}
    assert reply == compose_reply(asked).model_copy(update=words)
    assert reply.recommendations
    assert "".join(delta.text for delta in workflow.deltas) == reply.text
    assert {(delta.run_id, delta.attempt) for delta in workflow.deltas} == {("this-run", 2)}
    assert workflow.asked_for == {("turn", "this-run")}
    assert model.is_closed


async def test_the_model_is_told_its_share_of_the_budget():
    """What is left of the step when the attempt begins."""
    model = FakeModel("Hello")
    await environment(seconds=30).run(ReplyActivities(model).generate_reply, writing())
    (budget,) = model.budgets
    assert 0 < budget < 30


@pytest.mark.parametrize(
    ("failure", "retried"),
    [(ModelUnavailable(), True), (ModelUnavailable(retry_after=60), False), (ModelRejected(), False)],
)
async def test_a_failing_model_is_tried_again_where_that_can_help(failure, retried):
    """An outage is, within the budget; a refusal is not."""
    model = FakeModel("Four", failure=failure)
    with pytest.raises(ApplicationError) as failed:
        await environment().run(ReplyActivities(model).generate_reply, writing())
    assert (failed.value.type, failed.value.non_retryable) == (type(failure).__name__, not retried)


async def test_a_model_that_takes_too_long_is_unavailable_and_closed():
    """The budget holds also for a model that does not keep to it."""
    model = FakeModel("Four", hold=True)
    with pytest.raises(ApplicationError) as failed:
        await environment(seconds=0.3).run(ReplyActivities(model).generate_reply, writing())
    assert (failed.value.type, failed.value.non_retryable) == ("ModelUnavailable", True)
    assert model.is_closed


async def test_a_cancelled_reply_closes_the_model_first():
    """When the activity has ended, nobody is writing any more; and it ends as cancelled."""
    model, made = FakeModel("Four", hold=True), environment()
    running = asyncio.create_task(made.run(ReplyActivities(model).generate_reply, writing()))
    await model.holding.wait()
    made.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    assert model.is_closed


async def test_it_beats_before_the_model_is_asked():
    """A cancellation that is older than the activity reaches it with its first heartbeat."""
    order: list[str] = []

    class Model(FakeModel):
        def write(self, prompt, *, budget):
            order.append("asked")
            return super().write(prompt, budget=budget)

    made = environment()
    made.on_heartbeat = lambda *_: order.append("beat")
    await made.run(ReplyActivities(Model("Hello")).generate_reply, writing())
    assert order[:2] == ["beat", "asked"]


# --- on a real Temporal server, with a real HTTP stream ------------------------------------------------------
@asynccontextmanager
async def model_behind(bench: TurnBench, *answers: Answer) -> AsyncIterator[OpenAIServer]:
    """A worker whose replies are written by a model that answers so."""
    server = OpenAIServer(*answers)
    async with server.listening() as base_url:
        model = LanguageModel(base_url, "small-model")
        bench.replies = ReplyActivities(model)
        async with bench.worker():
            yield server
        await model.close()


async def start(bench: TurnBench, message: str = FIND_A_FLAT) -> WorkflowHandle[ChatTurnWorkflow, Any]:
    client_msg_id = str(uuid4())
    return await bench.client.start_workflow(
        ChatTurnWorkflow.run,
        ChatTurnInput(
            user_id=bench.user_id,
            message=message,
            thread_id=bench.thread_id,
            client_msg_id=client_msg_id,
            reply_mode=ReplyMode.MODEL,
        ),
        id=chat_turn_workflow_id(turn_id_for(bench.thread_id, client_msg_id)),
        task_queue=bench.task_queue,
        task_timeout=timedelta(seconds=2),
        execution_timeout=timedelta(minutes=5),
    )


async def test_what_the_model_writes_is_what_is_shown_and_stored(idle_bench: TurnBench):
    """The deltas of a turn are the text of its result, and the result names the model."""
    answer = says("Two", " flats", 0.3, " in", " Girne.", 0.3, " By the month?")
    async with model_behind(idle_bench, answer) as server:
        handle = await start(idle_bench)
        result = await handle.result()
        events = await shown(idle_bench, handle)
    assert result.response_text == "Two flats in Girne. By the month?"
    deltas = [event.text for event in events if isinstance(event, Delta)]
    assert "".join(deltas) == result.response_text
    assert 1 < len(deltas) <= 4
    assert (result.model, result.degraded, result.act) == ("small-model", (), Act.SEARCH_AND_RECOMMEND)
    assert [message["role"] for message in server.requests[0].body["messages"]] == ["system", "user"]


async def test_a_second_turn_tells_the_model_of_the_first(idle_bench: TurnBench):
    """Message and reply of the turn before come between the system's words and the new message."""
    async with model_behind(idle_bench, says("Two flats."), says("Those were all.")) as server:
        await (await start(idle_bench)).result()
        await (await start(idle_bench, "any more?")).result()
    said = [(message["role"], message["content"]) for message in server.requests[1].body["messages"][1:]]
    assert said == [("user", FIND_A_FLAT), ("assistant", "Two flats."), ("user", "any more?")]


async def test_a_reply_that_breaks_off_is_written_anew(idle_bench: TurnBench):
    """The second attempt's text is the result, whole; the first one's request was not repeated by the client."""
    async with model_behind(idle_bench, says("Tw", CUT), says("Two flats.")) as server:
        handle = await start(idle_bench)
        result = await handle.result()
    assert (result.response_text, result.model, result.degraded) == ("Two flats.", "small-model", ())
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("answers", "requests", "reason"),
    [
        ([refuses(401)], 1, "ModelRejected"),
        ([refuses(200, "<html>")], 1, "ModelUnreadable"),
        ([refuses(429, "", Retry_After="60")], 1, "ModelUnavailable"),
        ([refuses(503), says("Tw", CUT), refuses(500)], 3, "ModelUnavailable"),
    ],
)
async def test_a_model_that_fails_is_replaced_by_the_template(idle_bench: TurnBench, answers, requests, reason):
    """The turn is answered all the same, and says what was done."""
    async with model_behind(idle_bench, *answers) as server:
        result = await (await start(idle_bench)).result()
    assert result.status is TurnStatus.COMPLETED
    assert result.model == "template"
    assert result.response_text
    assert [(entry.step, entry.reason, entry.fallback) for entry in result.degraded] == [
        ("reply", reason, "template")
    ]
    assert len(server.requests) == requests


async def test_stopping_a_turn_closes_the_providers_stream(idle_bench: TurnBench):
    """Stopped before the first token, a turn leaves nobody writing and no text behind."""
    async with model_behind(idle_bench, says(asyncio.Event(), "Two")) as server:
        handle = await start(idle_bench)
        request = await server.request()
        await request.reached.wait()
        await handle.cancel()
        result = await handle.result()
        async with asyncio.timeout(3):
            await request.closed.wait()
    assert (result.status, result.response_text) == (TurnStatus.STOPPED, "")


async def test_a_stopped_reply_keeps_exactly_what_was_shown(idle_bench: TurnBench):
    """Stopped in mid-text: the stored text is the deltas, and none comes after the turn was closed."""
    async with model_behind(idle_bench, says("Two", " flats", 0.3, " in", asyncio.Event())) as server:
        handle = await start(idle_bench)
        await (await server.request()).reached.wait()
        await handle.cancel()
        result = await handle.result()
        deltas = [event.text for event in await shown(idle_bench, handle) if isinstance(event, Delta)]
        async with asyncio.timeout(3):
            await server.requests[0].closed.wait()
    assert result.status is TurnStatus.STOPPED
    assert result.response_text == "".join(deltas)
    assert result.response_text.startswith("Two")
