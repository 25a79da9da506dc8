"""The search API as the turn uses it: the relaxation ladder within one budget."""

import asyncio
import time

import httpx

from adapters.listing_calls import (
    SEARCH_PATH,
    SUMMARY_PATH,
    Answer,
    CallFailed,
    Parameters,
    call,
    search_parameters,
    summary_parameters,
)
from domain.errors import SearchFailure, SearchUnavailable
from domain.listings import FoundListings, ListingPage, ListingQuery, ListingsSummary, SearchPlan
from domain.relaxation import Rung, ladder

MAX_REQUESTS = 4
"""For one search with all its relaxations and tries."""

USEFUL_SECONDS = 0.05
"""A try with less time than this would only be cut off."""


class ListingAPI:
    """Implements domain.ports.ListingSearch. No answer is kept: cards come from this turn's search.

    Args:
        base_url: without the route's path.
        timeout: seconds for one try.
    """

    def __init__(self, base_url: str, *, timeout: float = 0.8) -> None:
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            base_url=base_url,
            # Closed before the server's five seconds are over: a reused connection is one it still holds open.
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=2),
            trust_env=False,
        )

    async def find(self, plan: SearchPlan, *, budget: float) -> FoundListings:
        """Raises SearchUnavailable or SearchRejected when nothing was found before the failure."""
        step = _Step(self._client, self._timeout, budget)
        if plan.summary:
            return await _summary(step, plan.query)
        if plan.query.offset:
            page = await step.ask(SEARCH_PATH, search_parameters(plan.query), ListingPage)
            return _found(page, plan.query)
        return await _climb(step, plan.query)

    async def probe(self) -> None:
        """Ask once for one listing; raises the error a search would."""
        try:
            parameters = search_parameters(ListingQuery(limit=1))
            await call(self._client, SEARCH_PATH, parameters, ListingPage, seconds=self._timeout)
        except CallFailed as failed:
            raise failed.failure from None

    async def close(self) -> None:
        await self._client.aclose()


class _Step:
    """One search step: counts its requests, its time and its one second try."""

    def __init__(self, client: httpx.AsyncClient, timeout: float, budget: float) -> None:
        self._client = client
        self._timeout = timeout
        self._ends_at = time.monotonic() + budget
        self._requests_left = MAX_REQUESTS
        self._may_try_again = True

    @property
    def has_requests_left(self) -> bool:
        return self._requests_left > 0

    async def ask(self, path: str, parameters: Parameters, expected: type[Answer]) -> Answer:
        """Tried a second time when that can help, once in the step. Raises SearchFailure."""
        try:
            return await self._try(path, parameters, expected)
        except CallFailed as failed:
            if not self._worth_another(failed.again_after):
                raise failed.failure from None
            self._may_try_again = False
            await asyncio.sleep(failed.again_after or 0)
        try:
            return await self._try(path, parameters, expected)
        except CallFailed as failed:
            raise failed.failure from None

    async def _try(self, path: str, parameters: Parameters, expected: type[Answer]) -> Answer:
        seconds = min(self._timeout, self._seconds_left())
        if seconds < USEFUL_SECONDS:
            raise CallFailed(SearchUnavailable("out of time"), again_after=None)
        self._requests_left -= 1
        return await call(self._client, path, parameters, expected, seconds=seconds)

    def _worth_another(self, again_after: float | None) -> bool:
        if again_after is None or not self._may_try_again or not self.has_requests_left:
            return False
        return again_after + USEFUL_SECONDS <= self._seconds_left()

    def _seconds_left(self) -> float:
        return self._ends_at - time.monotonic()


async def _climb(step: _Step, exact: ListingQuery) -> FoundListings:
    """Rung by rung until there is enough; a failure further up does not lose what was found."""
    found = FoundListings(query=exact)
    for rung in ladder(exact):
        if found.total >= rung.asked_below or not step.has_requests_left:
            break
        try:
            wider = await _ask(step, rung, found)
        except SearchFailure:
            if not found.listings:
                raise
            break
        # A relaxation that brought nothing new is not worth a word.
        found = wider if wider.total > found.total or not found.listings else found
    return found


async def _ask(step: _Step, rung: Rung, exact: FoundListings) -> FoundListings:
    # What matched exactly leads among what matches loosely, on every page of it.
    query = rung.query.model_copy(update={"first": tuple(listing.id for listing in exact.listings)})
    page = await step.ask(SEARCH_PATH, search_parameters(query), ListingPage)
    return _found(page, query, rung)


def _found(page: ListingPage, query: ListingQuery, rung: Rung | None = None) -> FoundListings:
    return FoundListings(
        listings=page.results,
        total=page.total,
        offset=page.offset,
        query=query,
        filters_used=page.filters_used,
        relaxed=rung.relaxed if rung else (),
    )


async def _summary(step: _Step, query: ListingQuery) -> FoundListings:
    answer = await step.ask(SUMMARY_PATH, summary_parameters(query), ListingsSummary)
    return FoundListings(
        total=sum(city.count for city in answer.results),
        query=query,
        filters_used=answer.filters_used,
        summary=answer.results,
    )
