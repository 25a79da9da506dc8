"""The listings search on SQLite and PostgreSQL alike."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Exists, SQLColumnExpression, and_, case, exists, func, or_
from sqlmodel import col, select

from adapters.database import Database, promptly
from adapters.listing_rows import BOTH, amenity_mark, listing_of
from adapters.tables import ListingRow, ShortTermBlockRow
from domain.exchange_rates import to_gbp
from domain.folding import fold
from domain.gazetteer import CITIES
from domain.listings import CitySummary, Listing, ListingPage, ListingQuery, ListingSort
from domain.slots import Amenity, Currency, RentalType

Condition = ColumnElement[bool]


class ListingsSQL:
    def __init__(self, database: Database) -> None:
        self._database = database

    @promptly
    async def search(self, query: ListingQuery) -> ListingPage:
        """Raises StorageUnavailable only; every filter it does not understand is the caller's to refuse."""
        kind = rental_kind(query)
        conditions = tuple(_conditions(query, kind))
        page = select(ListingRow).where(*conditions).order_by(*_order(query, kind))
        async with self._database.reading() as session:
            total = (await session.exec(select(func.count()).select_from(ListingRow).where(*conditions))).one()
            rows = (await session.exec(page.limit(query.limit).offset(query.offset))).all()
        results: tuple[Listing, ...] = tuple(listing_of(row, kind) for row in rows)
        return ListingPage(
            count=len(results), total=total, limit=query.limit, offset=query.offset, results=results
        )

    @promptly
    async def summary(self, rent_type: RentalType | None) -> tuple[CitySummary, ...]:
        """What a search by `rent_type` alone would find, counted per city in the gazetteer's order.

        Prices are by the night for short_term, to buy for sale, else by the month.
        """
        price: SQLColumnExpression[Any] = _price(rent_type) if rent_type else col(ListingRow.monthly_gbp)
        grouped = (
            select(ListingRow.city, func.count(), func.min(price), func.max(price))
            .where(*_conditions(ListingQuery(rent_type=rent_type), rent_type))
            .group_by(col(ListingRow.city))
        )
        async with self._database.reading() as session:
            rows = {city: figures for city, *figures in (await session.exec(grouped)).all()}
        return tuple(
            CitySummary(city=city.id, count=count, price_min=lowest, price_max=highest)
            for city in CITIES
            if city.id in rows
            for count, lowest, highest in [rows[city.id]]
        )


def rental_kind(query: ListingQuery) -> RentalType | None:
    """How the listings are wanted; dates of a stay alone mean by the night."""
    if query.sale:
        return RentalType.SALE
    stay = query.check_in or query.check_out
    return query.rent_type or (RentalType.SHORT_TERM if stay else None)


def _price(kind: RentalType | None) -> SQLColumnExpression[Any]:
    """The price a search compares by, in pounds."""
    monthly, nightly = col(ListingRow.monthly_gbp), col(ListingRow.nightly_gbp)
    by_kind: dict[RentalType | None, SQLColumnExpression[Any]] = {
        RentalType.SHORT_TERM: nightly,
        RentalType.LONG_TERM: monthly,
        RentalType.SALE: col(ListingRow.sale_gbp),
        None: func.coalesce(monthly, nightly),
    }
    return by_kind[kind]


def _order(query: ListingQuery, kind: RentalType | None) -> Iterator[ColumnElement[Any]]:
    if query.first:
        yield case((col(ListingRow.id).in_(query.first), 0), else_=1)
    match query.sort:
        case ListingSort.PRICE:
            yield _price(kind).asc()
        case ListingSort.PRICE_DOWN:
            yield _price(kind).desc()
        case ListingSort.BEDROOMS:
            yield col(ListingRow.bedrooms).asc()
        case ListingSort.BEDROOMS_DOWN:
            yield col(ListingRow.bedrooms).desc()
        case ListingSort.NEWEST | None:
            yield col(ListingRow.listed_at).desc()
    # Equal rows keep their order between two pages.
    yield col(ListingRow.id).asc()


def _conditions(query: ListingQuery, kind: RentalType | None) -> Iterator[Condition]:
    yield from _kind(query, kind)
    yield from _place(query)
    yield from _rooms(query)
    yield from _price_range(query, kind)
    yield from _furnishing(query)
    yield from _dates(query)
    for word in re.findall(r"[a-z0-9]+", fold(query.q or "")):
        yield col(ListingRow.search_text).contains(word)


def _kind(query: ListingQuery, kind: RentalType | None) -> Iterator[Condition]:
    # Every row found has the price it is compared by, so a sale-only row is found by sale=true alone.
    yield _price(kind).is_not(None)
    rented = kind if kind is not RentalType.SALE else query.rent_type
    if rented in (RentalType.SHORT_TERM, RentalType.LONG_TERM):
        yield col(ListingRow.rent_type).in_((str(rented), BOTH))


def _place(query: ListingQuery) -> Iterator[Condition]:
    if query.city is not None:
        yield col(ListingRow.city) == query.city
    if query.area is not None:
        yield col(ListingRow.district) == query.area


def _rooms(query: ListingQuery) -> Iterator[Condition]:
    studios_only = query.bedrooms == 0 and query.bedrooms_max is None
    if query.bedrooms is not None:
        yield col(ListingRow.bedrooms) >= query.bedrooms
    if query.bedrooms_max is not None or studios_only:
        yield col(ListingRow.bedrooms) <= (query.bedrooms_max or 0)
    if query.bathrooms is not None:
        yield col(ListingRow.bathrooms) >= query.bathrooms
    if query.property_type is not None:
        yield col(ListingRow.property_type) == str(query.property_type)


def _price_range(query: ListingQuery, kind: RentalType | None) -> Iterator[Condition]:
    currency = query.currency or Currency.GBP
    if query.price_min is not None:
        yield _price(kind) >= to_gbp(query.price_min, currency)
    if query.price_max is not None:
        yield _price(kind) <= to_gbp(query.price_max, currency)


def _furnishing(query: ListingQuery) -> Iterator[Condition]:
    codes = col(ListingRow.amenity_codes)
    for amenity in query.amenities:
        # autoescape: the underscore of a code is a wildcard to LIKE.
        yield codes.contains(amenity_mark(amenity), autoescape=True)
    if query.furnished is not None:
        furnished = codes.contains(amenity_mark(Amenity.FURNISHED), autoescape=True)
        yield furnished if query.furnished else ~furnished


def _dates(query: ListingQuery) -> Iterator[Condition]:
    if query.available_from is not None:
        free_from = col(ListingRow.available_from)
        yield or_(free_from.is_(None), free_from <= query.available_from)
    if query.check_in and query.check_out:
        nights = (query.check_out - query.check_in).days
        yield or_(col(ListingRow.min_nights).is_(None), col(ListingRow.min_nights) <= nights)
    if stay := _stay(query):
        yield ~_taken(*stay)


def _stay(query: ListingQuery) -> tuple[date, date] | None:
    """Arrival and departure day; with only one of them known, of the night next to it."""
    night = timedelta(days=1)
    if query.check_in is not None:
        return query.check_in, query.check_out or query.check_in + night
    return (query.check_out - night, query.check_out) if query.check_out is not None else None


def _taken(check_in: date, check_out: date) -> Exists:
    """Half-open on both sides: a departure day is free for the next arrival."""
    block = ShortTermBlockRow
    return exists().where(
        and_(
            col(block.listing_id) == col(ListingRow.id),
            col(block.check_in) < check_out,
            col(block.check_out) > check_in,
        )
    )
