"""The search route: what it answers and what it refuses."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from adapters.database import Database
from adapters.listings_sql import ListingsSQL
from adapters.seed_listings import seed_listings
from adapters.tables import CHAT_METADATA
from api.errors import handle_errors
from api.search import router
from domain.exchange_rates import RATES_DATE

SEARCH, SUMMARY = "/api/v1/real_estate/search", "/api/v1/real_estate/summary"

ITEM = {
    *("id", "reference", "title", "description", "city", "district", "lat", "lng", "bedrooms", "bathrooms"),
    *("property_type", "rent_type", "currency", "monthly_price", "nightly_price", "sale_price", "available_from"),
    *("min_term_months", "min_nights", "deposit", "amenities", "images", "agency_name", "rating"),
}


@pytest.fixture(scope="session")
async def client(tmp_path_factory) -> AsyncIterator[httpx.AsyncClient]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('search')}/listings.db")
    async with database.engine.begin() as connection:
        await connection.run_sync(CHAT_METADATA.create_all)
    await seed_listings(database)
    app = FastAPI()
    app.include_router(router)
    handle_errors(app)
    app.state.listings = ListingsSQL(database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        yield client
    await database.close()


async def test_a_search_without_a_token_answers_listings(client):
    """Public, with every field of an item and the page's own figures."""
    response = await client.get(SEARCH, params={"city": "Girne"})
    body = response.json()
    assert response.status_code == 200
    assert set(body) == {"count", "total", "limit", "offset", "results", "filters_used"}
    assert (body["count"], body["limit"], body["offset"]) == (20, 20, 0)
    assert body["total"] > body["count"] == len(body["results"])
    assert set(body["results"][0]) >= ITEM
    assert body["filters_used"] == {"city": "girne"}


@pytest.mark.parametrize(
    "spellings",
    [
        ("iskele", "Iskele", "İskele", "ISKELE", "Trikomo"),
        ("girne", "Kyrenia", "Girne", "Кирения", "Keryneia"),
        ("lefkosa", "Nicosia", "Lefkoşa", "LEFKOSIA"),
        ("gazimagusa", "Famagusta", "Mağusa"),
    ],
    ids=lambda spellings: spellings[0],
)
async def test_every_spelling_of_a_place_gives_identical_results(client, spellings):
    """Acceptance case 16."""
    answers = [(await client.get(SEARCH, params={"city": spelling})).json() for spelling in spellings]
    assert answers[0]["total"] > 0
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize(
    ("query", "at_least"),
    [
        ("city=Girne&property_type=apartment&amenities=beach_access", 8),
        ("bedrooms=2&bedrooms_max=2&property_type=apartment&rent_type=long_term", 8),
        ("city=kyrenia&property_type=apartment&price_max=500&rent_type=long_term", 6),
    ],
    ids=["case 1", "case 2", "case 4"],
)
async def test_the_seed_answers_the_acceptance_cases(client, query, at_least):
    """Each case finds the cards that it promises."""
    response = await client.get(f"{SEARCH}?{query}")
    assert response.status_code == 200
    assert response.json()["total"] >= at_least


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("city=Atlantis", "city"),
        ("city=", "city"),
        ("city=long-beach", "city"),
        ("area=atlantis", "area"),
        ("city=girne&area=long-beach", "area"),
        ("bedrooms=two", "bedrooms"),
        ("bedrooms=-1", "bedrooms"),
        ("bedrooms=3&bedrooms_max=2", "bedrooms_max"),
        ("bathrooms=1.5", "bathrooms"),
        ("rent_type=sale", "rent_type"),
        ("sale=perhaps", "sale"),
        ("price_min=600&price_max=500", "price_max"),
        ("price_max=cheap", "price_max"),
        ("price_max=nan", "price_max"),
        ("price_min=-1", "price_min"),
        ("currency=BTC", "currency"),
        ("property_type=castle", "property_type"),
        ("amenities=pool&amenities=moat", "amenities"),
        ("check_in=2027-07-05&check_out=2027-07-05", "check_out"),
        ("check_in=20270705", "check_in"),
        ("check_in=2027-02-30", "check_in"),
        ("check_out=9999-12-31", "check_out"),
        ("available_from=soon", "available_from"),
        ("furnished=half", "furnished"),
        ("sort=cheapest", "sort"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("offset=-1", "offset"),
        (f"offset={10**20}", "offset"),
        (f"q={'x' * 201}", "q"),
    ],
)
async def test_bad_input_answers_400_and_names_the_field(client, query, field):
    """The caller is told which parameter to change, in the one error body."""
    response = await client.get(f"{SEARCH}?{query}")
    body = response.json()
    assert response.status_code == 400
    assert (body["ok"], body["error"]["field"]) == (False, field)
    assert body["error"]["message"]


async def test_a_bad_summary_names_the_field_too(client):
    """The summary refuses an unknown rent_type."""
    response = await client.get(SUMMARY, params={"rent_type": "sale"})
    assert (response.status_code, response.json()["error"]["field"]) == (400, "rent_type")


@pytest.mark.parametrize(
    ("query", "used"),
    [
        ("bedrooms=0", {"bedrooms": 0, "bedrooms_max": 0}),
        ("furnished=false", {"furnished": False}),
        ("check_in=2027-01-01", {"check_in": "2027-01-01", "rent_type": "short_term"}),
        ("area=Boğaz&amenities=ac&amenities=gym", {"area": "bogaz", "amenities": ["ac", "gym"]}),
        ("currency=EUR", {}),
        ("price_max=500", {"price_max": 500, "currency": "GBP", "rates_date": RATES_DATE.isoformat()}),
        ("sort=-price", {"sort": "-price", "currency": "GBP", "rates_date": RATES_DATE.isoformat()}),
        (
            "price_min=5&currency=TRY&sale=true",
            {"price_min": 5, "currency": "TRY", "sale": True, "rates_date": RATES_DATE.isoformat()},
        ),
        ("colour=blue", {}),
    ],
)
async def test_filters_used_names_the_filters_in_effect(client, query, used):
    """Ids of places, filters that follow from others, and the rates' date where prices were compared."""
    assert (await client.get(f"{SEARCH}?{query}")).json()["filters_used"] == used


async def test_the_summary_gives_count_and_price_range_per_city(client):
    """Every city with listings, in pounds, by dated rates."""
    body = (await client.get(SUMMARY)).json()
    assert body["count"] == len(body["results"]) == 4
    assert body["filters_used"] == {"currency": "GBP", "rates_date": RATES_DATE.isoformat()}
    for city in body["results"]:
        search = (await client.get(SEARCH, params={"city": city["city"], "limit": 1})).json()
        assert city["count"] == search["total"]
        assert 0 < city["price_min"] < city["price_max"]


@pytest.mark.parametrize("path", [SEARCH, SUMMARY])
async def test_answers_and_errors_are_declared(client, path):
    """OpenAPI tells the body of a page and of a refusal."""
    document = (await client.get("/openapi.json")).json()
    responses = document["paths"][path]["get"]["responses"]
    assert {"200", "400", "503"} <= set(responses)
    assert responses["400"]["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorBody")
