"""Ports that fail, hang or wait on command, and remember what they were asked."""

import asyncio
from collections.abc import Sequence

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.reply import ReplyActivities
from adapters.conversations_sql import ConversationsSQL
from adapters.forgetting_sql import ForgettingSQL
from domain.conversation import ClosedTurn, CloseTurnInput, NewTurn, OpenedTurn
from domain.errors import ChatError
from domain.forgetting import ForgottenRecord, MarkedThread
from domain.listings import FoundListings, Listing, SearchPlan
from domain.memory import MemoryContext, MemoryMessage
from domain.reply import GenerateReplyInput, Reply
from domain.sentences.compose import compose_reply
from domain.slots import Currency, PropertyType, RentalType
from domain.turn import ChatTurnResult


def a_listing(number: int = 1) -> Listing:
    return Listing(
        id=f"listing-{number}",
        reference=f"GI-{number:04}",
        title=f"Flat number {number}",
        description="A flat made up for a test.",
        city="girne",
        lat=35.34,
        lng=33.32,
        bedrooms=2,
        bathrooms=1,
        property_type=PropertyType.APARTMENT,
        rent_type=RentalType.LONG_TERM,
        currency=Currency.GBP,
        monthly_price=500 + number,
        agency_name="Example Homes",
    )


class Script:
    """What a port shall do at its next calls: raise these errors one after another, then work.

    `gate` holds every call until the test opens it; `reached` tells the test that a call waits there.
    """

    def __init__(self, failures: Sequence[ChatError] = (), *, always: ChatError | None = None) -> None:
        self.failures = list(failures)
        self.always = always
        self.calls = 0
        self.gate: asyncio.Event | None = None
        self.reached = asyncio.Event()

    def hold(self) -> asyncio.Event:
        """Calls wait from now on; returns the gate that lets them go."""
        self.gate, self.reached = asyncio.Event(), asyncio.Event()
        return self.gate

    async def run(self) -> None:
        self.calls += 1
        if self.gate is not None:
            self.reached.set()
            await self.gate.wait()
        if self.always is not None:
            raise self.always
        if self.failures:
            raise self.failures.pop(0)


class ScriptedMemory:
    """Keeps messages by id, as a memory server with fixed ids does."""

    def __init__(self) -> None:
        self.reads, self.writes, self.forgets = Script(), Script(), Script()
        self.stored: dict[str, MemoryMessage] = {}

    async def fetch_context(self, user_id: str, thread_id: str, *, budget: float) -> MemoryContext:
        await self.reads.run()
        return MemoryContext(messages=tuple(self.stored.values()))

    async def append(
        self, user_id: str, thread_id: str, messages: tuple[MemoryMessage, ...], *, budget: float
    ) -> None:
        await self.writes.run()
        self.stored.update({message.id: message for message in messages})

    async def forget(self, thread_id: str, *, budget: float) -> None:
        """One thread is all that a bench has. Forgets before it fails: a reply that is lost."""
        self.stored.clear()
        await self.forgets.run()


class ScriptedSearch:
    def __init__(self, listings: int = 4) -> None:
        self.script = Script()
        self.plans: list[SearchPlan] = []
        self._listings = tuple(a_listing(number) for number in range(1, listings + 1))

    async def find(self, plan: SearchPlan, *, budget: float) -> FoundListings:
        self.plans.append(plan)
        await self.script.run()
        return FoundListings(listings=self._listings, total=len(self._listings), query=plan.query)


class ScriptedReplies(ReplyActivities):
    """The real replies behind a script: the step with the longest budget, so a turn can be held open in it."""

    def __init__(self) -> None:
        self.script = Script()

    @activity.defn(name="generate_reply")
    async def generate_reply(self, input: GenerateReplyInput) -> Reply:
        async with heartbeating():
            await self.script.run()
        return compose_reply(input)


class ScriptedStore:
    """The real store behind scripts, so that the database can be away for a while."""

    def __init__(self, store: ConversationsSQL) -> None:
        self.store = store
        self.database = store._database
        self.opens, self.closes = Script(), Script()

    async def open_turn(self, turn: NewTurn, *, recent_messages: int = 0) -> OpenedTurn:
        await self.opens.run()
        return await self.store.open_turn(turn, recent_messages=recent_messages)

    async def fail_turn(self, turn_id: str, error_code: str) -> None:
        await self.store.fail_turn(turn_id, error_code)

    async def close_turn(self, closing: CloseTurnInput, result: ChatTurnResult) -> ClosedTurn:
        await self.closes.run()
        return await self.store.close_turn(closing, result)


class ScriptedForgetting:
    """The real store behind scripts that run after the work is done: a step that is repeated all the same."""

    def __init__(self, store: ForgettingSQL) -> None:
        self.store = store
        self.looks, self.records, self.threads = Script(), Script(), Script()

    async def marked_thread(self, user_id: str, thread_id: str) -> MarkedThread | None:
        thread = await self.store.marked_thread(user_id, thread_id)
        await self.looks.run()
        return thread

    async def turns_of(self, user_id: str, thread_id: str) -> tuple[tuple[str, str], ...]:
        return await self.store.turns_of(user_id, thread_id)

    async def forget_record(self, user_id: str, thread_id: str) -> ForgottenRecord:
        record = await self.store.forget_record(user_id, thread_id)
        await self.records.run()
        return record

    async def forget_thread(self, user_id: str, thread_id: str) -> None:
        await self.store.forget_thread(user_id, thread_id)
        await self.threads.run()
