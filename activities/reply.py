"""The reply step."""

from contextlib import aclosing

from temporalio import activity

from activities.failures import typed_failures
from activities.heartbeat import heartbeating
from activities.reply_deltas import DeltaWriter, SignalPace, signal_own_workflow
from activities.step_budget import StepBudget
from domain.errors import ModelNotConfigured, ModelUnavailable
from domain.ports import ReplyModel
from domain.prompt import prompt
from domain.reply import GenerateReplyInput, Reply
from domain.sentences.compose import compose_reply
from domain.turn import ReplyMode

LAST_WORDS_SECONDS = 0.2
"""Kept back from the model's budget for the signal after its last piece."""

USEFUL_SECONDS = 1.0
"""With less than this left a model is not asked again."""


class ReplyActivities:
    """`model`: absent on a worker that writes by templates only."""

    def __init__(self, model: ReplyModel | None = None) -> None:
        self._model = model
        self._pace = SignalPace()

    @activity.defn
    async def generate_reply(self, input: GenerateReplyInput) -> Reply:
        """What is said and shown comes from the templates in either mode; a model only finds the words.

        While it does, the turn's workflow is told what is written so far. When the activity is cancelled, the
        provider's stream is closed before it ends.
        """
        grounding = compose_reply(input)
        if input.mode is ReplyMode.TEMPLATE:
            return grounding
        budget = StepBudget.of_this_attempt(useful=USEFUL_SECONDS)
        with typed_failures(budget):
            async with heartbeating(budget.spent), budget.enforced(ModelUnavailable):
                return await self._by_model(input, grounding, budget)

    async def _by_model(self, input: GenerateReplyInput, grounding: Reply, budget: StepBudget) -> Reply:
        if self._model is None:
            raise ModelNotConfigured
        info = activity.info()
        writer = DeltaWriter(
            signal_own_workflow,
            self._pace,
            run_id=info.workflow_run_id or "",
            attempt=info.attempt,
            model=self._model.name,
        )
        seconds = max(budget.seconds - LAST_WORDS_SECONDS, 0.0)
        async with aclosing(self._model.write(prompt(input, grounding), budget=seconds)) as pieces:
            text = await writer.write(pieces)
        return grounding.model_copy(update={"text": text, "model": self._model.name})
