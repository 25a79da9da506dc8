"""A listing as a card. Prices stay in the listing's own currency."""

from collections.abc import Iterator

from domain.cards import CardMetadata, ContactInfo, RecItem
from domain.listings import Listing
from domain.places import display_name
from domain.sentences.english import ENGLISH
from domain.sentences.money import counted, money
from domain.slots import Amenity, Location, RentalType

MOST_BADGES = 6

_PRICE = {
    RentalType.LONG_TERM: "{amount} / month",
    RentalType.SHORT_TERM: "{amount} / night",
    RentalType.SALE: "{amount}",
}

_BADGES_FIRST = (
    *(Amenity.BEACH_ACCESS, Amenity.SEA_VIEW, Amenity.POOL, Amenity.FURNISHED, Amenity.PARKING, Amenity.GARDEN),
)
"""What people look for first; the other amenities follow in the listing's order."""


def card(listing: Listing, wanted: RentalType | None) -> RecItem:
    """`wanted` chooses the price shown; without it the monthly one, else the nightly, else the sale price.

    The card's own text is English in every language, as existing clients know it.
    """
    offer = _offer(listing, wanted)
    return RecItem(
        id=listing.id,
        title=listing.title,
        subtitle=_subtitle(listing),
        price=_price(listing, offer),
        rating=listing.rating,
        badges=tuple(_badges(listing, offer))[:MOST_BADGES],
        image_url=next(iter(listing.images), None),
        gallery_images=listing.images,
        area=display_name(Location(city=listing.city, district=listing.district)),
        metadata=_metadata(listing, offer),
    )


def _prices(listing: Listing) -> dict[RentalType, float | None]:
    return {
        RentalType.LONG_TERM: listing.monthly_price,
        RentalType.SHORT_TERM: listing.nightly_price,
        RentalType.SALE: listing.sale_price,
    }


def _offer(listing: Listing, wanted: RentalType | None) -> RentalType | None:
    """The kind of offer the card shows; a kind without a price falls back to one that has it."""
    priced = [kind for kind, price in _prices(listing).items() if price is not None]
    return wanted if wanted in priced else next(iter(priced), listing.rent_type)


def _price(listing: Listing, offer: RentalType | None) -> str:
    amount = _prices(listing)[offer] if offer else None
    if offer is None or amount is None:
        return "Price on request"
    return _PRICE[offer].format(amount=money(amount, listing.currency, ENGLISH.locale))


def _rooms(listing: Listing) -> str:
    if listing.bedrooms == 0:
        return ENGLISH.studio.capitalize()
    return counted(ENGLISH.bedrooms, listing.bedrooms, ENGLISH.locale)


def _subtitle(listing: Listing) -> str:
    kind = ENGLISH.kinds[listing.property_type]
    return " · ".join(dict.fromkeys((kind, _rooms(listing), display_name(Location(city=listing.city)))))


def _badges(listing: Listing, offer: RentalType | None) -> Iterator[str]:
    """Three facts that every listing has, then its amenities."""
    yield _rooms(listing)
    yield counted(ENGLISH.bathrooms, listing.bathrooms, ENGLISH.locale)
    yield _sentence_case(ENGLISH.rental_types[offer]) if offer else ENGLISH.kinds[listing.property_type]
    ordered = dict.fromkeys((*(a for a in _BADGES_FIRST if a in listing.amenities), *listing.amenities))
    yield from (_sentence_case(ENGLISH.amenities[amenity]) for amenity in ordered)


def _metadata(listing: Listing, offer: RentalType | None) -> CardMetadata:
    return CardMetadata(
        bedrooms=listing.bedrooms,
        bathrooms=listing.bathrooms,
        amenities=tuple(listing.amenities),
        sqm=listing.sqm,
        description=listing.description,
        rent_type=offer,
        lat=listing.lat,
        lng=listing.lng,
        contact_info=ContactInfo(agency_name=listing.agency_name),
    )


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
