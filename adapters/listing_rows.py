"""Between a listing and its row, derived columns included."""

from datetime import datetime

from adapters.tables import ListingRow
from domain.exchange_rates import to_gbp
from domain.folding import fold
from domain.listings import Listing
from domain.places import display_name
from domain.slots import Amenity, Currency, Location, RentalType

BOTH = "both"
"""The row's rent_type of a listing let by the night and by the month."""


def row_of(listing: Listing, listed_at: datetime) -> ListingRow:
    fields = listing.model_dump(exclude={"rent_type", "rents_both_ways", "amenities", "images"})
    return ListingRow(
        **fields,
        rent_type=BOTH if listing.rents_both_ways else listing.rent_type,
        amenities=[str(amenity) for amenity in listing.amenities],
        images=list(listing.images),
        monthly_gbp=_gbp(listing.monthly_price, listing.currency),
        nightly_gbp=_gbp(listing.nightly_price, listing.currency),
        sale_gbp=_gbp(listing.sale_price, listing.currency),
        amenity_codes="".join(f"|{amenity}" for amenity in listing.amenities) + "|",
        search_text=_search_text(listing),
        listed_at=listed_at,
    )


def listing_of(row: ListingRow, asked: RentalType | None) -> Listing:
    """A row marked both ways is reported as it was asked for, by the month when nothing was asked."""
    both_ways = row.rent_type == BOTH
    as_asked = RentalType.SHORT_TERM if asked is RentalType.SHORT_TERM else RentalType.LONG_TERM
    fields = row.model_dump(exclude={"rent_type"})
    return Listing(**fields, rent_type=as_asked if both_ways else row.rent_type, rents_both_ways=both_ways)


def amenity_mark(amenity: Amenity) -> str:
    """What `amenity_codes` contains when the listing has it."""
    return f"|{amenity}|"


def _gbp(price: float | None, currency: Currency) -> float | None:
    return None if price is None else to_gbp(price, currency)


def _search_text(listing: Listing) -> str:
    place = display_name(Location(city=listing.city, district=listing.district))
    city = display_name(Location(city=listing.city))
    return fold(" ".join((listing.reference, listing.title, listing.description, place, city)))
