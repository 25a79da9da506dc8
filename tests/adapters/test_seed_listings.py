"""The seed: what product behaviour relies on, and that it is stable."""

from collections import Counter

import pytest

from adapters.illustrative_listings import MARKETS, illustrative_listings
from adapters.listing_rows import BOTH, row_of
from adapters.listings_sql import ListingsSQL
from adapters.seed_listings import seed_listings
from domain.exchange_rates import to_gbp
from domain.listings import ListingQuery
from domain.slots import Amenity, Currency, PropertyType, RentalType

LISTINGS = tuple(listing for listing, _, _ in illustrative_listings())
ROWS = tuple(row_of(listing, listed_at) for listing, listed_at, _ in illustrative_listings())


async def test_a_second_run_inserts_nothing(empty_database):
    """The seed is written once, in full."""
    assert await seed_listings(empty_database) == len(LISTINGS) >= 480
    assert await seed_listings(empty_database) == 0
    everything = ListingsSQL(empty_database)
    rented = await everything.search(ListingQuery(limit=1))
    sale_only = sum(row.rent_type is None for row in ROWS)
    assert rented.total == len(LISTINGS) - sale_only


def test_two_runs_make_the_same_listings():
    """Nothing depends on the run: ids, prices and stays are the same again."""
    assert tuple(illustrative_listings()) == tuple(illustrative_listings())
    assert len({listing.id for listing in LISTINGS}) == len({row.reference for row in ROWS}) == len(LISTINGS)


def test_shares_are_as_described():
    """Property types 50/15/20/10/5 %, as many short-term as long-term, some both ways, some for sale only."""
    types = Counter(listing.property_type for listing in LISTINGS)
    assert [types[kind] * 100 / len(LISTINGS) for kind in PropertyType] == [50, 15, 20, 10, 5]
    rents = Counter(row.rent_type for row in ROWS)
    assert rents[RentalType.SHORT_TERM] == rents[RentalType.LONG_TERM]
    assert min(rents[BOTH], rents[None]) >= 20
    assert {listing.bedrooms for listing in LISTINGS} == set(range(6))
    assert {amenity for listing in LISTINGS for amenity in listing.amenities} == set(Amenity)
    assert min(Counter(listing.currency for listing in LISTINGS)[currency] for currency in Currency) >= 20


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.city)
def test_every_listing_lies_within_its_market(market):
    """Base prices and coordinates stay inside the city's ranges, in whatever currency."""
    for listing in (listing for listing in LISTINGS if listing.city == market.city):
        further = max(listing.bedrooms - 1, 0)
        assert market.lat[0] <= listing.lat <= market.lat[1]
        assert market.lng[0] <= listing.lng <= market.lng[1]
        if listing.monthly_price:
            base = to_gbp(listing.monthly_price, listing.currency) - 100 * further
            assert market.monthly[0] <= base <= market.monthly[1]
        if listing.nightly_price:
            base = to_gbp(listing.nightly_price, listing.currency) - 15 * further
            assert market.nightly[0] <= base <= market.nightly[1]


def test_every_text_says_that_it_is_illustrative():
    """Nobody can take a seeded listing for a real offer."""
    assert all("Illustrative listing, not a real offer" in listing.description for listing in LISTINGS)
    assert all("in-app message" in listing.description for listing in LISTINGS)
    assert all("(fictitious)" in listing.agency_name for listing in LISTINGS)


async def test_acceptance_cases_find_their_cards(seeded):
    """Cases 1, 2 and 4, and the promised numbers for Girne."""

    async def total(**filters):
        return (await seeded.search(ListingQuery(**filters))).total

    girne = {"city": "girne", "property_type": PropertyType.APARTMENT}
    affordable = girne | {"rent_type": RentalType.LONG_TERM, "price_max": 500}
    beach = {"amenities": (Amenity.BEACH_ACCESS,)}
    assert await total(**girne, **beach) >= 8
    assert await total(**affordable) >= 12
    assert await total(**affordable, **beach) >= 8
    family_size = {"bedrooms": 2, "bedrooms_max": 2, "rent_type": RentalType.LONG_TERM}
    assert await total(**girne, **beach, **family_size) >= 8
    assert await total(bedrooms=2, bedrooms_max=2, property_type="apartment", rent_type=RentalType.LONG_TERM) >= 8
