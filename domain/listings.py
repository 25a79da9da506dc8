"""Listings and how they are asked for. Both sides of the search API speak these types."""

from datetime import date
from enum import StrEnum
from typing import TypeAlias

from pydantic import Field

from domain.slots import Amenity, Currency, PropertyType, RentalType
from domain.value import Value

CARDS_PER_REPLY = 8
"""A reply shows at most this many; "more" shows the next ones."""


FiltersUsed: TypeAlias = dict[str, str | int | float | bool | list[str]]
"""The filters in effect by the search API's names, places as ids; `rates_date` where prices were compared."""


class ListingSort(StrEnum):
    PRICE = "price"
    PRICE_DOWN = "-price"
    BEDROOMS = "bedrooms"
    BEDROOMS_DOWN = "-bedrooms"
    NEWEST = "newest"


class Listing(Value):
    """One result of the search API. Prices are in the listing's own `currency` and never converted."""

    id: str
    reference: str
    title: str
    description: str
    city: str = Field(description="gazetteer id, e.g. girne")
    district: str | None = Field(default=None, description="gazetteer id, e.g. long-beach")
    lat: float
    lng: float
    bedrooms: int
    bathrooms: int
    property_type: PropertyType
    rent_type: RentalType | None = Field(default=None, description="absent when it is for sale only")
    rents_both_ways: bool = Field(default=False, description="let by the night and by the month")
    currency: Currency
    monthly_price: float | None = None
    nightly_price: float | None = None
    sale_price: float | None = None
    available_from: date | None = None
    min_term_months: int | None = None
    min_nights: int | None = None
    deposit: float | None = None
    sqm: int | None = None
    amenities: tuple[Amenity, ...] = ()
    images: tuple[str, ...] = ()
    agency_name: str
    rating: float | None = None


class ListingQuery(Value):
    """A search as the search API takes it. Absent filters do not filter."""

    city: str | None = None
    area: str | None = None
    bedrooms: int | None = Field(default=None, description="at least; 0 without bedrooms_max means studios only")
    bedrooms_max: int | None = None
    bathrooms: int | None = None
    rent_type: RentalType | None = None
    sale: bool = False
    price_min: float | None = None
    price_max: float | None = None
    currency: Currency | None = None
    property_type: PropertyType | None = None
    amenities: tuple[Amenity, ...] = ()
    check_in: date | None = None
    check_out: date | None = None
    available_from: date | None = None
    furnished: bool | None = None
    q: str | None = None
    sort: ListingSort | None = None
    limit: int = CARDS_PER_REPLY
    offset: int = 0
    first: tuple[str, ...] = Field(
        default=(),
        description="ids listed before all others, whatever the sort: what matched exactly leads on every page",
    )


class ListingPage(Value):
    """One page of a search. `count` is how many are here, `total` how many there are."""

    count: int
    total: int
    limit: int
    offset: int
    results: tuple[Listing, ...]
    filters_used: FiltersUsed = Field(default_factory=dict)


class RelaxedFilter(Value):
    """A filter that was widened or dropped because the exact search found too little."""

    filter: str
    said: str
    used: str | None = Field(default=None, description="absent when the filter was dropped")


class CitySummary(Value):
    """What there is in one city; prices are in `currency`, by the month unless another kind was asked for."""

    city: str
    count: int
    price_min: float | None = None
    price_max: float | None = None
    currency: Currency = Currency.GBP


class ListingsSummary(Value):
    """What there is, city by city; `count` is the number of cities."""

    count: int
    results: tuple[CitySummary, ...]
    filters_used: FiltersUsed = Field(default_factory=dict)


class SearchPlan(Value):
    """What the search step shall do for this turn: find listings, or summarise what there is."""

    query: ListingQuery
    summary: bool = False


class FoundListings(Value):
    """What the search step found, with what it had to relax to find it."""

    listings: tuple[Listing, ...] = ()
    total: int = 0
    offset: int = 0
    query: ListingQuery = ListingQuery()
    filters_used: FiltersUsed = Field(default_factory=dict)
    relaxed: tuple[RelaxedFilter, ...] = ()
    summary: tuple[CitySummary, ...] = ()
