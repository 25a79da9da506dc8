"""What zep-python raises, in our own errors: one table, with the statuses that the SDK loses."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import httpx
import structlog
from zep_python.core.api_error import ApiError

from adapters.retry_after import retry_after_seconds
from adapters.zep_operations import Operation
from domain.errors import (
    MemoryFailure,
    MemoryMisconfigured,
    MemoryRejected,
    MemoryUnauthorized,
    MemoryUnavailable,
)

log = structlog.get_logger("islanders.memory")

TRANSIENT_STATUSES: Final = frozenset({408, 425, 429})
NO_SUCH_ROUTE_STATUSES: Final = frozenset({404, 405})
EXCERPT_BYTES: Final = 200

UNSENDABLE: Final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL, ExceptionGroup)
"""The request never left: the base URL or the key is no such thing. A port beyond 65535 comes as a group."""

FOREIGN_ERRORS: Final = (ApiError, ValueError, TimeoutError, httpx.HTTPError, *UNSENDABLE)
"""Everything zep-python 2.0.2 was seen to raise. JSON, Unicode and pydantic.v1 errors are ValueErrors."""


@dataclass
class Seen:
    """The response to one operation as it came over the wire."""

    operation: Operation
    status: int | None = None
    retry_after: float | None = None


_seen: ContextVar[Seen | None] = ContextVar("zep_response_seen", default=None)


@contextmanager
def watching(operation: Operation) -> Iterator[Seen]:
    """Keeps what the response hook sees; parallel calls each have their own."""
    seen = Seen(operation)
    token = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(token)


async def note_response(response: httpx.Response) -> None:
    """The hook of the HTTP client: the SDK loses the status when it cannot read the body."""
    seen = _seen.get()
    if seen is None:
        return
    seen.status = response.status_code
    seen.retry_after = retry_after_seconds(response.headers.get("retry-after", ""))
    if response.status_code not in seen.operation.expected:
        await response.aread()
        log_unexpected_status(
            seen.operation,
            response.status_code,
            content_type=response.headers.get("content-type"),
            excerpt=_excerpt(response, seen.operation),
        )


def log_unexpected_status(operation: Operation, status: int | None, **seen: str | None) -> None:
    log.warning(
        "zep_http_status_unexpected",
        op=operation.name,
        method=operation.method,
        path=operation.path,
        status=status,
        **seen,
    )


def failure_of(error: Exception, seen: Seen) -> MemoryFailure:
    """Our error for what the SDK raised, with its status and the pause the server asked for."""
    if isinstance(error, UNSENDABLE):
        return MemoryMisconfigured(type(error).__name__)
    if isinstance(error, TimeoutError | httpx.HTTPError):
        return MemoryUnavailable(type(error).__name__)
    status = error.status_code if isinstance(error, ApiError) else seen.status
    if status is None:
        return MemoryMisconfigured("the request could not be written")
    return _by_status(status, seen.retry_after)


def _by_status(status: int, retry_after: float | None) -> MemoryFailure:
    if status >= 500 or status in TRANSIENT_STATUSES:
        return MemoryUnavailable(status=status, retry_after=retry_after)
    if status in (401, 403):
        return MemoryUnauthorized(status=status)
    if status < 400 or status in NO_SUCH_ROUTE_STATUSES:
        # A redirect, an answer that nobody can read, or no such route: not a Zep at this address.
        return MemoryMisconfigured(status=status)
    return MemoryRejected(status=status)


def _excerpt(response: httpx.Response, operation: Operation) -> str | None:
    """What tells a foreign server, without the key it may repeat; None where it might quote somebody's words."""
    if response.is_success or operation.sends_texts:
        return None
    key = response.request.headers["authorization"].partition(" ")[2].encode()
    content = response.content.replace(key, b"***") if key else response.content
    return content[:EXCERPT_BYTES].decode(errors="replace")
