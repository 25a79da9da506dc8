"""Reader of the number of bedrooms."""

import re
from functools import lru_cache

from domain.grammar.choices import is_negated, property_words
from domain.grammar.phrases import END, START, alternation
from domain.grammar.sentence import Sentence
from domain.grammar.tables import LanguageTables

MOST_BEDROOMS = 20

_ROOMS_PLUS_LIVING = re.compile(r"(?<![\d+.,])(?P<n>\d) ?\+ ?(?P<living>[0-2])(?![\d.,])")
"""How Cyprus writes it: 2+1 is two bedrooms and a living room."""


def bedrooms(sentence: Sentence, tables: LanguageTables, *, asked: bool) -> int | None:
    """The first number that counts bedrooms. A lone number counts when bedrooms were `asked` for."""
    plus = sentence.take(_ROOMS_PLUS_LIVING)
    if plus:
        return _living_space(plus[0])
    for pattern in _patterns(tables):
        before = sentence.text
        matches = sentence.take(pattern)
        counts = [_count(match["n"], tables) for match in matches if not is_negated(before, match.start(), tables)]
        if counts and counts[0] <= MOST_BEDROOMS:
            return counts[0]
    return _lone_number(sentence, tables) if asked else None


def _living_space(match: re.Match[str]) -> int:
    # 1+0 is one room to live and sleep in: a studio.
    return 0 if (match["n"], match["living"]) == ("1", "0") else int(match["n"])


@lru_cache(maxsize=16)
def _patterns(tables: LanguageTables) -> tuple[re.Pattern[str], ...]:
    number, more = _number(tables), rf"(?: ?(?:-|/|{alternation(tables.alternatives)}) ?{_number(tables)})?"
    beds, rooms = alternation(tables.bedrooms), alternation(tables.rooms)
    return (
        re.compile(rf"(?<![a-z0-9.,])(?P<n>{number}){more}[ -]?{beds}{END}"),
        re.compile(rf"{START}{beds} ?[:=] ?(?P<n>{number})(?![\d.,])"),
        re.compile(rf"(?<![a-z0-9.,])(?P<n>{number}){more}[ -]?{rooms}(?= {property_words(tables)}{END})"),
    )


def _number(tables: LanguageTables) -> str:
    return rf"(?:\d{{1,2}}|{alternation(tables.numbers)})"


def _count(word: str, tables: LanguageTables) -> int:
    return int(word) if word.isdecimal() else tables.numbers[word]


def _lone_number(sentence: Sentence, tables: LanguageTables) -> int | None:
    """The only thing said, politeness aside: "2", "two please"."""
    said = [word for word in sentence.words if word not in tables.fillers or word in tables.numbers]
    if len(said) != 1 or not (said[0] in tables.numbers or re.fullmatch(r"\d{1,2}", said[0])):
        return None
    count = _count(said[0], tables)
    if count > MOST_BEDROOMS:
        return None
    sentence.take(re.compile(rf"{START}{said[0]}{END}"))
    return count
