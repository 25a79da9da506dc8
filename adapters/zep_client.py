"""zep-python's client as this project calls it: every call bounded, every failure one of ours."""

import asyncio
import re
from collections.abc import Awaitable
from typing import Final, TypeVar

import httpx
import structlog
from zep_python import NotFoundError
from zep_python.client import AsyncZep

from adapters.zep_failures import FOREIGN_ERRORS, failure_of, note_response, watching
from adapters.zep_operations import Operation

log = structlog.get_logger("islanders.memory")

WRITE_SECONDS: Final = 12.0
"""Zep waits up to twice 5 s for its graph before it answers an addition (reference: its Community Edition)."""

T = TypeVar("T")


class ZepClient:
    """`user` and `memory` are the SDK's own; what they give is awaited by `call` or `find` only."""

    def __init__(self, base_url: str, api_key: str, *, timeout: float) -> None:
        base = base_url.rstrip("/")
        longest = max(timeout, WRITE_SECONDS)
        self._timeout = timeout
        self._http = httpx.AsyncClient(
            timeout=longest,
            event_hooks={"response": [note_response]},
            # Closed before the server's five seconds are over: a reused connection is one it still holds open.
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=2),
            trust_env=False,
        )
        # Given a client, the SDK sends no timeout at all unless it is told one itself.
        zep = AsyncZep(base_url=base, api_key=api_key, httpx_client=self._http, timeout=longest)
        self.user = zep.user
        self.memory = zep.memory
        shown = re.sub(r"//[^/@]*@", "//", base)
        log.info(f"[ZEP] Client initialized (base={shown}, graph_base=disabled)")  # noqa: G004 - searched for as is

    async def close(self) -> None:
        await self._http.aclose()

    async def find(self, operation: Operation, asking: Awaitable[T], *, seconds: float | None = None) -> T | None:
        """None for Zep's own 404. Raises MemoryFailure."""
        try:
            return await self.call(operation, asking, seconds=seconds)
        except NotFoundError:
            return None

    async def call(self, operation: Operation, asking: Awaitable[T], *, seconds: float | None = None) -> T:
        """Raises NotFoundError for Zep's own 404, a MemoryFailure for anything else."""
        with watching(operation) as seen:
            try:
                # The whole answer within the time: httpx's own timeouts begin anew with every piece.
                async with asyncio.timeout(self._timeout if seconds is None else seconds):
                    return await asking
            except FOREIGN_ERRORS as error:
                # Another server's JSON 404 has no message; it says "no such route", not "no such session".
                if isinstance(error, NotFoundError) and error.body.message is not None:
                    raise
                raise failure_of(error, seen) from error
