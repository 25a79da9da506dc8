"""What the parser knows of one language: word tables and nothing else. A new language is a new file of these.

Entries are phrases in a small notation, written in folded form (domain/folding.py):

    long term            the words with a space, a hyphen or nothing between them
    near (the) beach     a word in brackets may be missing
    apartament*          any ending
    beach <property>     only when a property word follows, which stays for its own reader
"""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.slots import Amenity, Currency, PropertyType, RentalType
from domain.understanding import Smalltalk

Phrases = tuple[str, ...]


@dataclass(frozen=True, eq=False)  # eq=False: compared and cached by identity
class BudgetWords:
    """Words around an amount of money.

    Attributes:
        price: say that the number beside them is money.
        at_most, at_least: before the amount; the `_after` ones stand behind it.
        between, joined_by: "between 400 and 600"; `joined_by` joins only after `between`.
        to: joins two amounts by itself.
        linking: may stand between those words and the amount.
        thousand, million: multiply the number before them.
        may_follow: words that may come right after an amount without a currency. Any other word makes the
            number a count of things: "500 questions".
        not_a_budget: an amount beside these is another sum.
    """

    currencies: Mapping[Currency, Phrases]
    price: Phrases
    price_after: Phrases
    at_most: Phrases
    at_most_after: Phrases
    at_least: Phrases
    at_least_after: Phrases
    around: Phrases
    between: Phrases
    joined_by: Phrases
    to: Phrases
    linking: Phrases
    thousand: Phrases
    million: Phrases
    periods: Mapping[RentalType, Phrases]
    may_follow: Phrases
    not_a_budget: Phrases


@dataclass(frozen=True, eq=False)  # eq=False: compared and cached by identity
class LanguageTables:
    """One language.

    Attributes:
        rental_answers: too short to mean a rental type by themselves, but an answer when it was asked for.
        rooms: count bedrooms only before a property word: "2 room flat".
        alternatives: join two numbers of bedrooms; the first is taken.
        labels: the number after these is a telephone number or a reference.
        false_friends: hold words of the other tables and mean something else.
        negations: turn the phrase after them into nothing said; `negation_gap` may stand between.
        homes: speak of homes in general without filling a slot.
        local_places: what local information is about, unless `beside` says that the home shall be near it.
        fillers: carry no meaning of their own; what is left beside them decides whether a phrase stands alone.
    """

    rental_types: Mapping[RentalType, Phrases]
    rental_answers: Mapping[RentalType, Phrases]
    property_types: Mapping[PropertyType, Phrases]
    amenities: Mapping[Amenity, Phrases]
    numbers: Mapping[str, int]
    bedrooms: Phrases
    rooms: Phrases
    alternatives: Phrases
    budget: BudgetWords
    labels: Phrases
    false_friends: Phrases
    negations: Phrases
    negation_gap: Phrases
    homes: Phrases
    more: Phrases
    summary: Phrases
    anything: Phrases
    marketplace: Phrases
    local_places: Phrases
    beside: Phrases
    smalltalk: Mapping[Smalltalk, Phrases]
    fillers: Phrases
