"""What zep-python raises, in our own errors: one table, with the statuses that the SDK loses."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from json import JSONDecodeError

import httpx
import structlog
from pydantic.v1 import ValidationError
from zep_python.core.api_error import ApiError

from domain.errors import (
    MemoryFailure,
    MemoryMisconfigured,
    MemoryRejected,
    MemoryUnauthorized,
    MemoryUnavailable,
)

log = structlog.get_logger("islanders.memory")

TRANSIENT_STATUSES = frozenset({408, 425, 429})
NO_SUCH_ROUTE_STATUSES = frozenset({404, 405})
FOREIGN_ERRORS = (ApiError, JSONDecodeError, ValidationError, httpx.HTTPError, httpx.InvalidURL)
"""Everything zep-python 2.0.2 was seen to raise."""


@dataclass
class Seen:
    """The last response of one operation as it came over the wire."""

    operation: str
    expected: frozenset[int]
    status: int | None = None
    retry_after: float | None = None


_seen: ContextVar[Seen | None] = ContextVar("zep_response_seen", default=None)


@contextmanager
def watching(operation: str, expected: frozenset[int]) -> Iterator[Seen]:
    """Keeps what the response hook sees; parallel calls each have their own."""
    seen = Seen(operation, expected)
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
    seen.retry_after = _seconds(response.headers.get("retry-after"))
    if response.status_code not in seen.expected:
        log.warning(
            "zep_http_status_unexpected",
            op=seen.operation,
            method=response.request.method,
            status=response.status_code,
            content_type=response.headers.get("content-type"),
        )


def failure_of(error: Exception, seen: Seen) -> MemoryFailure:
    """Our error for what the SDK raised, with its status and the pause the server asked for."""
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return MemoryMisconfigured(type(error).__name__)
    if isinstance(error, httpx.HTTPError):
        return MemoryUnavailable(type(error).__name__)
    if isinstance(error, ValidationError):
        return MemoryMisconfigured("unreadable answer", status=seen.status)
    status = error.status_code if isinstance(error, ApiError) else seen.status
    return _by_status(status, seen.retry_after)


def _by_status(status: int | None, retry_after: float | None) -> MemoryFailure:
    if status is None or status < 300 or status >= 500 or status in TRANSIENT_STATUSES:
        # A 2xx that nobody can read may be a proxy's page: it passes, or the next call tells more.
        return MemoryUnavailable(status=status, retry_after=retry_after)
    if status in (401, 403):
        return MemoryUnauthorized(status=status)
    if status < 400 or status in NO_SUCH_ROUTE_STATUSES:
        return MemoryMisconfigured(status=status)
    return MemoryRejected(status=status)


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None  # a date: the usual pause will do
