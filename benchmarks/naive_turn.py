"""The turn as one would write it first: four regular activities one after another, every setting at its default.

It makes the same calls as the product's turn (memory server, search API, template reply, database), so the
difference is how they are arranged and how Temporal is used.
"""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from adapters.conversations_sql import ConversationsSQL
    from adapters.listing_api import ListingAPI
    from adapters.zep import ZepMemory
    from domain.conversation import ClosedTurn, CloseTurnInput, NewTurn
    from domain.grammar.understand import understand
    from domain.listings import FoundListings
    from domain.memory import CreateMemoryInput, MemoryContext, MemoryUse, MemoryWritten, memory_batch
    from domain.reply import GenerateReplyInput, Reply
    from domain.sentences.compose import compose_reply
    from domain.thread import ThreadState
    from domain.turn import ChatTurnResult, ReplyMode, TurnStatus, Versions
    from domain.understanding import Understanding, UnderstandMessageInput
    from domain.value import Value

CALL_SECONDS = 1.4


class UnderstoodAndFound(Value):
    understood: Understanding
    found: FoundListings | None


class ReplyAndStore(Value):
    turn: NewTurn
    findings: UnderstoodAndFound
    memory: MemoryContext


@dataclass
class NaiveActivities:
    store: ConversationsSQL
    memory: ZepMemory
    search: ListingAPI

    @activity.defn
    async def naive_fetch_memory(self, turn: NewTurn) -> MemoryContext:
        return await self.memory.fetch_context(turn.user_id, turn.thread_id, budget=CALL_SECONDS)

    @activity.defn
    async def naive_search(self, turn: NewTurn) -> UnderstoodAndFound:
        opened = await self.store.open_turn(turn)
        understood = understand(
            UnderstandMessageInput(message=turn.message, state=opened.state, started_at=opened.started_at)
        )
        found = await self.search.find(understood.plan, budget=CALL_SECONDS) if understood.plan else None
        return UnderstoodAndFound(understood=understood, found=found)

    @activity.defn
    async def naive_reply(self, input: ReplyAndStore) -> ClosedTurn:
        findings = input.findings
        reply = compose_reply(
            GenerateReplyInput(
                turn_id=input.turn.turn_id,
                message=input.turn.message,
                mode=ReplyMode.TEMPLATE,
                state=ThreadState(),
                understood=findings.understood,
                found=findings.found,
                memory=input.memory,
            )
        )
        closing = closing_of(input.turn, findings, reply)
        return await self.store.close_turn(closing, result_of(input.turn, findings, reply))

    @activity.defn
    async def naive_create_memory(self, input: CreateMemoryInput) -> MemoryWritten:
        batch = memory_batch(input)
        await self.memory.append(input.user_id, input.thread_id, batch, budget=CALL_SECONDS)
        return MemoryWritten(messages=len(batch))


def closing_of(turn: NewTurn, findings: UnderstoodAndFound, reply: Reply) -> CloseTurnInput:
    return CloseTurnInput(
        turn=turn,
        status=TurnStatus.COMPLETED,
        state=reply.state,
        understood=findings.understood,
        reply=reply,
    )


def result_of(turn: NewTurn, findings: UnderstoodAndFound, reply: Reply) -> ChatTurnResult:
    return ChatTurnResult(
        turn_id=turn.turn_id,
        thread_id=turn.thread_id,
        message_id=turn.turn_id,
        status=TurnStatus.COMPLETED,
        response_text=reply.text,
        agent=findings.understood.agent,
        act=reply.act,
        language=findings.understood.language,
        recommendations=reply.recommendations,
        slots=findings.understood.slots,
        memory=MemoryUse(),
        model=reply.model,
        versions=Versions(build_id="naive", config="naive"),
    )


@workflow.defn
class NaiveTurnWorkflow:
    @workflow.run
    async def run(self, turn: NewTurn) -> ChatTurnResult:
        timeout = timedelta(seconds=10)
        memory = await workflow.execute_activity_method(
            NaiveActivities.naive_fetch_memory, turn, start_to_close_timeout=timeout
        )
        findings = await workflow.execute_activity_method(
            NaiveActivities.naive_search, turn, start_to_close_timeout=timeout
        )
        closed = await workflow.execute_activity_method(
            NaiveActivities.naive_reply,
            ReplyAndStore(turn=turn, findings=findings, memory=memory),
            start_to_close_timeout=timeout,
        )
        await workflow.execute_activity_method(
            NaiveActivities.naive_create_memory,
            CreateMemoryInput(
                user_id=turn.user_id,
                thread_id=turn.thread_id,
                turn_id=turn.turn_id,
                user_text=turn.message,
                assistant_text=closed.result.response_text,
            ),
            start_to_close_timeout=timeout,
        )
        return closed.result
