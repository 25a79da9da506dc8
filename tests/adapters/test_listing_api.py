"""The client of the search API against a server that answers as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.illustrative_listings import illustrative_listings
from adapters.listing_api import ListingAPI
from adapters.listing_calls import search_parameters
from api.search_parameters import SearchParameters
from domain.errors import SearchRejected, SearchUnavailable
from domain.listings import CitySummary, ListingPage, ListingQuery, ListingSort, ListingsSummary, SearchPlan
from domain.slots import Amenity, Currency, PropertyType, RentalType
from tests.ports import free_port

LISTINGS = tuple(listing for listing, _, _ in illustrative_listings())
EXACT = ListingQuery(
    city="girne",
    bedrooms=2,
    bedrooms_max=2,
    price_max=500,
    property_type=PropertyType.APARTMENT,
    amenities=(Amenity.POOL,),
)
BUDGET = 1.6
NEVER = object()
OUTAGES = ["no answer", "hung up", "500", "503"]
FAILURES = ["no answer", "400", "429", "no page"]


def answer(status: int, body: str = "", **headers: str) -> bytes:
    lines = (f"{name.replace('_', '-')}: {value}" for name, value in headers.items())
    payload = body.encode()
    head = "\r\n".join((f"HTTP/1.1 {status} X", f"Content-Length: {len(payload)}", *lines))
    return head.encode() + b"\r\n\r\n" + payload


def page(*numbers: int, total: int | None = None, **filters_used) -> bytes:
    results = tuple(LISTINGS[number] for number in numbers)
    found = ListingPage(
        count=len(results),
        total=len(results) if total is None else total,
        limit=8,
        offset=0,
        results=results,
        filters_used=filters_used,
    )
    return answer(200, found.model_dump_json())


class ScriptedServer:
    """Gives its answers in order; `b""` closes the connection, NEVER leaves it without an answer."""

    def __init__(self) -> None:
        self.answers: list[bytes | object] = []
        self.asked: list[dict[str, list[str]]] = []
        self.paths: list[str] = []
        self._connections: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head.split(b" ")[1].decode(), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, target: str, writer: asyncio.StreamWriter) -> None:
        url = urlsplit(target)
        self.paths.append(url.path)
        self.asked.append(parse_qs(url.query))
        scripted = self.answers.pop(0)
        if scripted is NEVER:
            return
        writer.write(scripted)
        if not scripted:
            raise ConnectionError
        await writer.drain()

    def hang_up(self) -> None:
        for writer in self._connections:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    scripted = ScriptedServer()
    port = free_port()
    listening = await asyncio.start_server(scripted.serve, "127.0.0.1", port)
    scripted.url = f"http://127.0.0.1:{port}"
    yield scripted
    listening.close()
    scripted.hang_up()
    await listening.wait_closed()


@pytest.fixture
async def api(server) -> AsyncIterator[ListingAPI]:
    client = ListingAPI(server.url, timeout=0.3)
    yield client
    await client.close()


async def test_enough_exact_hits_are_one_request(server, api):
    """Three exact hits are shown as they are."""
    server.answers = [page(0, 1, 2, city="girne")]
    found = await api.find(SearchPlan(query=EXACT), budget=BUDGET)
    assert [listing.id for listing in found.listings] == [LISTINGS[number].id for number in (0, 1, 2)]
    assert (found.total, found.relaxed, found.query) == (3, (), EXACT)
    assert found.filters_used == {"city": "girne"}
    assert server.asked[0]["bedrooms_max"] == ["2"]


async def test_too_few_exact_hits_are_widened_and_lead(server, api):
    """With two exact hits the wider search is asked, told to list the exact ones first."""
    server.answers = [page(0, 1), page(0, 1, 2, 3)]
    found = await api.find(SearchPlan(query=EXACT), budget=BUDGET)
    assert found.total == 4
    assert {entry.filter for entry in found.relaxed} == {"price_max", "bedrooms_max"}
    assert server.asked[1]["first"] == [LISTINGS[0].id, LISTINGS[1].id]
    assert (server.asked[1]["price_max"], server.asked[1]["bedrooms_max"]) == (["550.0"], ["3"])
    assert found.query.first == (LISTINGS[0].id, LISTINGS[1].id)


async def test_a_relaxation_that_brings_nothing_is_not_told(server, api):
    """Two exact hits and the same two wider: the exact search stands."""
    server.answers = [page(0, 1), page(0, 1)]
    found = await api.find(SearchPlan(query=EXACT), budget=BUDGET)
    assert (found.total, found.relaxed, found.query) == (2, (), EXACT)


async def test_nothing_found_climbs_to_the_loosest_search(server, api):
    """Four requests at most, the last without type, amenities and bedroom cap."""
    server.answers = [page(), page(), page(), page(5)]
    found = await api.find(SearchPlan(query=EXACT), budget=BUDGET)
    assert found.total == 1
    assert {entry.filter for entry in found.relaxed} == {"price_max", "bedrooms_max", "property_type", "amenities"}
    assert not {"property_type", "amenities", "bedrooms_max"} & set(server.asked[3])


async def test_a_next_page_is_asked_as_it_is(server, api):
    """No ladder beyond the first page."""
    server.answers = [page(total=0), page(0)]
    found = await api.find(SearchPlan(query=EXACT.model_copy(update={"offset": 8})), budget=BUDGET)
    assert (found.listings, found.total) == ((), 0)
    assert [asked["offset"] for asked in server.asked] == [["8"]]


@pytest.mark.parametrize("failing", [NEVER, b"", answer(500), answer(503, Retry_After="0")], ids=OUTAGES)
async def test_an_outage_is_tried_again_once(server, api, failing):
    """A timeout, a dropped connection or a 5xx gets one second try."""
    server.answers = [failing, page(0, 1, 2)]
    assert (await api.find(SearchPlan(query=EXACT), budget=BUDGET)).total == 3
    server.answers = [failing, failing, page(0, 1, 2)]
    with pytest.raises(SearchUnavailable):
        await api.find(SearchPlan(query=EXACT), budget=BUDGET)
    assert len(server.answers) == 1


async def test_the_second_try_is_one_for_the_whole_step(server, api):
    """After it was used, the next failure ends the search with what there is."""
    server.answers = [answer(500), page(0, 1), answer(500), page(0, 1, 2, 3)]
    assert (await api.find(SearchPlan(query=EXACT), budget=BUDGET)).total == 2
    assert len(server.asked) == 3


async def test_nobody_listening_is_an_outage():
    """A refused connection is told as unavailable."""
    client = ListingAPI(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SearchUnavailable):
        await client.find(SearchPlan(query=EXACT), budget=BUDGET)
    with pytest.raises(SearchUnavailable):
        await client.probe()
    await client.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422])
async def test_a_refusal_is_never_tried_again(server, api, status):
    """Our bug or the user's input stays what it is."""
    server.answers = [answer(status), page(0, 1, 2)]
    with pytest.raises(SearchRejected) as refused:
        await api.find(SearchPlan(query=EXACT), budget=BUDGET)
    assert refused.value.status == status
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [408, 429])
async def test_a_transient_refusal_is_tried_again_when_it_says_when(server, api, status):
    """Retry-After within the budget is obeyed; beyond it, or absent, the failure is told at once."""
    server.answers = [answer(status, Retry_After="0"), page(0, 1, 2)]
    assert (await api.find(SearchPlan(query=EXACT), budget=BUDGET)).total == 3
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)
    for header, at_least in (({"Retry_After": "7"}, 7), ({"Retry_After": in_a_minute}, 50), ({}, None)):
        server.answers, asked = [answer(status, **header)], len(server.asked)
        with pytest.raises(SearchUnavailable) as refused:
            await api.find(SearchPlan(query=EXACT), budget=BUDGET)
        assert len(server.asked) == asked + 1
        assert (refused.value.retry_after or 0) >= (at_least or 0)
        assert (refused.value.retry_after is None) == (at_least is None)


@pytest.mark.parametrize(
    "body",
    [
        answer(200, "<html>"),
        answer(200, "{}"),
        answer(200),
        answer(204),
        answer(302, Location="/"),
        answer(200, "[]"),
    ],
    ids=repr,
)
async def test_an_answer_that_is_no_page_is_unavailable(server, api, body):
    """A proxy's page or a redirect is told as unavailable, without another try."""
    server.answers = [body, page(0, 1, 2)]
    with pytest.raises(SearchUnavailable):
        await api.find(SearchPlan(query=EXACT), budget=BUDGET)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "failing", [[NEVER, NEVER], [answer(400)], [answer(429)], [answer(200, "{}")]], ids=FAILURES
)
async def test_what_was_found_survives_a_failing_relaxation(server, api, failing):
    """Two exact hits are shown when the wider search fails."""
    server.answers = [page(0, 1), *failing]
    found = await api.find(SearchPlan(query=EXACT), budget=BUDGET)
    assert (found.total, found.relaxed) == (2, ())


async def test_nothing_found_and_a_failing_relaxation_is_a_failure(server, api):
    """A search that was not finished is not told as "there is nothing"."""
    server.answers = [page(), answer(500), answer(500)]
    with pytest.raises(SearchUnavailable):
        await api.find(SearchPlan(query=EXACT), budget=BUDGET)


async def test_four_requests_are_the_end(server, api):
    """A second try is one of the four."""
    server.answers = [answer(500), page(), page(), page(), page(0)]
    found = await api.find(SearchPlan(query=EXACT), budget=BUDGET)
    assert (found.total, len(server.asked)) == (0, 4)


async def test_a_spent_budget_is_not_overdrawn(server, api):
    """A budget shorter than a try cuts the try and leaves none for another."""
    server.answers = [NEVER, page(0, 1, 2)]
    with pytest.raises(SearchUnavailable):
        await api.find(SearchPlan(query=EXACT), budget=0.06)
    with pytest.raises(SearchUnavailable):
        await api.find(SearchPlan(query=EXACT), budget=0)
    assert len(server.asked) <= 1


async def test_a_trickling_answer_is_a_timeout():
    """The whole answer has the time of one try, not each piece of it."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        answer = page(0, 1, 2)
        for position in range(40):
            writer.write(answer[position : position + 1])
            await asyncio.sleep(0.02)  # 0.8 s in all, in pieces far quicker than a try
        writer.write(answer[40:])
        writer.close()

    trickling = await asyncio.start_server(trickle, "127.0.0.1", port := free_port())
    client = ListingAPI(f"http://127.0.0.1:{port}", timeout=0.2)
    with pytest.raises(SearchUnavailable):
        await client.find(SearchPlan(query=EXACT), budget=BUDGET)
    await client.close()
    trickling.close()


async def test_a_summary_comes_from_the_summary_route(server, api):
    """What there is, per city, asked by the kind of rent that is known."""
    cities = (CitySummary(city="girne", count=3, price_min=1, price_max=2), CitySummary(city="lefke", count=1))
    server.answers = [answer(200, ListingsSummary(count=2, results=cities).model_dump_json())]
    plan = SearchPlan(query=EXACT.model_copy(update={"rent_type": RentalType.SHORT_TERM}), summary=True)
    found = await api.find(plan, budget=BUDGET)
    assert (found.summary, found.total, found.listings) == (cities, 4, ())
    assert server.paths == ["/api/v1/real_estate/summary"]
    assert server.asked == [{"rent_type": ["short_term"]}]


async def test_a_probe_asks_once(server, api):
    """Healthy: no error. Refused: the typed error of a search, without a second try."""
    server.answers = [page(0), answer(403), answer(500)]
    await api.probe()
    with pytest.raises(SearchRejected):
        await api.probe()
    with pytest.raises(SearchUnavailable):
        await api.probe()
    assert len(server.asked) == 3


optional: Callable = st.none().__or__


@given(
    st.builds(
        ListingQuery,
        city=optional(st.just("iskele")),
        area=optional(st.just("bogaz")),
        bedrooms=optional(st.integers(0, 3)),
        bedrooms_max=optional(st.integers(3, 9)),
        rent_type=optional(st.sampled_from([RentalType.SHORT_TERM, RentalType.LONG_TERM])),
        sale=st.booleans(),
        price_min=optional(st.floats(0, 10)),
        price_max=optional(st.floats(10, 1e9)),
        currency=st.sampled_from(Currency),
        property_type=optional(st.sampled_from(PropertyType)),
        amenities=st.lists(st.sampled_from(Amenity), max_size=4).map(tuple),
        check_in=optional(st.dates(date(2026, 1, 1), date(2027, 1, 1))),
        check_out=optional(st.dates(date(2027, 1, 2), date(2028, 1, 1))),
        furnished=optional(st.booleans()),
        q=optional(st.text(max_size=20)),
        sort=optional(st.sampled_from(ListingSort)),
        limit=st.integers(1, 100),
        offset=st.integers(0, 50),
        first=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    )
)
def test_the_route_reads_the_query_that_was_sent(query):
    """Client and route agree on every parameter's name and form."""
    sent: dict[str, list[str]] = {}
    for name, text in search_parameters(query):
        sent.setdefault(name, []).append(text)
    lists = {"amenities", "first"}
    read = SearchParameters.model_validate(
        {name: texts if name in lists else texts[0] for name, texts in json.loads(json.dumps(sent)).items()}
    )
    assert read.query() == query
