"""Cards as existing clients read them."""

import pytest

from domain.card_shape import card
from domain.slots import Amenity, Currency, PropertyType, RentalType
from tests.domain.spoken_thread import a_home

EVERY_OFFER = a_home(monthly_price=750, nightly_price=60, sale_price=120_000)


@pytest.mark.parametrize(
    ("wanted", "price"),
    [
        (RentalType.LONG_TERM, "£750 / month"),
        (RentalType.SHORT_TERM, "£60 / night"),
        (RentalType.SALE, "£120,000"),
        (None, "£750 / month"),
    ],
)
def test_the_price_is_of_the_wanted_kind(wanted, price):
    """The card shows the price of what is wanted, the monthly one when that is not known."""
    assert card(EVERY_OFFER, wanted).price == price


@pytest.mark.parametrize(
    ("prices", "wanted", "price"),
    [
        ({"monthly_price": None, "nightly_price": 60}, None, "£60 / night"),
        ({"monthly_price": None, "sale_price": 99_500}, None, "£99,500"),
        ({"monthly_price": 500}, RentalType.SALE, "£500 / month"),
        ({"monthly_price": None}, RentalType.LONG_TERM, "Price on request"),
    ],
)
def test_a_missing_price_is_never_made_up(prices, wanted, price):
    """Without the wanted price the card shows one that exists, or says that there is none."""
    assert card(a_home(**prices), wanted).price == price


@pytest.mark.parametrize(
    ("currency", "price"),
    [(Currency.EUR, "€480 / month"), (Currency.USD, "$480 / month"), (Currency.TRY, "₺480 / month")],
)
def test_the_price_stays_in_the_listings_own_currency(currency, price):
    """No amount is converted for a card."""
    assert card(a_home(currency=currency), RentalType.LONG_TERM).price == price


@pytest.mark.parametrize("amenities", [(), (Amenity.GYM,), tuple(Amenity)])
@pytest.mark.parametrize("kind", list(PropertyType))
def test_a_card_has_three_to_six_badges(kind, amenities):
    """However bare or rich the listing, three to six different badges are shown."""
    badges = card(a_home(property_type=kind, amenities=amenities, monthly_price=None, rent_type=None), None).badges
    assert 3 <= len(badges) <= 6
    assert len(set(badges)) == len(badges)
    assert all(badges)


def test_badges_name_what_people_look_for_first():
    """Beach and view come before the gym."""
    home = a_home(amenities=(Amenity.GYM, Amenity.WIFI, Amenity.SEA_VIEW, Amenity.BEACH_ACCESS))
    assert card(home, None).badges == (
        *("2 bedrooms", "1 bathroom", "Long-term"),
        *("Beach access", "Sea view", "Gym"),
    )


def test_the_keys_are_those_existing_clients_read():
    """The JSON has exactly the agreed keys, and the place in words."""
    home = a_home(district="lapta", images=("https://example.org/1.jpg", "https://example.org/2.jpg"), rating=4.5)
    shown = card(home, RentalType.LONG_TERM).model_dump(mode="json", by_alias=True)
    assert set(shown) == {
        *("id", "type", "title", "subtitle", "price", "rating", "badges", "imageUrl", "galleryImages", "area"),
        "metadata",
    }
    assert set(shown["metadata"]) == {
        *("bedrooms", "bathrooms", "amenities", "sqm", "description", "rent_type", "lat", "lng", "contactInfo")
    }
    assert shown["area"] == "Lapta, Girne"
    assert shown["imageUrl"] == "https://example.org/1.jpg"
    assert shown["subtitle"] == "Apartment · 2 bedrooms · Girne (Kyrenia)"
    assert shown["metadata"]["rent_type"] == "long_term"
    assert shown["metadata"]["contactInfo"]["channel"] == "in_app_message"


def test_a_studio_is_called_so_once():
    """A studio's subtitle does not say studio twice."""
    assert card(a_home(property_type=PropertyType.STUDIO, bedrooms=0), None).subtitle == "Studio · Girne (Kyrenia)"
