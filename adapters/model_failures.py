"""What the openai SDK raises, in our own errors: one table."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx2
from openai import APIConnectionError, APIError, APIResponseValidationError, APIStatusError, OpenAIError

from adapters.retry_after import retry_after_seconds
from domain.errors import ModelFailure, ModelRejected, ModelUnavailable, ModelUnreadable

TRANSIENT_STATUSES: Final = frozenset({408, 409, 425, 429})

UNSENDABLE: Final = (
    *(httpx2.UnsupportedProtocol, httpx2.LocalProtocolError, httpx2.InvalidURL),
    *(UnicodeEncodeError, ExceptionGroup),
)
"""The request never left: the base URL or the key is no such thing. A port beyond 65535 comes as a group."""

FOREIGN_ERRORS: Final = (OpenAIError, httpx2.HTTPError, ValueError, RecursionError, TimeoutError, *UNSENDABLE)
"""Everything openai 3 was seen to raise. JSON, Unicode and pydantic errors are ValueErrors; JSON nested too deeply
is a RecursionError. The body of an error is read outside the SDK's own handling, so what breaks there comes as the
HTTP client's error."""

UNDECODABLE: Final = (httpx2.DecodingError, APIResponseValidationError)


@contextmanager
def model_failures() -> Iterator[None]:
    """Raise whatever the SDK raises inside the block as a ModelFailure."""
    try:
        yield
    except FOREIGN_ERRORS as error:
        raise failure_of(error) from error


def failure_of(error: Exception) -> ModelFailure:
    # The SDK wraps what the HTTP client raised; the wrapped error says more.
    if isinstance(error, UNSENDABLE) or isinstance(error.__cause__, UNSENDABLE):
        return ModelRejected("the request could not be sent")
    if isinstance(error, UNDECODABLE) or isinstance(error.__cause__, UNDECODABLE):
        return ModelUnreadable("undecodable answer")
    if isinstance(error, APIStatusError):
        return _by_status(error.status_code, error.response.headers.get("retry-after"))
    if isinstance(error, APIConnectionError):
        return ModelUnavailable(type(error.__cause__ or error).__name__)
    if isinstance(error, httpx2.HTTPError | TimeoutError):
        return ModelUnavailable(type(error).__name__)
    if isinstance(error, APIError):
        return _told_in_the_stream(error)
    if isinstance(error, ValueError | RecursionError):
        return ModelUnreadable("undecodable answer")
    return ModelRejected(type(error).__name__)


def _told_in_the_stream(error: APIError) -> ModelFailure:
    """The request was taken and then given up by the provider, which may name the status it would have sent.

    Without one it counts as a stream that broke off: nothing says that the same request fails again.
    """
    code = error.code or ""
    if code.isascii() and code.isdigit() and 400 <= int(code[:4]) <= 599:
        return _by_status(int(code[:4]))
    return ModelUnavailable("the provider broke off")


def _by_status(status: int, retry_after: str | None = None) -> ModelFailure:
    if status >= 500 or status in TRANSIENT_STATUSES:
        return ModelUnavailable(status=status, retry_after=retry_after_seconds(retry_after))
    return ModelRejected(status=status)
