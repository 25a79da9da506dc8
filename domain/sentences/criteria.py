"""A search in words: "Girne (Kyrenia), long-term, 2 bedrooms, up to £500"."""

from collections.abc import Iterator

from domain.listings import ListingQuery
from domain.places import display_name
from domain.sentences.money import counted, money
from domain.sentences.wording import Wording
from domain.slots import Currency, Location, RentalType


def criteria(query: ListingQuery, words: Wording) -> str:
    """Everything the search asked for but the kind of home; empty when it asked for nothing."""
    return ", ".join(_parts(query, words))


def homes(count: int, query: ListingQuery, words: Wording) -> str:
    """ "12 apartments": of the kind the search asked for."""
    return counted(words.homes[query.property_type], count, words.locale)


def _parts(query: ListingQuery, words: Wording) -> Iterator[str]:
    if query.city:
        yield display_name(Location(city=query.city, district=query.area))
    if query.sale or query.rent_type:
        yield words.rental_types[RentalType.SALE if query.sale else query.rent_type]  # type: ignore[index]
    yield from _bedrooms(query, words)
    yield from _price(query, words)
    yield from (words.amenities[amenity] for amenity in query.amenities)


def _bedrooms(query: ListingQuery, words: Wording) -> Iterator[str]:
    low, high = query.bedrooms, query.bedrooms_max
    if low is None:
        return
    if low == 0 and high in (0, None):
        yield words.studio
    elif high is None:
        yield words.bedrooms_from.format(low=low)
    elif high == low:
        yield counted(words.bedrooms, low, words.locale)
    else:
        yield words.bedrooms_between.format(low=low, high=high)


def _price(query: ListingQuery, words: Wording) -> Iterator[str]:
    currency = query.currency or Currency.GBP
    low, high = (
        None if bound is None else money(bound, currency, words.locale)
        for bound in (query.price_min, query.price_max)
    )
    if low and high:
        yield words.price_between.format(low=low, high=high)
    elif low or high:
        yield (words.price_from if low else words.price_to).format(low=low, high=high)
