"""560 illustrative listings, the same on every run. Nobody can rent any of them, and their texts say so."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from domain.exchange_rates import GBP_FOR_ONE
from domain.gazetteer import DISTRICTS
from domain.listings import Listing
from domain.places import display_name
from domain.slots import Amenity, Currency, Location, PropertyType, RentalType

LISTED_UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
"""The newest is this old, each further one an hour older."""


class Market(NamedTuple):
    """A city's prices and area: pounds for one bedroom from..to, latitude and longitude from..to."""

    city: str
    prefix: str
    monthly: tuple[int, int]
    nightly: tuple[int, int]
    lat: tuple[float, float]
    lng: tuple[float, float]


class Stay(NamedTuple):
    """Nights taken, half-open."""

    check_in: date
    check_out: date


MARKETS = (
    Market("girne", "GIR", (450, 1500), (40, 180), (35.33, 35.37), (33.31, 33.35)),
    Market("lefkosa", "LEF", (400, 1200), (35, 150), (35.18, 35.22), (33.35, 33.39)),
    Market("gazimagusa", "MAG", (350, 1000), (30, 120), (35.11, 35.15), (33.93, 33.97)),
    Market("iskele", "ISK", (300, 900), (25, 100), (35.27, 35.31), (33.89, 33.93)),
)
INLAND = frozenset({"lefkosa"})
MONTHLY_PER_FURTHER_BEDROOM, NIGHTLY_PER_FURTHER_BEDROOM = 100, 15
SALE_IN_MONTHS_OF_RENT = 220

_APARTMENT, _VILLA, _STUDIO, _HOUSE, _PENTHOUSE = (
    PropertyType.APARTMENT,
    PropertyType.VILLA,
    PropertyType.STUDIO,
    PropertyType.HOUSE,
    PropertyType.PENTHOUSE,
)
# Of twenty: ten apartments (the even places), three villas, four studios, two houses, one penthouse.
_OTHERS = (_STUDIO, _VILLA, _HOUSE, _STUDIO, _VILLA, _STUDIO, _PENTHOUSE, _VILLA, _HOUSE, _STUDIO)
_TYPES = tuple(kind for other in _OTHERS for kind in (_APARTMENT, other))

# Each letter is twenty listings: short term, long term, or ten let both ways and ten for sale only.
_BLOCKS = "SLSLSLX"
_PER_CITY = len(_BLOCKS) * len(_TYPES)

_BEDROOMS = {
    _APARTMENT: (1, 2, 2, 3),
    _VILLA: (3, 4, 5),
    _STUDIO: (0,),
    _HOUSE: (2, 3, 4),
    _PENTHOUSE: (2, 3, 4),
}
_AGENCIES = tuple(
    f"{name} (fictitious)"
    for name in ("Example Keys", "Sample Shore Homes", "Placeholder Properties", "Demo Doors")
)
_ROUNDED_TO = {Currency.TRY: (100, 10)}  # a month, a night
_ROUNDED_OTHERWISE = (5, 1)


def illustrative_listings() -> Iterator[tuple[Listing, datetime, tuple[Stay, ...]]]:
    """Each with the time it was listed and the nights it is taken."""
    for position in range(_PER_CITY):
        for nth, market in enumerate(MARKETS):
            random = Random(f"{market.city} {position}")
            listing = _listing(random, market, position)
            listed_at = LISTED_UNTIL - timedelta(hours=position * len(MARKETS) + nth)
            yield listing, listed_at, tuple(_stays(random, listing, position))


def _listing(random: Random, market: Market, position: int) -> Listing:
    block, place_in_block = _BLOCKS[position // len(_TYPES)], position % len(_TYPES)
    property_type = _TYPES[place_in_block]
    # Enough for the usual question: every second apartment of Girne is affordable, four of five at the beach.
    affordable = market.city == "girne" and place_in_block % 4 == 0
    # And the other apartments of Girne are what a family asks for: two bedrooms at the beach.
    family_size = market.city == "girne" and place_in_block % 4 == 2
    bedrooms = 1 if affordable else 2 if family_size else random.choice(_BEDROOMS[property_type])
    currency = Currency.GBP if affordable else random.choices(tuple(Currency), (70, 10, 10, 10))[0]
    both_ways = block == "X" and place_in_block < len(_TYPES) // 2
    sale_only = block == "X" and not both_ways
    reference = f"{market.prefix}-{position + 1:03}"
    district = random.choice([row.id for row in DISTRICTS if row.city == market.city])
    amenities = _amenities(random, market, beach=family_size or (affordable and place_in_block > 0))
    sqm = 40 + 35 * bedrooms + random.randrange(0, 20)
    monthly = _monthly(random, market, bedrooms, currency, affordable=affordable)
    nightly = _nightly(random, market, bedrooms, currency)
    by_month, by_night = block == "L" or both_ways, block == "S" or both_ways
    for_sale = sale_only or (by_month and place_in_block % 10 == 3)
    return Listing(
        id=str(uuid5(NAMESPACE_URL, f"https://easyislanders.com/illustrative-listings/{reference}")),
        reference=reference,
        title=_title(property_type, bedrooms, Location(city=market.city, district=district)),
        description=_description(Location(city=market.city, district=district), sqm, amenities),
        city=market.city,
        district=district,
        lat=round(random.uniform(*market.lat), 5),
        lng=round(random.uniform(*market.lng), 5),
        bedrooms=bedrooms,
        bathrooms=1 + bedrooms // 2,
        property_type=property_type,
        rent_type=None if sale_only else RentalType.LONG_TERM if by_month else RentalType.SHORT_TERM,
        rents_both_ways=both_ways,
        currency=currency,
        monthly_price=monthly if by_month else None,
        nightly_price=nightly if by_night else None,
        sale_price=round(monthly * SALE_IN_MONTHS_OF_RENT, -3) if for_sale else None,
        available_from=_available_from(random) if by_month else None,
        min_term_months=random.choice((1, 3, 6, 12)) if by_month else None,
        min_nights=random.choice((1, 2, 3, 5, 7)) if by_night else None,
        deposit=monthly if by_month else None,
        sqm=sqm,
        amenities=amenities,
        images=tuple(f"/static/listings/{property_type}-{n}.svg" for n in random.sample((1, 2, 3, 4), 3)),
        agency_name=random.choice(_AGENCIES),
        rating=random.choice((None, *(score / 10 for score in range(35, 51)))),
    )


def _amenities(random: Random, market: Market, *, beach: bool) -> tuple[Amenity, ...]:
    """Three to nine, in the order of the codes; nothing of the sea in an inland town."""
    chosen = set(random.sample(tuple(Amenity), random.randint(5, 8)))
    if market.city in INLAND:
        chosen -= {Amenity.BEACH_ACCESS, Amenity.SEA_VIEW}
    chosen |= {Amenity.BEACH_ACCESS} if beach else set()
    return tuple(amenity for amenity in Amenity if amenity in chosen)


def _monthly(random: Random, market: Market, bedrooms: int, currency: Currency, *, affordable: bool) -> float:
    # Five pounds inside the range, so that rounding in another currency stays inside too.
    low, high = market.monthly[0] + 5, market.monthly[1] - 5
    base = random.randrange(low, 500 if affordable else high, 5)
    in_pounds = base + MONTHLY_PER_FURTHER_BEDROOM * max(bedrooms - 1, 0)
    return _rounded(in_pounds, currency, _ROUNDED_TO.get(currency, _ROUNDED_OTHERWISE)[0])


def _nightly(random: Random, market: Market, bedrooms: int, currency: Currency) -> float:
    base = random.randrange(market.nightly[0] + 1, market.nightly[1])
    in_pounds = base + NIGHTLY_PER_FURTHER_BEDROOM * max(bedrooms - 1, 0)
    return _rounded(in_pounds, currency, _ROUNDED_TO.get(currency, _ROUNDED_OTHERWISE)[1])


def _rounded(in_pounds: float, currency: Currency, to: int) -> float:
    return float(round(in_pounds / GBP_FOR_ONE[currency] / to) * to)


def _available_from(random: Random) -> date | None:
    """Half are free now, the others within four months."""
    weeks = random.randrange(-16, 17)
    return LISTED_UNTIL.date() + timedelta(weeks=weeks) if weeks > 0 else None


def _title(property_type: PropertyType, bedrooms: int, place: Location) -> str:
    what = f"{bedrooms}-bedroom {property_type}" if bedrooms else "Studio"
    return f"{what} in {display_name(place)}"


def _description(place: Location, sqm: int, amenities: tuple[Amenity, ...]) -> str:
    has = ", ".join(amenity.replace("_", " ") for amenity in amenities)
    return (
        f"Illustrative listing, not a real offer. {sqm} m² in {display_name(place)}, with {has}. "
        "Contact by in-app message."
    )


def _stays(random: Random, listing: Listing, position: int) -> Iterator[Stay]:
    """Every third listing let by the night is taken a few times in the year after it was listed."""
    if listing.nightly_price is None or position % 3:
        return
    for month in random.sample(range(12), 4):
        check_in = LISTED_UNTIL.date() + timedelta(days=30 * month + random.randrange(0, 15))
        yield Stay(check_in, check_in + timedelta(days=random.randint(3, 14)))
