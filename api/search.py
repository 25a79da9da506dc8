"""The real estate search. Public: no token, no limit, so a worker's own call never meets 401, 403 or 429."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from adapters.listings_sql import ListingsSQL, rental_kind
from api.errors import declared
from api.search_parameters import RentTypeParameter, SearchParameters
from domain.exchange_rates import RATES_DATE
from domain.listings import FiltersUsed, ListingPage, ListingQuery, ListingSort, ListingsSummary
from domain.slots import Currency, RentalType

router = APIRouter(prefix="/api/v1/real_estate", tags=["real estate"])


def _listings(request: Request) -> ListingsSQL:
    listings: ListingsSQL = request.app.state.listings
    return listings


Listings = Annotated[ListingsSQL, Depends(_listings)]


@router.get("/search", responses=declared(400, 503))
async def search(parameters: Annotated[SearchParameters, Query()], listings: Listings) -> ListingPage:
    """Listings that hold every filter.

    Prices are compared in pounds by the rates of `rates_date`: the nightly price for short_term, the monthly
    for long_term, the sale price with sale=true; without any of them the monthly price where there is one,
    else the nightly, and listings for sale only are not found.
    """
    query = parameters.query()
    page = await listings.search(query)
    return page.model_copy(update={"filters_used": filters_used(query)})


@router.get("/summary", responses=declared(400, 503))
async def summary(
    listings: Listings, rent_type: RentTypeParameter | None = None, *, sale: bool = False
) -> ListingsSummary:
    """Count and price range per city, in pounds: nightly for short_term, to buy with sale=true, else monthly."""
    kind = RentalType.SALE if sale else RentalType(rent_type) if rent_type else None
    cities = await listings.summary(kind)
    used = filters_used(_of_kind(kind)) | _rates(Currency.GBP)
    return ListingsSummary(count=len(cities), results=cities, filters_used=used)


def _of_kind(kind: RentalType | None) -> ListingQuery:
    return ListingQuery(sale=True) if kind is RentalType.SALE else ListingQuery(rent_type=kind)


def filters_used(query: ListingQuery) -> FiltersUsed:
    """The filters in effect under the parameters' names, those included that follow from others."""
    said = query.model_dump(mode="json", exclude_none=True, exclude={"limit", "offset", "first", "currency"})
    used: FiltersUsed = {name: value for name, value in said.items() if value not in (False, [], "")}
    if query.furnished is False:
        used["furnished"] = False
    if query.bedrooms == 0:
        used |= {"bedrooms": 0, "bedrooms_max": query.bedrooms_max or 0}
    if rental_kind(query) is RentalType.SHORT_TERM:
        used["rent_type"] = str(RentalType.SHORT_TERM)
    if _compares_prices(query):
        used |= _rates(query.currency or Currency.GBP)
    return used


def _rates(currency: Currency) -> FiltersUsed:
    return {"currency": str(currency), "rates_date": RATES_DATE.isoformat()}


def _compares_prices(query: ListingQuery) -> bool:
    by_price = query.sort in (ListingSort.PRICE, ListingSort.PRICE_DOWN)
    return by_price or query.price_min is not None or query.price_max is not None
