"""One chat turn: a message, its reply, and the record of both."""

import asyncio
import contextlib
from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)
from temporalio.exceptions import TimeoutError as ActivityTimeoutError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.listings import ListingActivities
    from activities.memory import MemoryActivities
    from activities.reply import ReplyActivities
    from activities.turns import TurnActivities
    from activities.understanding import UnderstandingActivities
    from domain.conversation import ClosedTurn, CloseTurnInput, NewTurn, NextTurn, OpenedTurn, OpenTurnInput
    from domain.listings import FoundListings
    from domain.memory import (
        CreateMemoryInput,
        FetchMemoryInput,
        MemoryContext,
        MemoryUse,
        memory_batch,
    )
    from domain.names import REPLY_DELTA, TURN_RELEASED, remember_turn_workflow_id
    from domain.new_turn import new_turn
    from domain.progress import turn_details
    from domain.reply import RECENT_MESSAGES, GenerateReplyInput, PartialReply, Reply, ReplyDelta
    from domain.turn import ChatTurnInput, ChatTurnResult, Degradation, OnBusy, ReplyMode, StepName, TurnStatus
    from domain.understanding import Understanding, UnderstandMessageInput, not_understood
    from domain.waiting import StalledTurns
    from workflows import options, search_attributes
    from workflows.remember_turn import RememberTurnWorkflow
    from workflows.to_the_end import to_the_end


@dataclass
class _Answer:
    """What the turn has found out so far; a cancellation leaves it as far as it came."""

    understood: Understanding | None = None
    memory: MemoryContext | None = None
    found: FoundListings | None = None
    reply: Reply | None = None
    status: TurnStatus = TurnStatus.COMPLETED


@workflow.defn
class ChatTurnWorkflow:
    """Ends Completed whenever the turn has an outcome, a stopped or rejected one included.

    It fails only when the turn's record cannot be opened or closed, with a typed error.
    """

    @workflow.init
    def __init__(self, input: ChatTurnInput) -> None:
        self._input = input
        self._turn: NewTurn = new_turn(input, workflow.info().workflow_id)
        self._answer = _Answer()
        self._partial = PartialReply()
        self._degraded: list[Degradation] = []
        self._released = False

    @workflow.run
    async def run(self, input: ChatTurnInput) -> ChatTurnResult:  # noqa: ARG002 - __init__ keeps it
        opened, stopped = await to_the_end(self._open())
        if opened.ended_as is not None:
            return opened.ended_as
        if stopped:
            self._answer.status = TurnStatus.STOPPED
        else:
            opened = await self._answer_or_stop(opened)
        closed, _ = await to_the_end(self._finish(opened))
        return closed.result

    async def _answer_or_stop(self, opened: OpenedTurn) -> OpenedTurn:
        try:
            opened = await self._wait_for_earlier_turns(opened)
            if self._answer.status is not TurnStatus.REJECTED:
                await self._find_an_answer(opened)
        except BaseException as error:
            # Covers asyncio.CancelledError and the ActivityError of a cancelled activity alike.
            if not is_cancelled_exception(error):
                raise
            self._answer.status = TurnStatus.STOPPED
        return opened

    # --- the turn's place in its thread ---------------------------------------------------------------------

    async def _open(self, give_up_on: tuple[str, ...] = ()) -> OpenedTurn:
        for_a_model = self._input.reply_mode is ReplyMode.MODEL
        opening = OpenTurnInput(
            turn=self._turn,
            give_up_on=give_up_on,
            recent_messages=RECENT_MESSAGES if for_a_model else 0,
        )
        try:
            return await workflow.execute_local_activity_method(TurnActivities.open_turn, opening, **options.OPEN)
        except FailureError as error:
            _raise_unless_transient(error)
        return await workflow.execute_activity_method(TurnActivities.open_turn, opening, **options.OPEN_UNTIL_DONE)

    async def _wait_for_earlier_turns(self, opened: OpenedTurn) -> OpenedTurn:
        stalled = StalledTurns()
        while opened.blocked_by:
            if self._turn.on_busy is OnBusy.REJECT:
                self._answer.status = TurnStatus.REJECTED
                return opened
            give_up_on = stalled.observe(opened.blocked_by, workflow.now())
            if not give_up_on:
                await self._wait_for_a_release()
            opened = await self._open(give_up_on)
        return opened

    async def _wait_for_a_release(self) -> None:
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._released, timeout=options.WAIT_SLICE)
        self._released = False

    @workflow.signal(name=TURN_RELEASED)
    def turn_released(self) -> None:
        """An earlier turn closed: ask again. It is no permission, an even earlier one may still run."""
        self._released = True

    # --- the answer -----------------------------------------------------------------------------------------

    async def _find_an_answer(self, opened: OpenedTurn) -> None:
        answer = self._answer
        answer.understood = await self._understand(opened)
        answer.memory, answer.found = await asyncio.gather(self._recall(), self._search(answer.understood))
        answer.reply = await self._reply(opened, answer.understood)

    async def _understand(self, opened: OpenedTurn) -> Understanding:
        try:
            return await workflow.execute_local_activity_method(
                UnderstandingActivities.understand_message,
                UnderstandMessageInput(
                    message=self._turn.message,
                    language=self._turn.language,
                    state=opened.state,
                    started_at=opened.started_at,
                ),
                **options.UNDERSTAND,
            )
        except FailureError as error:
            self._degrade(StepName.UNDERSTAND, error, fallback="thread_state")
            return not_understood(opened.state, self._turn.language)

    async def _recall(self) -> MemoryContext | None:
        if not self._input.memory_mode.reads:
            return None
        try:
            return await workflow.execute_activity_method(
                MemoryActivities.fetch_memory,
                FetchMemoryInput(user_id=self._turn.user_id, thread_id=self._turn.thread_id),
                **options.RECALL,
            )
        except FailureError as error:
            self._degrade(StepName.RECALL, error, fallback="no_memory")
            return None

    async def _search(self, understood: Understanding) -> FoundListings | None:
        if understood.plan is None:
            return None
        try:
            return await workflow.execute_activity_method(
                ListingActivities.search_listings,
                understood.plan,
                **options.SEARCH,
            )
        except FailureError as error:
            self._degrade(StepName.SEARCH, error, fallback="no_listings")
            return None

    async def _reply(self, opened: OpenedTurn, understood: Understanding) -> Reply | None:
        writing = GenerateReplyInput(
            turn_id=self._turn.turn_id,
            message=self._turn.message,
            mode=self._input.reply_mode,
            state=opened.state,
            understood=understood,
            found=self._answer.found,
            memory=self._answer.memory or MemoryContext(),
            degraded=tuple(self._degraded),
            recent=opened.recent,
            answers_anew=self._turn.regenerates is not None,
        )
        try:
            return await self._write_reply(writing)
        except FailureError as error:
            self._degrade(StepName.REPLY, error, fallback="template")
            self._partial = self._partial.voided()
        try:
            return await workflow.execute_local_activity_method(
                ReplyActivities.generate_reply,
                writing.model_copy(
                    update={"mode": ReplyMode.TEMPLATE, "degraded": tuple(self._degraded), "recent": ()}
                ),
                **options.REPLY_BY_TEMPLATE,
            )
        except FailureError as error:
            self._degrade(StepName.REPLY, error, fallback="apology")
            return None

    async def _write_reply(self, writing: GenerateReplyInput) -> Reply:
        writer = workflow.start_activity_method(
            ReplyActivities.generate_reply,
            writing,
            **options.REPLY,
        )
        try:
            return await asyncio.shield(writer)
        except asyncio.CancelledError:
            # Its last words shall be in the history before the turn is closed, but it gets no longer than this.
            writer.cancel()
            ended, _ = await workflow.wait([writer], timeout=options.REPLY_STOP_SECONDS)
            await asyncio.gather(*ended, return_exceptions=True)  # unread, its end would be logged as an error
            raise

    @workflow.signal(name=REPLY_DELTA)
    def reply_delta(self, delta: ReplyDelta) -> None:
        """A piece of the reply as it is written; one of another run is an operator's reset playing it again."""
        # Whoever may signal can send nothing at all, which is decoded as such.
        if isinstance(delta, ReplyDelta) and delta.run_id == workflow.info().run_id:
            self._partial = self._partial.with_delta(delta)

    # --- the record -----------------------------------------------------------------------------------------

    async def _finish(self, opened: OpenedTurn) -> ClosedTurn:
        closed = await self._close(opened)
        workflow.set_current_details(turn_details(closed.result))
        self._mark_the_unusual(closed.result)
        if closed.next_turn is not None:
            await self._release(closed.next_turn)
        await self._remember(closed.result)
        return closed

    async def _close(self, opened: OpenedTurn) -> ClosedTurn:
        closing = self._closing(opened)
        try:
            return await workflow.execute_local_activity_method(
                TurnActivities.close_turn, closing, **options.CLOSE
            )
        except FailureError as error:
            _raise_unless_transient(error)
        return await workflow.execute_activity_method(
            TurnActivities.close_turn, closing, **options.CLOSE_UNTIL_DONE
        )

    def _closing(self, opened: OpenedTurn) -> CloseTurnInput:
        answer = self._answer
        return CloseTurnInput(
            turn=self._turn,
            status=answer.status,
            state=answer.reply.state if answer.reply else opened.state,
            understood=answer.understood,
            reply=answer.reply if answer.status is TurnStatus.COMPLETED else None,
            partial_text=self._partial.text if answer.status is TurnStatus.STOPPED else "",
            partial_model=self._partial.model if answer.status is TurnStatus.STOPPED else "",
            filters_used=answer.found.filters_used if answer.found else {},
            relaxed=answer.found.relaxed if answer.found else (),
            memory=self._memory_use(),
            degraded=tuple(self._degraded),
        )

    def _memory_use(self) -> MemoryUse:
        memory = self._answer.memory
        return MemoryUse(
            used=memory is not None,
            mode=self._input.memory_mode,
            source=memory.source if memory else None,
            facts=len(memory.facts) if memory else 0,
        )

    def _mark_the_unusual(self, result: ChatTurnResult) -> None:
        """Search attributes for what an operator looks for; a plain completed turn saves the event."""
        if result.status is TurnStatus.COMPLETED and not result.degraded:
            return
        workflow.upsert_search_attributes(
            [
                search_attributes.TURN_STATUS.value_set(result.status),
                search_attributes.AGENT.value_set(result.agent),
                search_attributes.DEGRADED.value_set([entry.step for entry in result.degraded]),
            ]
        )

    async def _release(self, waiting: NextTurn) -> None:
        try:
            await workflow.get_external_workflow_handle(waiting.workflow_id).signal(TURN_RELEASED)
        except ApplicationError:
            # It has ended or not begun yet. Nothing is lost: a waiting turn asks again by itself.
            workflow.logger.info("turn_release_not_delivered")

    async def _remember(self, result: ChatTurnResult) -> None:
        remembering = CreateMemoryInput(
            user_id=self._turn.user_id,
            thread_id=self._turn.thread_id,
            turn_id=self._turn.turn_id,
            user_text=self._turn.message,
            assistant_text=result.response_text,
            answered_anew=self._turn.is_remembered,
        )
        if result.status is TurnStatus.REJECTED or not self._input.memory_mode.writes:
            return
        if not memory_batch(remembering):
            return
        try:
            await workflow.execute_activity_method(
                MemoryActivities.create_memory,
                remembering,
                **options.REMEMBER,
            )
        except FailureError:
            await self._remember_later(remembering)

    async def _remember_later(self, remembering: CreateMemoryInput) -> None:
        try:
            await workflow.start_child_workflow(
                RememberTurnWorkflow.run,
                remembering.model_copy(update={"patient": True}),
                id=remember_turn_workflow_id(self._turn.turn_id),
                parent_close_policy=ParentClosePolicy.ABANDON,
                execution_timeout=options.REMEMBER_EXECUTION_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("remember_turn_already_running")

    def _degrade(self, step: StepName, error: FailureError, *, fallback: str) -> None:
        """Note a failed step. A cancelled one is no failure: the turn is being stopped."""
        if is_cancelled_exception(error):
            raise error
        self._degraded.append(Degradation(step=step, reason=_reason(error), fallback=fallback))


def _reason(error: FailureError) -> str:
    cause = _cause(error)
    if isinstance(cause, ApplicationError):
        return cause.type or "unknown"
    return "Timeout" if isinstance(cause, ActivityTimeoutError) else type(cause).__name__


def _raise_unless_transient(error: FailureError) -> None:
    """A record that cannot be opened or closed for good ends the turn; an outage is waited out."""
    cause = _cause(error)
    if is_cancelled_exception(error):
        raise error
    if isinstance(cause, ApplicationError) and cause.non_retryable:
        raise cause


def _cause(error: FailureError) -> BaseException | None:
    """A regular activity's failure comes wrapped in an ActivityError, a local one's comes bare."""
    return error.cause if isinstance(error, ActivityError) else error
