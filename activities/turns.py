"""Opening and closing a turn. Both may run more than once: each answers the same every time."""

from datetime import UTC, datetime

from temporalio import activity

from activities.failures import typed_failures
from domain.conversation import (
    Blocker,
    ClosedTurn,
    CloseTurnInput,
    OpenedTurn,
    OpenTurnInput,
    RunPhase,
    TurnRun,
)
from domain.names import TURN_NOT_STARTED, TURN_TERMINATED, assistant_message_id
from domain.ports import ConversationStore, TurnRuns
from domain.sentences import apology_text, rejected_text, spoken
from domain.thread import Agent
from domain.turn import Act, ChatTurnResult, OnBusy, ReplyMode, TurnStatus, Versions
from domain.waiting import START_GRACE


class TurnActivities:
    def __init__(self, store: ConversationStore, runs: TurnRuns, versions: Versions) -> None:
        self._store = store
        self._runs = runs
        self._versions = versions

    @activity.defn
    async def open_turn(self, input: OpenTurnInput) -> OpenedTurn:
        """Find the turn's place in its thread; see to the earlier turns that hold it back."""
        with typed_failures():
            opened = await self._open(input)
            if not opened.blocked_by:
                return opened
            looked_at = [await self._see_to(blocker, input) for blocker in opened.blocked_by]
            still_open = tuple(blocker for blocker in looked_at if blocker is not None)
            if still_open:
                return opened.model_copy(update={"blocked_by": still_open})
            return await self._open(input)

    async def _open(self, input: OpenTurnInput) -> OpenedTurn:
        return await self._store.open_turn(input.turn, recent_messages=input.recent_messages)

    async def _see_to(self, blocker: Blocker, input: OpenTurnInput) -> Blocker | None:
        """The blocker with its progress, or nothing once it has ended, by itself or by us."""
        run = await self._runs.look(blocker.workflow_id)
        if run.phase is RunPhase.RUNNING and blocker.turn_id not in input.give_up_on:
            if input.turn.on_busy is OnBusy.INTERRUPT:
                await self._runs.stop(blocker.workflow_id)
            return blocker.model_copy(update={"progress": run.progress})
        if run.phase is RunPhase.UNKNOWN and datetime.now(UTC) - blocker.accepted_at < START_GRACE:
            return blocker
        if run.phase is RunPhase.RUNNING:
            await self._runs.terminate(blocker.workflow_id, "no progress while a later turn waited")
        await self._store.fail_turn(blocker.turn_id, _error_code(run, blocker))
        return None

    @activity.defn
    async def close_turn(self, input: CloseTurnInput) -> ClosedTurn:
        """Store how the turn ended. The answer comes from the row, for an earlier close may have won."""
        with typed_failures():
            closed = await self._store.close_turn(input, self._result(input))
        result = closed.result
        activity.logger.info(
            "turn_closed",
            extra={
                "turn_id": result.turn_id,
                "status": result.status,
                "agent": result.agent,
                "act": result.act,
                "cards": len(result.recommendations),
                "degraded": [f"{entry.step}:{entry.reason}" for entry in result.degraded],
            },
        )
        return closed

    def _result(self, closing: CloseTurnInput) -> ChatTurnResult:
        reply, understood = closing.reply, closing.understood
        language = spoken(understood.language if understood else closing.state.language)
        text = reply.text if reply else closing.partial_text
        if not text and closing.status is TurnStatus.REJECTED:
            text = rejected_text(language)
        if not text and closing.status is TurnStatus.COMPLETED:
            text = apology_text(language)
        return ChatTurnResult(
            turn_id=closing.turn.turn_id,
            thread_id=closing.turn.thread_id,
            message_id=assistant_message_id(closing.turn.thread_id, closing.turn.client_msg_id),
            status=closing.status,
            response_text=text,
            agent=understood.agent if understood else closing.state.agent or Agent.GENERAL,
            act=reply.act if reply else Act.CLARIFY,
            question=reply.question if reply else None,
            language=language,
            recommendations=reply.recommendations if reply else (),
            filters_used=closing.filters_used,
            relaxed=closing.relaxed,
            slots=understood.slots if understood else closing.state.slots,
            memory=closing.memory,
            degraded=closing.degraded,
            model=reply.model if reply else closing.partial_model or ReplyMode.TEMPLATE,
            versions=self._versions,
        )


def _error_code(run: TurnRun, blocker: Blocker) -> str:
    if run.phase is RunPhase.RUNNING:
        return TURN_TERMINATED
    if run.phase is RunPhase.UNKNOWN and not blocker.has_started:
        return TURN_NOT_STARTED
    return run.error_code
