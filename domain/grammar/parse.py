"""One message to what it says. Pure reading: the thread's state decides nothing here but what was asked."""

import re
from enum import StrEnum
from functools import lru_cache

from pydantic import Field

from domain.grammar import choices
from domain.grammar.bedrooms import bedrooms
from domain.grammar.budget import SaidBudget, budget
from domain.grammar.noise import set_noise_aside
from domain.grammar.phrases import END, START, alternation, whole_words
from domain.grammar.sentence import Sentence
from domain.grammar.tables import LanguageTables, Phrases
from domain.places import places_in
from domain.slots import Currency, Location, PropertyType, SlotName, Slots
from domain.understanding import Smalltalk
from domain.value import Value


class Signal(StrEnum):
    """What a message speaks of beside slots."""

    HOMES = "homes"
    MORE = "more"
    SUMMARY = "summary"
    ANYTHING = "anything"
    MARKETPLACE = "marketplace"
    LOCAL_PLACE = "local_place"


_ONLY_ALONE = frozenset({Signal.MORE, Signal.ANYTHING})
"""Count only when nothing else is said: "next" is a wish for the next page, "next week" is not."""


class Parsed(Value):
    """What one message says by itself.

    Attributes:
        currency_stated: the budget came with its currency.
        is_smalltalk: nothing is left beside smalltalk; `smalltalk` tells the kind where it is known.
    """

    slots: Slots = Slots()
    currency_stated: bool = False
    signals: frozenset[Signal] = Field(default=frozenset())
    is_smalltalk: bool = False
    smalltalk: Smalltalk | None = None


def parse(message: str, tables: LanguageTables, *, asked: SlotName | None = None) -> Parsed:
    """`asked` is the slot the last reply asked for: a short answer to it counts as one."""
    sentence = Sentence(message)
    set_noise_aside(sentence, tables)
    slots, price = _slots(sentence, tables, asked)
    # Before the rental type: "buy a car" is no wish to buy a home.
    is_about_goods = _takes(sentence, tables.marketplace, tables)
    hints = {price.period} if price and price.period else set()
    rental = choices.rental_type(sentence, tables, hints, asked=asked is SlotName.RENTAL_TYPE)
    signals = _signals(sentence, tables) | ({Signal.MARKETPLACE} if is_about_goods else set())
    kind = _smalltalk(sentence, tables)
    alone = all(word in tables.fillers for word in sentence.words)
    slots = slots.model_copy(update={"rental_type": rental})
    return Parsed(
        slots=slots,
        currency_stated=price is not None and price.currency is not None,
        signals=frozenset(signals if alone else signals - _ONLY_ALONE),
        is_smalltalk=alone and not signals and not slots.filled,
        smalltalk=kind,
    )


def _slots(sentence: Sentence, tables: LanguageTables, asked: SlotName | None) -> tuple[Slots, SaidBudget | None]:
    """The order matters: each reader takes its words, and the more exact ones come first."""
    location = _location(sentence, tables)
    rooms = bedrooms(sentence, tables, asked=asked is SlotName.BEDROOMS)
    price = budget(sentence, tables.budget, asked=asked is SlotName.BUDGET)
    near = choices.amenities(sentence, tables)
    property_type = choices.property_type(sentence, tables)
    slots = Slots(
        location=location,
        bedrooms=0 if rooms is None and property_type is PropertyType.STUDIO else rooms,
        budget=price.as_slot(Currency.GBP) if price else None,
        amenities=near,
        property_type=property_type,
    )
    return slots, price


def _location(sentence: Sentence, tables: LanguageTables) -> Location | None:
    """The first city that is not ruled out, narrowed to its district when that is named too."""
    text, places = sentence.text, []
    for mention in places_in(text):
        sentence.take_span(mention.start, mention.end)
        if not choices.is_negated(text, mention.start, tables):
            places.append(mention.location)
    first = next(iter(places), None)
    return next((place for place in places if first and place.district and place.city == first.city), first)


def _signals(sentence: Sentence, tables: LanguageTables) -> set[Signal]:
    """Summary before more, and both before homes: "what homes do you have", "more listings"."""
    signals: set[Signal] = set()
    for signal, phrases in (
        (Signal.SUMMARY, tables.summary),
        (Signal.MORE, tables.more),
        (Signal.HOMES, tables.homes),
    ):
        if _takes(sentence, phrases, tables):
            signals.add(signal)
    is_beside = bool(sentence.take(_beside_a_local_place(tables)))
    if _takes(sentence, tables.local_places, tables):
        signals.add(Signal.LOCAL_PLACE)
    elif is_beside:
        signals.add(Signal.HOMES)
    if _takes(sentence, tables.anything, tables):
        signals.add(Signal.ANYTHING)
    return signals


@lru_cache(maxsize=16)
def _beside_a_local_place(tables: LanguageTables) -> re.Pattern[str]:
    """Where a home shall be: "near the airport". "An airport near me" is none of these."""
    beside, local = alternation(tables.beside), alternation(tables.local_places)
    return re.compile(rf"{START}{beside} (?:[a-z]{{1,3}} )?{local}{END}")


def _takes(sentence: Sentence, phrases: Phrases, tables: LanguageTables) -> bool:
    text = sentence.text
    matches = sentence.take(whole_words(phrases))
    return any(not choices.is_negated(text, match.start(), tables) for match in matches)


def _smalltalk(sentence: Sentence, tables: LanguageTables) -> Smalltalk | None:
    taken = {kind: bool(sentence.take(whole_words(phrases))) for kind, phrases in tables.smalltalk.items()}
    return next((kind for kind, found in taken.items() if found), None)
