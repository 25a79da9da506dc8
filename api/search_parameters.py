"""What the search route takes, checked so that an error names the parameter."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, field_validator

from domain.errors import BadInput
from domain.listings import ListingQuery, ListingSort
from domain.places import CITIES, DISTRICTS, find_place
from domain.slots import Amenity, Currency, PropertyType, RentalType

MAX_PAGE = 100
DEFAULT_PAGE = 20
HIGHEST_PRICE = 1e12
LAST_OFFSET = 1_000_000
YEARS = range(2000, 2101)

RentTypeParameter = Literal["short_term", "long_term"]


def _iso_date(value: object) -> object:
    """Strictly YYYY-MM-DD: pydantic alone would read a number as seconds since 1970."""
    if not isinstance(value, str):
        return value
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = date.min
    if day.isoformat() != value or day.year not in YEARS:
        raise ValueError(f"Write a day as YYYY-MM-DD, from {YEARS[0]} to {YEARS[-1]}.")
    return day


Day = Annotated[date, BeforeValidator(_iso_date)]
Price = Annotated[float, Field(ge=0, le=HIGHEST_PRICE)]
Rooms = Annotated[int, Field(ge=0, le=50)]


class SearchParameters(BaseModel):
    """Parameters that are not known are ignored."""

    city: str | None = Field(default=None, max_length=100, description="id or any spelling", examples=["Kyrenia"])
    area: str | None = Field(default=None, max_length=100, description="a district", examples=["long-beach"])
    bedrooms: Rooms | None = Field(default=None, description="at least; 0 without bedrooms_max means studios only")
    bedrooms_max: Rooms | None = None
    bathrooms: Rooms | None = Field(default=None, description="at least")
    rent_type: RentTypeParameter | None = Field(
        default=None, description="listings let both ways match either; dates of a stay alone mean short_term"
    )
    sale: bool = Field(default=False, description="listings for sale, by their sale price")
    price_min: Price | None = None
    price_max: Price | None = None
    currency: Currency = Field(default=Currency.GBP, description="of price_min and price_max")
    property_type: PropertyType | None = None
    amenities: list[Amenity] = Field(default=[], description="repeat it for more; all must hold")
    check_in: Day | None = None
    check_out: Day | None = Field(default=None, description="the day of departure, free for the next arrival")
    available_from: Day | None = Field(default=None, description="free on this day or earlier")
    furnished: bool | None = None
    q: str | None = Field(default=None, max_length=200, description="words of the text; all must be in it")
    sort: ListingSort | None = Field(default=None, description="newest when absent")
    limit: int = Field(default=DEFAULT_PAGE, ge=1, le=MAX_PAGE)
    offset: int = Field(default=0, ge=0, le=LAST_OFFSET)
    first: list[str] = Field(default=[], max_length=20, description="ids to list before all others")

    @field_validator("amenities", mode="before")
    @classmethod
    def _known_amenities(cls, codes: list[str]) -> list[str]:
        # Here and not by the type alone: its error would name `amenities.0`, which is no parameter.
        if not set(codes) <= set(Amenity):
            raise ValueError(f"Write amenities out of: {', '.join(Amenity)}.")
        return codes

    def query(self) -> ListingQuery:
        """Raises BadInput for a place that is not known and for bounds that contradict each other."""
        _in_order("price_max", "price_min", self.price_min, self.price_max)
        _in_order("bedrooms_max", "bedrooms", self.bedrooms, self.bedrooms_max)
        if self.check_in and self.check_out and self.check_out <= self.check_in:
            raise BadInput("check_out", "Write a check_out that is later than check_in.")
        city = _city(self.city)
        fields = self.model_dump(exclude={"city", "area", "rent_type"})
        return ListingQuery(
            **fields,
            city=city,
            area=_area(self.area, city),
            rent_type=RentalType(self.rent_type) if self.rent_type else None,
        )


def _in_order(field: str, lower_field: str, lower: float | None, upper: float | None) -> None:
    if lower is not None and upper is not None and lower > upper:
        raise BadInput(field, f"Write a {field} that is at least {lower_field}.")


def _city(text: str | None) -> str | None:
    if text is None:
        return None
    place = find_place(text)
    if place is None:
        raise BadInput("city", f"Write a city out of: {', '.join(city.id for city in CITIES)}.")
    if place.district:
        raise BadInput("city", f"This is a district: write city={place.city} and area={place.district}.")
    return place.city


def _area(text: str | None, city: str | None) -> str | None:
    """The id alone: without a city it finds the district in every city that has one of this name."""
    if text is None:
        return None
    place = find_place(text, city=city)
    if place is None or place.district is None:
        known = dict.fromkeys(row.id for row in DISTRICTS if city in (None, row.city))
        raise BadInput(
            "area", f"Write an area out of: {', '.join(known)}." if known else "This city has no areas."
        )
    return place.district
