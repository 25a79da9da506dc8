"""Readers of slots that are one or several of a fixed set: rental type, property type, amenities."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar

from domain.grammar.phrases import END, NEVER, START, alternation
from domain.grammar.sentence import Sentence
from domain.grammar.tables import LanguageTables, Phrases
from domain.slots import Amenity, PropertyType, RentalType

Choice = TypeVar("Choice", Amenity, PropertyType, RentalType)

_SHORT_ANSWER_WORDS = 4

_FARTHEST_NEGATION = 60
"""Characters looked at before a phrase; a negation with its gap words is shorter."""


def amenities(sentence: Sentence, tables: LanguageTables) -> tuple[Amenity, ...]:
    """In the order of their codes."""
    said = _said(sentence, tables.amenities, tables)
    return tuple(amenity for amenity in Amenity if amenity in said)


def property_type(sentence: Sentence, tables: LanguageTables) -> PropertyType | None:
    return _the_only(_said(sentence, tables.property_types, tables))


def rental_type(
    sentence: Sentence, tables: LanguageTables, hints: set[RentalType], *, asked: bool
) -> RentalType | None:
    """`hints` are periods that stood beside a price; `asked` lets a lone "long" count."""
    said = _said(sentence, tables.rental_types, tables) | hints
    if not said and asked and len(sentence.words) <= _SHORT_ANSWER_WORDS:
        said = _said(sentence, tables.rental_answers, tables)
    return _the_only(said)


@lru_cache(maxsize=16)
def property_words(tables: LanguageTables) -> str:
    return alternation(phrase for phrases in tables.property_types.values() for phrase in phrases)


def is_negated(text: str, start: int, tables: LanguageTables) -> bool:
    """Whether what begins at `start` follows a "not": "I do not want to buy"."""
    return _negation(tables).search(text[max(0, start - _FARTHEST_NEGATION) : start]) is not None


@lru_cache(maxsize=16)
def _negation(tables: LanguageTables) -> re.Pattern[str]:
    negations, gap = alternation(tables.negations), alternation(tables.negation_gap)
    return re.compile(rf"{START}{negations}(?: {gap}){{0,4}} $")


def _said(sentence: Sentence, table: Mapping[Choice, Phrases], tables: LanguageTables) -> set[Choice]:
    codes, text = tuple(table), sentence.text
    matches = sentence.take(_reader(tuple(table.values()), property_words(tables)))
    return {codes[_row(match)] for match in matches if not is_negated(text, match.start(), tables)}


@lru_cache(maxsize=64)
def _reader(rows: tuple[Phrases, ...], properties: str) -> re.Pattern[str]:
    """One expression for a whole table, the longest phrase first: "studio apartment" is not also an apartment.

    Each phrase is a group named after its row.
    """
    phrases = sorted(
        ((phrase, row) for row, phrases in enumerate(rows) for phrase in phrases),
        key=lambda entry: len(entry[0]),
        reverse=True,
    )
    groups = (
        f"(?P<row{row}_{number}>{alternation((phrase,), properties=properties)})"
        for number, (phrase, row) in enumerate(phrases)
    )
    return re.compile(f"{START}(?:{'|'.join(groups) or NEVER}){END}")


def _row(match: re.Match[str]) -> int:
    return int((match.lastgroup or "").removeprefix("row").partition("_")[0])


def _the_only(said: set[Choice]) -> Choice | None:
    """Two at once ("villa or house") decide nothing."""
    return next(iter(said)) if len(said) == 1 else None
