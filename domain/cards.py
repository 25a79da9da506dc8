"""Recommendation cards, RecItem 1.x: additive changes only, existing clients read these camelCase keys."""

from pydantic import Field

from domain.value import CamelValue


class ContactInfo(CamelValue):
    agency_name: str
    channel: str = Field(default="in_app_message", description="there are no phone numbers in the seed data")


class CardMetadata(CamelValue):
    """Facts of the listing. The snake_case keys are part of the card contract."""

    bedrooms: int
    bathrooms: int
    amenities: tuple[str, ...] = ()
    sqm: int | None = None
    description: str = ""
    rent_type: str | None = Field(default=None, alias="rent_type")
    lat: float
    lng: float
    contact_info: ContactInfo


class RecItem(CamelValue):
    """One card under a reply."""

    id: str
    type: str = "property"
    title: str
    subtitle: str
    price: str = Field(description='as shown, in the listing\'s own currency: "£750 / month"')
    rating: float | None = None
    badges: tuple[str, ...] = Field(description="3 to 6 short facts")
    image_url: str | None = None
    gallery_images: tuple[str, ...] = ()
    area: str
    metadata: CardMetadata
