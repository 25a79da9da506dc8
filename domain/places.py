"""Finding places of North Cyprus in what is written. The table itself is domain/gazetteer.py."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from pydantic import Field
from rapidfuzz.distance import OSA

from domain.folding import fold
from domain.gazetteer import CITIES, DISTRICTS, City, District, Place
from domain.slots import Location
from domain.value import Value

__all__ = [
    "CITIES",
    "DISTRICTS",
    "City",
    "District",
    "PlaceMention",
    "display_name",
    "find_place",
    "place_in",
    "places_in",
]


class PlaceMention(Value):
    """A place named in a text; `start` and `end` count in the folded text."""

    start: int = Field(ge=0)
    end: int
    location: Location


_CITY_BY_ID = {city.id: city for city in CITIES}
_DISTRICT_BY_KEY = {(district.city, district.id): district for district in DISTRICTS}


def find_place(text: str, *, city: str | None = None) -> Location | None:
    """The place that `text` as a whole names by id, name or another spelling; no misspellings.

    `city` (an id) restricts the answer to that city and its districts.
    """
    places = _PLACES.get(_words(text), ())
    return next((place.location for place in places if city in (None, place.location.city)), None)


def places_in(text: str) -> tuple[PlaceMention, ...]:
    """Every place named inside a sentence, in order of appearance; the longest name wins.

    Takes suffixes ("girne'de", "Kyrenia's") and one wrong letter in a name of seven or more. A district whose
    name lies in two cities is the one in the city that is named too, else the first of the table.
    """
    folded = fold(text)
    hits = sorted(chain(_exact(folded), _misspelt(folded)), key=lambda hit: hit.start)
    cities = {place.id for hit in hits for place in hit.places if isinstance(place, City)}
    return tuple(
        PlaceMention(start=hit.start, end=hit.end, location=place.location)
        for hit in hits
        if (place := _meant(hit.places, cities))
    )


def place_in(text: str) -> Location | None:
    """The one place a sentence means: the first city named, narrowed to its district when that is named too."""
    places = [mention.location for mention in places_in(text)]
    first = next(iter(places), None)
    return next((place for place in places if first and place.district and place.city == first.city), first)


def display_name(location: Location) -> str:
    """As a reply writes it: "Girne (Kyrenia)", "Long Beach, İskele". An unknown id is shown as it is."""
    city = _CITY_BY_ID.get(location.city)
    city_name = city.name if city else location.city
    if location.district:
        district = _DISTRICT_BY_KEY.get((location.city, location.district))
        return f"{district.name if district else location.district}, {city_name}"
    return f"{city_name} ({city.known_as})" if city and city.known_as else city_name


class _Hit(NamedTuple):
    """A stretch of folded text and the places its spelling may stand for, the likeliest first."""

    start: int
    end: int
    places: tuple[Place, ...]


def _words(spelling: str) -> str:
    """The folded words with single spaces between: an id and its name become the same."""
    return " ".join(re.findall(r"[a-z0-9]+", fold(spelling)))


def _known_as(place: Place) -> str | None:
    return place.known_as if isinstance(place, City) else None


def _spellings(place: Place) -> Iterator[str]:
    return (_words(name) for name in (place.id, place.name, _known_as(place), *place.spellings) if name)


def _places_by_spelling() -> dict[str, tuple[Place, ...]]:
    table: dict[str, tuple[Place, ...]] = {}
    places: tuple[Place, ...] = (*CITIES, *DISTRICTS)
    for place in places:
        for spelling in dict.fromkeys(_spellings(place)):
            table[spelling] = (*table.get(spelling, ()), place)
    return table


_PLACES = _places_by_spelling()

_SUFFIX = (
    r"'?(?:deki|daki|teki|taki|den|dan|ten|tan|de|da|te|ta|"  # Turkish in, from
    r"ye|ya|nin|nun|yi|yu|in|un|li|lu|e|a|i|u|"  # Turkish to, of, the
    r"s)"  # English and German of
)
_NAME = re.compile(
    r"(?<![a-z0-9])(?P<name>{names})(?:{suffix})?(?![a-z0-9])".format(
        names="|".join(name.replace(" ", r"[\s'-]+") for name in sorted(_PLACES, key=len, reverse=True)),
        suffix=_SUFFIX,
    )
)


def _exact(folded: str) -> Iterator[_Hit]:
    for match in _NAME.finditer(folded):
        yield _Hit(match.start(), match.end(), _PLACES[_words(match["name"])])


_LETTERS_TO_MISSPELL = 7
"""In a shorter name one letter makes another word: girne, "girme" (do not enter)."""

_NEAR_ORDINARY_WORDS = frozenset({"karakum", "salamis", "zeytinlik"})
"""Names one letter away from ordinary words: karakul, salami, sallamış, zeytinli."""


def _names_to_misspell() -> dict[str, tuple[Place, ...]]:
    """Only the names as shown: a misspelling of a foreign or inflected form is too near to other words."""
    places: tuple[Place, ...] = (*CITIES, *DISTRICTS)
    shown = {_words(name) for place in places for name in (place.name, _known_as(place)) if name}
    long_enough = {name for name in shown if len(name) >= _LETTERS_TO_MISSPELL}
    return {name: _PLACES[name] for name in long_enough - _NEAR_ORDINARY_WORDS}


_NAMES_TO_MISSPELL = _names_to_misspell()


def _misspelt(folded: str) -> Iterator[_Hit]:
    unnamed = _NAME.sub(lambda match: " " * len(match[0]), folded)
    for word in re.finditer(r"(?<![a-z0-9])[a-z]{6,}(?![a-z0-9])", unnamed):
        if places := _one_letter_away(word[0]):
            yield _Hit(word.start(), word.end(), places)


def _one_letter_away(word: str) -> tuple[Place, ...]:
    """The first letter must be right, and the one place must be the only one this near."""
    near = {
        places
        for name, places in _NAMES_TO_MISSPELL.items()
        if name[0] == word[0] and OSA.distance(name, word, score_cutoff=1) == 1
    }
    return near.pop() if len(near) == 1 else ()


def _meant(places: tuple[Place, ...], cities: set[str]) -> Place | None:
    named_with_it = (place for place in places if place.location.city in cities)
    alone = (place for place in places if isinstance(place, City) or not place.generic)
    return next(chain(named_with_it, alone), None)
