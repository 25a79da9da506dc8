"""What the user wants, as slots. The codes are stored in results and threads: add, never rename."""

from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from domain.value import Value


class RentalType(StrEnum):
    SHORT_TERM = "short_term"
    LONG_TERM = "long_term"
    SALE = "sale"


class Currency(StrEnum):
    GBP = "GBP"
    EUR = "EUR"
    USD = "USD"
    TRY = "TRY"


class PropertyType(StrEnum):
    APARTMENT = "apartment"
    VILLA = "villa"
    STUDIO = "studio"
    HOUSE = "house"
    PENTHOUSE = "penthouse"


class Amenity(StrEnum):
    AC = "ac"
    WIFI = "wifi"
    SEA_VIEW = "sea_view"
    POOL = "pool"
    PARKING = "parking"
    GARDEN = "garden"
    BALCONY = "balcony"
    TERRACE = "terrace"
    ELEVATOR = "elevator"
    SECURITY = "security"
    FURNISHED = "furnished"
    DISHWASHER = "dishwasher"
    WASHING_MACHINE = "washing_machine"
    GYM = "gym"
    BEACH_ACCESS = "beach_access"


class SlotName(StrEnum):
    RENTAL_TYPE = "rental_type"
    LOCATION = "location"
    BEDROOMS = "bedrooms"
    BUDGET = "budget"
    PROPERTY_TYPE = "property_type"
    AMENITIES = "amenities"
    CHECK_IN = "check_in"
    CHECK_OUT = "check_out"
    AVAILABLE_FROM = "available_from"
    MIN_TERM_MONTHS = "min_term_months"


class _Sparse(Value):
    """A value whose JSON leaves out what is not known."""

    @model_serializer(mode="wrap")
    def _without_absent_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value not in (None, (), [])}


class Location(_Sparse):
    """A place by gazetteer ids (domain/places.py): `girne`, `long-beach`."""

    city: str
    district: str | None = None


class Budget(_Sparse):
    """Bounds in whole units of `currency`, both inclusive."""

    min: float | None = None
    max: float | None = None
    currency: Currency = Currency.GBP


class Slots(_Sparse):
    """Everything said so far in a thread. A slot that was not said is absent."""

    rental_type: RentalType | None = None
    location: Location | None = None
    bedrooms: int | None = Field(default=None, ge=0, le=20, description="a studio is 0")
    budget: Budget | None = None
    property_type: PropertyType | None = None
    amenities: tuple[Amenity, ...] = ()
    check_in: date | None = None
    check_out: date | None = None
    available_from: date | None = None
    min_term_months: int | None = None

    @property
    def filled(self) -> frozenset[SlotName]:
        return frozenset(name for name in SlotName if getattr(self, name) not in (None, ()))
