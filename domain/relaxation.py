"""The relaxation ladder: what to search for when the exact search found too little.

Exactly what was said; fewer than three hits: 10 % more money and one bedroom more; nothing: any property
type and 15 % more; still nothing: without amenities and without the bedroom cap. A place, a date and the
rental type are never given up.
"""

from collections.abc import Iterator

from domain.listings import ListingQuery, RelaxedFilter
from domain.value import Value

ENOUGH_HITS = 3
"""With fewer exact hits than this the first relaxation is tried beside them."""


class Rung(Value):
    """One search of the ladder.

    Attributes:
        query: finds everything the rung before it finds, and more.
        relaxed: what differs from the exact search.
        asked_below: this rung is asked when the one before it found fewer hits than this.
    """

    query: ListingQuery
    relaxed: tuple[RelaxedFilter, ...] = ()
    asked_below: int


def ladder(exact: ListingQuery) -> tuple[Rung, ...]:
    """The exact search first; a rung that would only repeat the one before it is left out."""
    wider = _with_bedroom_cap_raised(_with_more_money(exact, exact, 1.10))
    any_type = _with_more_money(wider, exact, 1.15).model_copy(update={"property_type": None})
    loosest = _without_bedroom_cap(any_type).model_copy(update={"amenities": ()})
    rungs = [Rung(query=exact, asked_below=ENOUGH_HITS)]
    for query, asked_below in ((wider, ENOUGH_HITS), (any_type, 1), (loosest, 1)):
        if query != rungs[-1].query:
            rungs.append(Rung(query=query, relaxed=tuple(_relaxed(exact, query)), asked_below=asked_below))
    return tuple(rungs)


def _with_more_money(query: ListingQuery, exact: ListingQuery, factor: float) -> ListingQuery:
    if exact.price_max is None:
        return query
    return query.model_copy(update={"price_max": round(exact.price_max * factor, 2)})


def _bedroom_cap(query: ListingQuery) -> int | None:
    """The cap in effect: bedrooms=0 alone means studios only."""
    return 0 if query.bedrooms == 0 and query.bedrooms_max is None else query.bedrooms_max


def _with_bedroom_cap_raised(query: ListingQuery) -> ListingQuery:
    cap = _bedroom_cap(query)
    return query if cap is None else query.model_copy(update={"bedrooms_max": cap + 1})


def _without_bedroom_cap(query: ListingQuery) -> ListingQuery:
    # bedrooms=0 without a cap would mean studios only again.
    return query.model_copy(update={"bedrooms": query.bedrooms or None, "bedrooms_max": None})


def _relaxed(exact: ListingQuery, used: ListingQuery) -> Iterator[RelaxedFilter]:
    """`filter` is the search API's name; values are as the API takes them, lists joined by commas."""
    if exact.price_max is not None and used.price_max != exact.price_max:
        yield RelaxedFilter(filter="price_max", said=_plain(exact.price_max), used=_plain(used.price_max))
    if (cap := _bedroom_cap(exact)) is not None and used.bedrooms_max != cap:
        yield RelaxedFilter(filter="bedrooms_max", said=str(cap), used=_plain(used.bedrooms_max))
    if exact.property_type and not used.property_type:
        yield RelaxedFilter(filter="property_type", said=exact.property_type)
    if exact.amenities and not used.amenities:
        yield RelaxedFilter(filter="amenities", said=",".join(exact.amenities))


def _plain(number: float | None) -> str | None:
    if number is None:
        return None
    return str(int(number)) if float(number).is_integer() else f"{number:.2f}"
