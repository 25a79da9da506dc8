"""One call of the search API: what is sent, and what its answer or its silence means."""

import asyncio
from typing import TypeVar

import httpx
from pydantic import ValidationError

from adapters.retry_after import retry_after_seconds
from domain.errors import SearchFailure, SearchRejected, SearchUnavailable
from domain.listings import ListingQuery
from domain.slots import RentalType
from domain.value import Value

SEARCH_PATH = "/api/v1/real_estate/search"
SUMMARY_PATH = "/api/v1/real_estate/summary"

Answer = TypeVar("Answer", bound=Value)
Parameters = tuple[tuple[str, str], ...]


class CallFailed(Exception):
    """A call without a usable answer.

    Attributes:
        failure: what the caller of the search is told when it stays at that.
        again_after: seconds after which the same call may succeed; None: trying again cannot help.
    """

    def __init__(self, failure: SearchFailure, *, again_after: float | None) -> None:
        super().__init__(failure.code())
        self.failure = failure
        self.again_after = again_after


def search_parameters(query: ListingQuery) -> Parameters:
    """The query as the route takes it; what is absent is left out."""
    for_sale = query.sale or query.rent_type is RentalType.SALE
    rent_type = None if query.rent_type is RentalType.SALE else query.rent_type
    said = query.model_copy(update={"sale": for_sale, "rent_type": rent_type})
    fields = said.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    fields |= {"limit": query.limit, "offset": query.offset}
    return tuple(
        (name, _text(value))
        for name, values in fields.items()
        for value in (values if isinstance(values, list) else [values])
    )


def summary_parameters(query: ListingQuery) -> Parameters:
    kind = ListingQuery(rent_type=query.rent_type, sale=query.sale)
    return tuple((name, text) for name, text in search_parameters(kind) if name in ("rent_type", "sale"))


async def call(
    client: httpx.AsyncClient, path: str, parameters: Parameters, expected: type[Answer], *, seconds: float
) -> Answer:
    """Raises CallFailed only."""
    try:
        # The whole answer within `seconds`: httpx's own timeouts begin anew with every piece.
        async with asyncio.timeout(seconds):
            response = await client.get(path, params=httpx.QueryParams(parameters), timeout=seconds)
    except (TimeoutError, httpx.TransportError) as error:
        raise CallFailed(SearchUnavailable(type(error).__name__), again_after=0) from error
    except httpx.RequestError as error:
        raise CallFailed(SearchUnavailable(type(error).__name__), again_after=None) from error
    return _understood(response, expected)


def _understood(response: httpx.Response, expected: type[Answer]) -> Answer:
    status, wait = response.status_code, retry_after_seconds(response.headers.get("Retry-After"))
    if status in (408, 429):
        raise CallFailed(SearchUnavailable(status=status, retry_after=wait), again_after=wait)
    if status >= 500:
        raise CallFailed(SearchUnavailable(status=status, retry_after=wait), again_after=wait or 0)
    if status >= 400:
        raise CallFailed(SearchRejected(status=status), again_after=None)
    try:
        if status == 200:
            return expected.model_validate_json(response.content)
    except ValidationError:
        pass  # its text would quote the answer
    raise CallFailed(SearchUnavailable("undecodable answer", status=status), again_after=None)


def _text(value: str | float | bool) -> str:  # noqa: FBT001
    return str(value).lower() if isinstance(value, bool) else str(value)
