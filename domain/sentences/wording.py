"""All text of one language. A new language fills every field; mypy says which one is missing."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.slots import Amenity, PropertyType, RentalType, SlotName
from domain.understanding import Smalltalk

Counted = Mapping[str, str]
"""A text by plural form (one, few, many, other: CLDR's names), with {count} in it."""


@dataclass(frozen=True, eq=False)
class Wording:
    """Names in braces are filled in. Places and amounts stand apart from the sentence, never inflected.

    Attributes:
        locale: for numbers, amounts and plural forms.
        homes: counted noun by property type; `None` for homes of any kind.
        questions: what is asked for a slot; the budget by rental type instead.
        relaxed: by the search API's filter name, for a filter that was widened; {said} and {used}.
        dropped: the same for a filter that was left out; {said}.
        cut: of a filter without a text of its own; {filter}.
    """

    locale: str

    homes: Mapping[PropertyType | None, Counted]
    kinds: Mapping[PropertyType, str]
    rental_types: Mapping[RentalType, str]
    amenities: Mapping[Amenity, str]
    bedrooms: Counted
    bathrooms: Counted
    studio: str
    bedrooms_between: str
    bedrooms_from: str
    price_to: str
    price_from: str
    price_between: str

    found: str
    here_they_are: str
    here_are_first: str
    here_are_more: str
    those_were_the_last: str
    no_more: str
    nothing_found: str
    nothing_found_for: str
    relaxed_intro: str
    relaxed: Mapping[str, str]
    dropped: Mapping[str, str]
    cut: str
    currency_assumed: str

    summary_intro: str
    summary_line: str
    summary_line_without_price: str
    summary_empty: str

    search_failed: str
    not_read: str
    gladly: str
    questions: Mapping[SlotName, str]
    budget_questions: Mapping[RentalType | None, str]

    smalltalk: Mapping[Smalltalk, str]
    invitation: str
    unclear: str
    no_marketplace: str
    no_local_info: str
    kept: str

    rejected: str
    apology: str
