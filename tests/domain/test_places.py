"""Places: one table of ids and spellings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.folding import fold
from domain.places import CITIES, DISTRICTS, display_name, find_place, place_in, places_in
from domain.slots import Location

SPELLINGS = {
    "girne": ("Girne", "Kyrenia", "Keryneia", "Кирения", "GİRNE", "kyrenia"),
    "lefkosa": ("Lefkoşa", "Lefkosa", "Lefkosia", "Nicosia", "Никосия"),
    "gazimagusa": ("Gazimağusa", "Gazimagusa", "Mağusa", "Famagusta", "Фамагуста"),
    "iskele": ("İskele", "Iskele", "ISKELE", "Trikomo", "Искеле"),
    "guzelyurt": ("Güzelyurt", "Guzelyurt", "Morphou"),
    "lefke": ("Lefke", "Lefka"),
}
NAMED = [(city, spelling) for city, spellings in SPELLINGS.items() for spelling in spellings]


@pytest.mark.parametrize(("city", "spelling"), NAMED)
def test_every_spelling_names_its_city(city, spelling):
    """Each spelling is found as a parameter and inside a sentence."""
    assert find_place(spelling) == Location(city=city)
    assert place_in(f"a flat in {spelling}, please") == Location(city=city)


@pytest.mark.parametrize("row", DISTRICTS, ids=lambda row: f"{row.city}/{row.id}")
def test_every_district_is_found_within_its_city(row):
    """The id and the name both find the district, even where its name lies in two cities."""
    assert find_place(row.id, city=row.city) == row.location
    assert find_place(row.name, city=row.city) == row.location
    assert place_in(f"{row.name}, {row.city}") == row.location


def test_ids_are_unique_ascii_kebab_case():
    """A district is keyed by city and id, a city by its id."""
    keys = [(row.city, row.id) for row in DISTRICTS] + [(row.id, None) for row in CITIES]
    assert len(keys) == len(set(keys))
    assert all(part == fold(part) and " " not in part for key in keys for part in key if part)
    assert {row.city for row in DISTRICTS} <= {row.id for row in CITIES}


def test_a_name_in_two_cities_means_the_first_row_unless_the_other_city_is_named():
    """Boğaz alone is İskele's; beside Gazimağusa it is Gazimağusa's."""
    assert place_in("Boğaz") == Location(city="iskele", district="bogaz")
    assert place_in("Boğaz near Famagusta") == Location(city="gazimagusa", district="bogaz")
    assert find_place("Boğaz", city="girne") is None


@pytest.mark.parametrize(
    "text", ["girne'de ev", "Girne’den", "girnede", "girnedeki evler", "GİRNE'YE", "Kyrenia's best", "в Кирении"]
)
def test_a_suffix_does_not_hide_a_place(text):
    """Turkish, English and Russian endings are understood."""
    assert place_in(text) == Location(city="girne")


@pytest.mark.parametrize(
    ("text", "city"), [("kyrnia 500 pounds", "girne"), ("famagsta", "gazimagusa"), ("Lefkoas", "lefkosa")]
)
def test_one_wrong_letter_is_forgiven(text, city):
    """A missing, wrong or swapped letter in a long name still names the place."""
    assert place_in(text) == Location(city=city)


@pytest.mark.parametrize(
    "text",
    [
        "I love salami and karakul",
        "içeri girme, iskelet ve sallamış",
        "a flat in the city center",
        "left the lift, give me a beach escape",
        "karkas bagaże bogate",
        "Paphos or Limassol",
        "girnejimi",
        "500 pounds for 2+1",
        "",
    ],
)
def test_ordinary_words_are_no_places(text):
    """Nothing is taken for a place that is none."""
    assert places_in(text) == ()


def test_the_city_center_is_a_place_beside_its_city_only():
    """The words alone are ordinary; with Girne they are its district."""
    assert place_in("city center of Girne") == Location(city="girne", district="city-center")
    assert place_in("city center of Nicosia") == Location(city="lefkosa")


def test_the_longest_name_wins():
    """Yeni Boğaziçi is one district and not Boğaz; центр города is covered to its end."""
    (mention,) = places_in("in Yeni Boğaziçi")
    assert mention.location.district == "yeni-bogazici"
    _, center = places_in("Girne, центр города")
    assert center.end == len(fold("Girne, центр города"))


@given(before=st.text(alphabet="abc 'İş,", max_size=20), spelling=st.sampled_from(NAMED))
def test_a_mention_says_where_it_stands(before, spelling):
    """start and end cut the name out of the folded text."""
    city, name = spelling
    text = f"{before} {name}"
    mention = places_in(text)[-1]
    assert mention.location.city == city
    assert fold(text)[mention.start : mention.end].strip("'") == fold(name)


def test_places_are_shown_with_their_known_name():
    """Replies write the local name, with the foreigners' one beside a city."""
    assert display_name(Location(city="girne")) == "Girne (Kyrenia)"
    assert display_name(Location(city="iskele", district="long-beach")) == "Long Beach, İskele"
    assert display_name(Location(city="atlantis", district="east")) == "east, atlantis"
