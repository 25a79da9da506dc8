"""Session memory through zep-python 2.0.2, which only the files zep*.py of this room import."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
from zep_python import Message
from zep_python import Session as ZepSession

from adapters import zep_operations as op
from adapters.zep_client import WRITE_SECONDS, ZepClient
from adapters.zep_failures import TRANSIENT_STATUSES, log_unexpected_status
from adapters.zep_limits import refuse_malformed, refuse_what_zep_refuses, zep_user_id
from domain.errors import MemoryFailure, MemoryMisconfigured, MemoryUnavailable
from domain.memory import MemoryContext, MemoryMessage, MemoryRole

log = structlog.get_logger("islanders.memory")

RECENT_MESSAGES: Final = 12
KNOWN_SESSIONS: Final = 10_000
ABSENT_SESSION: Final = "islanders-readiness-probe"

SHARE_OF_MEMORY: Final = 0.6
"""Of the time that is left: the rest is for the plain list of messages, which works without the graph."""

SUCCESSES: Final = range(200, 300)
ALREADY_THERE: Final = (400, 409)
"""Zep says so by 400; nothing but reading again tells it from a real refusal."""

CONVERSATION: Final = {role.value: role for role in MemoryRole}


class ZepMemory:
    """Implements domain.ports.Memory. Belongs to the event loop it is made in; close it at the end."""

    def __init__(self, base_url: str, api_key: str, *, timeout: float) -> None:
        """`base_url` is the bare base, without /api/v2; `timeout` in seconds holds for one reading request."""
        self._timeout = timeout
        self._zep = ZepClient(base_url, api_key, timeout=timeout)
        self._owner_of: OrderedDict[str, str] = OrderedDict()

    async def close(self) -> None:
        await self._zep.close()

    async def fetch_context(self, user_id: str, thread_id: str, *, budget: float) -> MemoryContext:
        """Raises MemoryFailure. A session this process has seen is not looked up again."""
        started = time.monotonic()
        owner = zep_user_id(user_id)
        async with _within(budget) as deadline:
            if self._owner_of.get(thread_id) != owner:
                await self._ensure_session(thread_id, owner)
            context, degraded = await self._context(thread_id, deadline)
        log.info(
            "zep_context_fetched",
            session_id=thread_id,
            messages=len(context.messages),
            facts=len(context.facts),
            degraded=degraded,
            took_ms=_milliseconds_since(started),
        )
        return context

    async def append(
        self, user_id: str, thread_id: str, messages: tuple[MemoryMessage, ...], *, budget: float
    ) -> None:
        """Raises MemoryFailure; MemoryRejected without a request for what Zep would never take."""
        if not messages:
            log.info("zep_write_skipped", session_id=thread_id)
            return
        started = time.monotonic()
        refuse_what_zep_refuses(messages)
        async with _within(budget):
            # Always, seen or not: a message to a missing session makes one that nobody can ever own.
            await self._ensure_session(thread_id, zep_user_id(user_id))
            await self._add(thread_id, messages)
        log.info(
            "zep_memory_added",
            session_id=thread_id,
            messages=len(messages),
            took_ms=_milliseconds_since(started),
        )

    async def forget(self, thread_id: str, *, budget: float) -> None:
        """Raises MemoryFailure. Deletes the session for good; one that is not there is a success."""
        refuse_malformed(thread_id)
        async with _within(budget):
            deleting = self._zep.memory.delete(thread_id)
            answer = await self._zep.find(op.DELETE_MEMORY, deleting, seconds=WRITE_SECONDS)
            if answer is not None and answer.message is None:
                raise MemoryMisconfigured("not an answer of Zep", status=200)
        self._owner_of.pop(thread_id, None)
        log.info("zep_session_forgotten", session_id=thread_id, existed=answer is not None)

    async def probe(self) -> None:
        """Raises the typed failure when no Zep answers at the base URL with this key."""
        await self._get_session(ABSENT_SESSION)

    # --- user and session -----------------------------------------------------------------------------------

    async def _ensure_session(self, thread_id: str, owner: str) -> None:
        refuse_malformed(thread_id)
        session = await self._get_session(thread_id)
        if session is None:
            self._owner_of.pop(thread_id, None)
            log.info("zep_session_not_found_creating", session_id=thread_id)
            session = await self._create_session(thread_id, owner)
        if session.user_id != owner:
            # The API cannot give a session another owner; the turn goes on with what there is.
            log.warning("zep_session_owner_differs", session_id=thread_id, has_owner=session.user_id is not None)
            return
        self._owner_of[thread_id] = owner
        if len(self._owner_of) > KNOWN_SESSIONS:
            self._owner_of.popitem(last=False)

    async def _create_session(self, thread_id: str, owner: str) -> ZepSession:
        """A refusal means that somebody was faster, or that the user has gone: then once more."""
        for attempt in (1, 2):
            await self._ensure_user(owner)
            try:
                adding = self._zep.memory.add_session(session_id=thread_id, user_id=owner)
                session = await self._zep.call(op.ADD_SESSION, adding)
            except MemoryFailure as failure:
                existing = await self._get_session(thread_id) if failure.status in ALREADY_THERE else None
                if existing:
                    return existing
                log.warning(
                    "zep_session_creation_failed",
                    session_id=thread_id,
                    status=failure.status,
                    error=failure.code(),
                    attempt=attempt,
                )
                if attempt == 2 or failure.status not in ALREADY_THERE:
                    raise
            else:
                _require_answer_about(thread_id, session.session_id)
                log.info("zep_session_created", session_id=thread_id)
                return session
        raise AssertionError("the second attempt returns or raises")

    async def _get_session(self, thread_id: str) -> ZepSession | None:
        session = await self._zep.find(op.GET_SESSION, self._zep.memory.get_session(thread_id))
        if session:
            _require_answer_about(thread_id, session.session_id)
        return session

    async def _ensure_user(self, owner: str) -> None:
        if await self._has_user(owner):
            return
        try:
            user = await self._zep.call(op.ADD_USER, self._zep.user.add(user_id=owner))
        except MemoryFailure as failure:
            if failure.status in ALREADY_THERE and await self._has_user(owner):
                return
            raise
        _require_answer_about(owner, user.user_id)
        log.info("zep_user_created")

    async def _has_user(self, owner: str) -> bool:
        user = await self._zep.find(op.GET_USER, self._zep.user.get(owner))
        if user:
            _require_answer_about(owner, user.user_id)
        return user is not None

    # --- messages -------------------------------------------------------------------------------------------

    async def _context(self, thread_id: str, deadline: asyncio.Timeout) -> tuple[MemoryContext, bool]:
        """What memory knows, and whether it had to be read from the plain list."""
        try:
            return await self._memory(thread_id, seconds=_seconds_left(deadline) * SHARE_OF_MEMORY), False
        except MemoryUnavailable as failure:
            if failure.status in TRANSIENT_STATUSES:
                raise
            return MemoryContext(messages=await self._newest_listed(thread_id), source="zep_messages"), True

    async def _memory(self, thread_id: str, *, seconds: float) -> MemoryContext:
        reading = self._zep.memory.get(thread_id, lastn=RECENT_MESSAGES)
        memory = await self._zep.find(op.GET_MEMORY, reading, seconds=min(seconds, self._timeout))
        if memory is None:
            self._owner_of.pop(thread_id, None)
            return MemoryContext()
        facts = tuple(fact.fact for fact in memory.relevant_facts or () if fact.fact)
        return MemoryContext(messages=_ours(memory.messages), facts=facts)

    async def _newest_listed(self, thread_id: str) -> tuple[MemoryMessage, ...]:
        """Pages go upwards from the oldest message, so the total says which one is the last."""
        messages, total = await self._page(thread_id, size=RECENT_MESSAGES, number=1)
        if total > RECENT_MESSAGES:
            size = page_size_for(total)
            messages, _ = await self._page(thread_id, size=size, number=-(-total // size))
        return messages[-RECENT_MESSAGES:]

    async def _page(self, thread_id: str, *, size: int, number: int) -> tuple[tuple[MemoryMessage, ...], int]:
        reading = self._zep.memory.get_session_messages(thread_id, limit=size, cursor=number)
        page = await self._zep.find(op.LIST_MESSAGES, reading)
        return (_ours(page.messages), page.total_count or 0) if page else ((), 0)

    async def _add(self, thread_id: str, messages: tuple[MemoryMessage, ...]) -> None:
        batch = [
            Message(uuid=message.id, role=message.role, role_type=message.role.value, content=message.content)
            for message in messages
        ]
        try:
            adding = self._zep.memory.add(thread_id, messages=batch)
            answer = await self._zep.call(op.ADD_MEMORY, adding, seconds=WRITE_SECONDS)
            if answer.message is None:
                raise MemoryMisconfigured("not an answer of Zep", status=200)
        except MemoryFailure as failure:
            # Refused because it is there, or stored with an answer nobody can read: finding it proves both.
            uncertain = failure.status in (*SUCCESSES, *ALREADY_THERE)
            if not uncertain or not await self._are_stored(thread_id, messages):
                if failure.status in op.ADD_MEMORY.expected:
                    log_unexpected_status(op.ADD_MEMORY, failure.status)
                raise

    async def _are_stored(self, thread_id: str, messages: tuple[MemoryMessage, ...]) -> bool:
        for message in messages:
            reading = self._zep.memory.get_session_message(thread_id, message.id)
            stored = await self._zep.find(op.GET_MESSAGE, reading)
            if stored is None or stored.uuid_ != message.id:
                return False
        return True


@asynccontextmanager
async def _within(budget: float) -> AsyncIterator[asyncio.Timeout]:
    try:
        async with asyncio.timeout(budget) as deadline:
            yield deadline
    except TimeoutError:
        raise MemoryUnavailable("budget spent") from None


def _seconds_left(deadline: asyncio.Timeout) -> float:
    ends_at = deadline.when()
    return max(ends_at - asyncio.get_running_loop().time(), 0.001) if ends_at is not None else WRITE_SECONDS


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def page_size_for(total: int) -> int:
    """The smallest page size with which the last page holds the newest RECENT_MESSAGES of `total`."""
    sizes = range(RECENT_MESSAGES, total + 1)
    return next(size for size in sizes if (total - 1) % size + 1 >= RECENT_MESSAGES)


def _require_answer_about(wanted: str, answered: str | None) -> None:
    """A 2xx with {} parses into a thing of nothing."""
    if answered != wanted:
        raise MemoryMisconfigured("not an answer of Zep", status=200)


def _ours(messages: list[Message] | None) -> tuple[MemoryMessage, ...]:
    """What user and assistant said. Zep always sends the list, if only an empty one."""
    if messages is None:
        raise MemoryMisconfigured("not an answer of Zep", status=200)
    return tuple(
        MemoryMessage(id=message.uuid_ or "", role=CONVERSATION[message.role_type], content=message.content or "")
        for message in messages
        if message.role_type in CONVERSATION
    )
