"""What a search found, in words. Nothing is said of a listing that the search did not return."""

from collections.abc import Iterator

from domain.listings import CARDS_PER_REPLY, CitySummary, FoundListings, ListingQuery, RelaxedFilter
from domain.places import display_name
from domain.sentences.criteria import criteria, homes
from domain.sentences.money import counted, money
from domain.sentences.wording import Wording
from domain.slots import Amenity, Currency, Location, PropertyType


def cards_text(found: FoundListings, words: Wording) -> str:
    """How many there are, which of them are shown, and whether more follow."""
    shown = min(len(found.listings), CARDS_PER_REPLY)
    last = found.offset + shown
    if found.offset:
        page = words.here_are_more.format(shown=shown, first=found.offset + 1, last=last, total=found.total)
        return page if last < found.total else f"{page} {words.those_were_the_last}"
    count = words.found.format(homes=homes(found.total, found.query, words))
    page = words.here_are_first.format(shown=shown) if last < found.total else words.here_they_are
    return f"{_with_criteria(count, found.query, words)}. {page}"


def nothing_text(asked: ListingQuery, words: Wording) -> str:
    for_what = criteria(asked, words)
    return words.nothing_found_for.format(criteria=for_what) if for_what else words.nothing_found


def relaxed_text(found: FoundListings, words: Wording) -> str:
    """Which filters were widened or dropped."""
    currency = found.query.currency or Currency.GBP
    changes = "; ".join(_change(relaxed, currency, words) for relaxed in found.relaxed)
    return words.relaxed_intro.format(changes=changes)


def summary_text(found: FoundListings, words: Wording) -> str:
    if not found.summary:
        return words.summary_empty
    return "\n".join((words.summary_intro, *_summary_lines(found.summary, words)))


def _with_criteria(sentence: str, query: ListingQuery, words: Wording) -> str:
    for_what = criteria(query, words)
    return f"{sentence}: {for_what}" if for_what else sentence


def _change(relaxed: RelaxedFilter, currency: Currency, words: Wording) -> str:
    texts = words.dropped if relaxed.used is None else words.relaxed
    return texts.get(relaxed.filter, words.cut).format(
        filter=relaxed.filter,
        said=_value(relaxed.filter, relaxed.said, currency, words),
        used=_value(relaxed.filter, relaxed.used or "", currency, words),
    )


def _value(name: str, value: str, currency: Currency, words: Wording) -> str:
    """A filter's value as the search API writes it, in words."""
    if name in ("price_min", "price_max") and value:
        return money(float(value), currency, words.locale)
    if name == "property_type" and value in set(PropertyType):
        return words.kinds[PropertyType(value)].lower()
    if name == "amenities":
        return ", ".join(words.amenities[Amenity(code)] for code in value.split(",") if code in set(Amenity))
    return value


def _summary_lines(summary: tuple[CitySummary, ...], words: Wording) -> Iterator[str]:
    for city in summary:
        place = display_name(Location(city=city.city))
        count = counted(words.homes[None], city.count, words.locale)
        if city.price_min is None or city.price_max is None:
            yield words.summary_line_without_price.format(place=place, homes=count)
            continue
        # Rounded: they come from several currencies, and pence would look more exact than the rates are.
        low, high = (
            money(round(price), city.currency, words.locale) for price in (city.price_min, city.price_max)
        )
        yield words.summary_line.format(place=place, homes=count, low=low, high=high)
