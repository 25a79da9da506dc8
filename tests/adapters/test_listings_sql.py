"""The search's filters on both databases."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.illustrative_listings import illustrative_listings
from adapters.listing_rows import BOTH, row_of
from adapters.listings_sql import ListingsSQL
from adapters.tables import ShortTermBlockRow
from domain.exchange_rates import to_gbp
from domain.listings import Listing, ListingQuery, ListingSort
from domain.slots import Amenity, Currency, PropertyType, RentalType

LONG, SHORT = RentalType.LONG_TERM, RentalType.SHORT_TERM
LISTED = tuple(illustrative_listings())
ROWS = {listing.id: row_of(listing, listed_at) for listing, listed_at, _ in LISTED}
STAYS = {listing.id: stays for listing, _, stays in LISTED}


async def every_page(listings: ListingsSQL, query: ListingQuery) -> list[Listing]:
    found: list[Listing] = []
    while True:
        page = await listings.search(query.model_copy(update={"limit": 100, "offset": len(found)}))
        found += page.results
        assert (page.count, page.offset) == (len(page.results), len(found) - len(page.results))
        if not page.results:
            assert page.total == len(found)
            return found


def reference_of(rows) -> set[str]:
    return {row.reference for row in rows}


def rented(row, kind) -> bool:
    return row.rent_type in (kind, BOTH)


FILTERS = {
    "city": (ListingQuery(city="iskele"), lambda row: row.city == "iskele"),
    "area": (ListingQuery(area="bogaz"), lambda row: row.district == "bogaz"),
    "area in a city": (
        ListingQuery(city="gazimagusa", area="bogaz"),
        lambda row: (row.city, row.district) == ("gazimagusa", "bogaz"),
    ),
    "at least 3 bedrooms": (ListingQuery(bedrooms=3), lambda row: row.bedrooms >= 3),
    "studios only": (ListingQuery(bedrooms=0), lambda row: row.bedrooms == 0),
    "no or one bedroom": (ListingQuery(bedrooms=0, bedrooms_max=1), lambda row: row.bedrooms <= 1),
    "at most 2 bedrooms": (ListingQuery(bedrooms_max=2), lambda row: row.bedrooms <= 2),
    "bathrooms": (ListingQuery(bathrooms=2), lambda row: row.bathrooms >= 2),
    "long term": (ListingQuery(rent_type=LONG), lambda row: rented(row, LONG)),
    "short term": (ListingQuery(rent_type=SHORT), lambda row: rented(row, SHORT)),
    "property type": (
        ListingQuery(property_type=PropertyType.VILLA),
        lambda row: row.property_type == "villa",
    ),
    "all amenities": (
        ListingQuery(amenities=(Amenity.SEA_VIEW, Amenity.POOL)),
        lambda row: {"sea_view", "pool"} <= set(row.amenities),
    ),
    "furnished": (ListingQuery(furnished=True), lambda row: "furnished" in row.amenities),
    "unfurnished": (ListingQuery(furnished=False), lambda row: "furnished" not in row.amenities),
    "monthly price": (
        ListingQuery(rent_type=LONG, price_min=500, price_max=700),
        lambda row: rented(row, LONG) and 500 <= row.monthly_gbp <= 700,
    ),
    "nightly price": (
        ListingQuery(rent_type=SHORT, price_max=60),
        lambda row: rented(row, SHORT) and row.nightly_gbp <= 60,
    ),
    "price in euros": (
        ListingQuery(rent_type=LONG, price_max=600, currency=Currency.EUR),
        lambda row: rented(row, LONG) and row.monthly_gbp <= to_gbp(600, Currency.EUR),
    ),
    "price of either kind": (
        ListingQuery(price_max=400),
        lambda row: (row.monthly_gbp or row.nightly_gbp or 1e9) <= 400,
    ),
    "available from": (
        ListingQuery(rent_type=LONG, available_from=date(2026, 12, 1)),
        lambda row: rented(row, LONG) and (row.available_from or date.min) <= date(2026, 12, 1),
    ),
    "words": (
        ListingQuery(q="VİLLA iskele"),
        lambda row: row.property_type == "villa" and row.city == "iskele",
    ),
    "reference": (ListingQuery(q="gir-007"), lambda row: row.reference == "GIR-007"),
}


@pytest.mark.parametrize(("query", "holds"), FILTERS.values(), ids=FILTERS)
async def test_a_filter_finds_exactly_the_rows_that_hold_it(seeded, query, holds):
    """Every match and nothing else, page by page; without rent_type or sale, nothing that is for sale only."""
    expected = reference_of(row for row in ROWS.values() if row.rent_type is not None and holds(row))
    found = await every_page(seeded, query)
    assert expected
    assert reference_of(found) == expected
    assert len(found) == len(expected)


async def test_sale_finds_what_has_a_sale_price(seeded):
    """Rentals that are for sale too are found, and compared by their sale price."""
    found = await every_page(seeded, ListingQuery(sale=True, price_max=200_000))
    assert reference_of(found) == reference_of(
        row for row in ROWS.values() if row.sale_gbp is not None and row.sale_gbp <= 200_000
    )
    assert await every_page(seeded, ListingQuery(rent_type=RentalType.SALE, price_max=200_000)) == found


@pytest.mark.parametrize(
    ("asked", "reported"), [(SHORT, SHORT), (LONG, LONG), (None, LONG)], ids=["short", "long", "not asked"]
)
async def test_a_row_let_both_ways_is_reported_as_asked(seeded, asked, reported):
    """rent_type is what was searched for, and rents_both_ways tells of the other."""
    found = await every_page(seeded, ListingQuery(rent_type=asked))
    both = [listing for listing in found if ROWS[listing.id].rent_type == BOTH]
    assert both
    assert all(listing.rents_both_ways and listing.rent_type is reported for listing in both)


async def test_a_listings_own_price_is_never_converted(seeded):
    """Prices come back as they were entered, in the listing's currency."""
    found = await every_page(seeded, ListingQuery(price_max=500, currency=Currency.USD))
    entered = {listing.id: (listing.currency, listing.monthly_price) for listing, _, _ in LISTED}
    assert {listing.currency for listing in found} == set(Currency)
    assert all((listing.currency, listing.monthly_price) == entered[listing.id] for listing in found)


SORTS = {
    ListingSort.PRICE: lambda row: row.monthly_gbp,
    ListingSort.PRICE_DOWN: lambda row: -row.monthly_gbp,
    ListingSort.BEDROOMS: lambda row: row.bedrooms,
    ListingSort.BEDROOMS_DOWN: lambda row: -row.bedrooms,
    ListingSort.NEWEST: lambda row: -row.listed_at.timestamp(),
}


@pytest.mark.parametrize("sort", ListingSort)
async def test_a_sort_orders_by_its_figure_then_by_id(seeded, sort):
    """Equal rows have one fixed order, so pages neither repeat nor skip a row."""
    found = await every_page(seeded, ListingQuery(rent_type=LONG, sort=sort))
    expected = sorted(
        (row for row in ROWS.values() if rented(row, LONG)), key=lambda row: (SORTS[sort](row), row.id)
    )
    assert [listing.id for listing in found] == [row.id for row in expected]


async def test_ids_to_list_first_lead_whatever_the_sort(seeded):
    """`first` changes the order and nothing else."""
    query = ListingQuery(city="girne", sort=ListingSort.PRICE)
    plain = await every_page(seeded, query)
    leaders = (plain[-1].id, plain[40].id)
    led = await every_page(seeded, query.model_copy(update={"first": (*leaders, "no such id")}))
    assert {listing.id for listing in led[:2]} == set(leaders)
    assert led[2:] == [listing for listing in plain if listing.id not in leaders]


async def test_the_summary_counts_what_a_search_finds(seeded):
    """Per city: the count of a search by that kind, and its lowest and highest price."""
    for kind in (None, *RentalType):
        for city in await seeded.summary(kind):
            found = await every_page(seeded, ListingQuery(city=city.city, rent_type=kind))
            prices = [price for listing in found if (price := _price(ROWS[listing.id], kind)) is not None]
            assert (city.count, city.price_min, city.price_max) == (len(found), min(prices), max(prices))
    assert [city.city for city in await seeded.summary(None)] == ["girne", "lefkosa", "gazimagusa", "iskele"]


def _price(row, kind):
    return {SHORT: row.nightly_gbp, RentalType.SALE: row.sale_gbp}.get(kind, row.monthly_gbp)


days = st.dates(date(2026, 10, 1), date(2027, 12, 31))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(check_in=days, nights=st.integers(1, 30))
async def test_a_stay_finds_what_is_free_every_night(seeded, check_in, nights):
    """Nights are half-open; a listing that asks for a longer stay, or has no nightly price, is not found."""
    check_out = check_in + timedelta(days=nights)
    wanted = {check_in + timedelta(days=night) for night in range(nights)}
    found = await every_page(seeded, ListingQuery(check_in=check_in, check_out=check_out))
    assert reference_of(found) == reference_of(
        row
        for row in ROWS.values()
        if row.nightly_price and row.min_nights <= nights and not wanted & taken_nights(row.id)
    )


def taken_nights(listing_id: str) -> set[date]:
    return {
        stay.check_in + timedelta(days=night)
        for stay in STAYS[listing_id]
        for night in range((stay.check_out - stay.check_in).days)
    }


@pytest.mark.parametrize(
    ("check_in", "check_out", "free"),
    [
        (date(2027, 7, 1), date(2027, 7, 5), True),
        (date(2027, 7, 1), date(2027, 7, 6), False),
        (date(2027, 7, 9), date(2027, 7, 10), False),
        (date(2027, 7, 10), date(2027, 7, 12), True),
        (date(2027, 7, 10), None, True),
        (date(2027, 7, 9), None, False),
        (None, date(2027, 7, 5), True),
        (None, date(2027, 7, 6), False),
    ],
)
async def test_a_departure_day_is_free_for_the_next_arrival(empty_database, check_in, check_out, free):
    """Taken from the 5th to the 10th of July: free until the 5th and again from the 10th."""
    listing = next(listing for listing, _, _ in LISTED if listing.min_nights == 1)
    async with empty_database.writing() as session:
        session.add(row_of(listing, datetime(2026, 11, 1, tzinfo=UTC)))
        await session.flush()
        stay = {"check_in": date(2027, 7, 5), "check_out": date(2027, 7, 10)}
        session.add(ShortTermBlockRow(listing_id=listing.id, **stay))
    page = await ListingsSQL(empty_database).search(ListingQuery(check_in=check_in, check_out=check_out))
    assert page.total == int(free)
