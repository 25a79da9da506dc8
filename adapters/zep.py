"""Session memory through zep-python 2.0.2, the only place that imports it together with zep_failures.py."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import NAMESPACE_URL, uuid5

import httpx
import structlog
from zep_python import Message, NotFoundError
from zep_python import Session as ZepSession
from zep_python.client import AsyncZep

from adapters.zep_failures import FOREIGN_ERRORS, Seen, failure_of, note_response, watching
from domain.errors import MemoryFailure, MemoryMisconfigured, MemoryRejected, MemoryUnavailable
from domain.memory import MAX_MEMORY_CHARACTERS, MemoryContext, MemoryMessage, MemoryRole

log = structlog.get_logger("islanders.memory")

WELL_FORMED_ID = re.compile(r"^(?!\.{1,2}$)[A-Za-z0-9_.:-]{1,128}$")
"""zep-python does not escape ids, so any other text would become part of the path."""

RECENT_MESSAGES = 12
MAX_MESSAGES_PER_BATCH = 30
KNOWN_SESSIONS = 10_000
ABSENT_SESSION = "islanders-readiness-probe"

T = TypeVar("T")


class ZepMemory:
    """Implements domain.ports.Memory. Belongs to the event loop it is made in; close it at the end."""

    def __init__(self, base_url: str, api_key: str, *, timeout: float) -> None:
        """`base_url` is the bare base, without /api/v2; `timeout` in seconds holds for one request."""
        self._http = httpx.AsyncClient(timeout=timeout, event_hooks={"response": [note_response]})
        # Given a client, the SDK sends no timeout at all unless it is told one itself.
        self._zep = AsyncZep(base_url=base_url, api_key=api_key, httpx_client=self._http, timeout=timeout)
        self._known_sessions: OrderedDict[str, None] = OrderedDict()
        log.info(f"[ZEP] Client initialized (base={base_url}, graph_base=disabled)")  # noqa: G004 - searched for as is

    async def close(self) -> None:
        await self._http.aclose()

    async def fetch_context(self, user_id: str, thread_id: str, *, budget: float) -> MemoryContext:
        async with _within(budget):
            if thread_id not in self._known_sessions:
                await self._ensure_session(thread_id, user_id)
            messages = await self._recent_messages(thread_id)
        log.info("zep_context_fetched", messages=len(messages), facts=0)
        return MemoryContext(messages=messages)

    async def append(
        self, user_id: str, thread_id: str, messages: tuple[MemoryMessage, ...], *, budget: float
    ) -> None:
        _refuse_what_zep_refuses(messages)
        async with _within(budget):
            # Always, known or not: a message to a missing session makes one that nobody can ever own.
            await self._ensure_session(thread_id, user_id)
            await self._add(thread_id, messages)
        log.info("zep_memory_added", messages=len(messages))

    async def probe(self) -> None:
        """Raises the typed failure when no Zep answers at the base URL with this key."""
        try:
            await self._call("get_session", self._zep.memory.get_session(ABSENT_SESSION), 200, 404)
        except NotFoundError:
            return

    # --- user and session -----------------------------------------------------------------------------------

    async def _ensure_session(self, thread_id: str, user_id: str) -> None:
        _require_id(thread_id)
        wanted_owner = zep_user_id(user_id)
        try:
            session = await self._get_session(thread_id)
        except NotFoundError:
            log.info("zep_session_not_found_creating")
            await self._ensure_user(wanted_owner)
            session = await self._create_session(thread_id, wanted_owner)
        if session.session_id != thread_id:  # a 2xx with {} parses into a session of nothing
            raise MemoryMisconfigured("not a Zep session")
        if session.user_id != wanted_owner:
            # The API cannot give a session another owner; the turn goes on with what there is.
            log.warning("zep_session_owner_differs", has_owner=session.user_id is not None)
        self._known_sessions[thread_id] = None
        while len(self._known_sessions) > KNOWN_SESSIONS:
            self._known_sessions.popitem(last=False)

    async def _get_session(self, thread_id: str) -> ZepSession:
        return await self._call("get_session", self._zep.memory.get_session(thread_id), 200, 404)

    async def _create_session(self, thread_id: str, owner: str) -> ZepSession:
        try:
            adding = self._zep.memory.add_session(session_id=thread_id, user_id=owner)
            session = await self._call("add_session", adding, 200, 201, 400)
        except MemoryFailure as failure:
            if failure.status not in (400, 409):
                log.warning("zep_session_creation_failed", status=failure.status)
                raise
            # Most likely somebody was faster. If not, this read tells.
            return await self._found_after(self._get_session(thread_id), failure)
        log.info("zep_session_created")
        return session

    async def _ensure_user(self, owner: str) -> None:
        try:
            await self._call("get_user", self._zep.user.get(owner), 200, 404)
        except NotFoundError:
            await self._create_user(owner)

    async def _create_user(self, owner: str) -> None:
        try:
            await self._call("add_user", self._zep.user.add(user_id=owner), 200, 201, 400)
        except MemoryFailure as failure:
            if failure.status not in (400, 409):
                raise
            await self._found_after(self._call("get_user", self._zep.user.get(owner), 200, 404), failure)
            return
        log.info("zep_user_created")

    async def _found_after(self, reading: Awaitable[T], failure: MemoryFailure) -> T:
        """ "Already exists" is success when the thing is there; the text of the refusal decides nothing."""
        try:
            return await reading
        except NotFoundError:
            raise failure from None

    # --- messages -------------------------------------------------------------------------------------------

    async def _recent_messages(self, thread_id: str) -> tuple[MemoryMessage, ...]:
        """From memory, and from the plain list where memory's graph part fails."""
        try:
            reading = self._zep.memory.get(thread_id, lastn=RECENT_MESSAGES)
            memory = await self._call("get_memory", reading, 200)
            return _ours(memory.messages)
        except NotFoundError:
            self._known_sessions.pop(thread_id, None)
            return ()
        except MemoryUnavailable as failure:
            if failure.status is None:
                raise
            return await self._last_page_of_messages(thread_id)

    async def _last_page_of_messages(self, thread_id: str) -> tuple[MemoryMessage, ...]:
        """Pages go upwards from the oldest message, so the total says which one is the last."""
        first = await self._page(thread_id, 1)
        last_page = -(-(first.total_count or 0) // RECENT_MESSAGES)
        page = first if last_page <= 1 else await self._page(thread_id, last_page)
        return _ours(page.messages)

    async def _page(self, thread_id: str, page: int):  # type: ignore[no-untyped-def] # noqa: ANN202
        reading = self._zep.memory.get_session_messages(thread_id, limit=RECENT_MESSAGES, cursor=page)
        return await self._call("get_session_messages", reading, 200)

    async def _add(self, thread_id: str, messages: tuple[MemoryMessage, ...]) -> None:
        batch = [
            Message(
                uuid=message.id, role=message.role.value, role_type=message.role.value, content=message.content
            )
            for message in messages
        ]
        try:
            await self._call("add_memory", self._zep.memory.add(thread_id, messages=batch), 200, 201, 400)
        except MemoryFailure as failure:
            # Refused because it is there, or stored although the answer was lost: both are success,
            # and only finding the messages proves it.
            if failure.status is None or not await self._are_stored(thread_id, messages):
                raise

    async def _are_stored(self, thread_id: str, messages: tuple[MemoryMessage, ...]) -> bool:
        try:
            for message in messages:
                reading = self._zep.memory.get_session_message(thread_id, message.id)
                await self._call("get_session_message", reading, 200, 404)
        except NotFoundError:
            return False
        return True

    async def _call(self, operation: str, call: Awaitable[T], *expected: int) -> T:
        """Await an SDK call. Raises NotFoundError for Zep's own 404, a MemoryFailure for anything else."""
        with watching(operation, frozenset(expected)) as seen:
            return await _translated(call, seen)


async def _translated(call: Awaitable[T], seen: Seen) -> T:
    try:
        return await call
    except NotFoundError:
        raise
    except FOREIGN_ERRORS as error:
        raise failure_of(error, seen) from error


@asynccontextmanager
async def _within(budget: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(budget):
            yield
    except TimeoutError:
        raise MemoryUnavailable("budget spent") from None


def zep_user_id(user_id: str) -> str:
    """The user's id where Zep's paths can carry it, else one derived from it."""
    return user_id if WELL_FORMED_ID.match(user_id) else f"ei-{uuid5(NAMESPACE_URL, user_id)}"


def _require_id(text: str) -> None:
    if not WELL_FORMED_ID.match(text):
        raise MemoryRejected("malformed id")


def _refuse_what_zep_refuses(messages: tuple[MemoryMessage, ...]) -> None:
    """Before sending: Zep answers some of these with a 500, which would be tried for ever."""
    if not 0 < len(messages) <= MAX_MESSAGES_PER_BATCH:
        raise MemoryRejected("a batch holds 1 to 30 messages")
    if any(len(message.content) > MAX_MEMORY_CHARACTERS for message in messages):
        raise MemoryRejected("a message is too long")


def _ours(messages: list[Message] | None) -> tuple[MemoryMessage, ...]:
    return tuple(
        MemoryMessage(
            id=message.uuid_ or "",
            role=MemoryRole.ASSISTANT if message.role_type == "assistant" else MemoryRole.USER,
            content=message.content or "",
        )
        for message in messages or ()
    )
