"""Which search a turn needs."""

from domain.listings import ListingQuery, SearchPlan
from domain.slots import Budget, PropertyType, RentalType, Slots
from domain.thread import ThreadState
from domain.understanding import Intent


def plan(intent: Intent, slots: Slots, state: ThreadState) -> SearchPlan | None:
    """A search runs when a place, a budget or the rental type is known; "more" goes on with the last one."""
    if intent is Intent.SUMMARY:
        return SearchPlan(query=ListingQuery(), summary=True)
    if intent is Intent.MORE and state.last_query is not None:
        return SearchPlan(query=state.last_query.model_copy(update={"offset": state.next_offset}))
    if intent is Intent.FIND and (slots.location or slots.budget or slots.rental_type):
        return SearchPlan(query=query(slots))
    return None


def query(slots: Slots) -> ListingQuery:
    """First exactly what was said; widening is the search step's work."""
    place, price = slots.location, slots.budget or Budget()
    is_sale = slots.rental_type is RentalType.SALE
    return ListingQuery(
        city=place.city if place else None,
        area=place.district if place else None,
        bedrooms=slots.bedrooms,
        bedrooms_max=slots.bedrooms,
        rent_type=None if is_sale else slots.rental_type,
        sale=is_sale,
        price_min=price.min,
        price_max=price.max,
        currency=price.currency if slots.budget else None,
        # A studio is a home without a bedroom, whatever its type is called.
        property_type=None if slots.property_type is PropertyType.STUDIO else slots.property_type,
        amenities=slots.amenities,
        check_in=slots.check_in,
        check_out=slots.check_out,
        available_from=slots.available_from,
    )
