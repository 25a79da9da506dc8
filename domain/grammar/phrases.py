"""Phrases of the word tables as regular expressions over folded text."""

import re
from collections.abc import Iterable
from functools import lru_cache

START = r"(?<![a-z0-9])"
END = r"(?![a-z0-9])"
NEVER = r"(?!)"
"""Matches nothing: what an empty table means."""


def alternation(phrases: Iterable[str], *, properties: str = NEVER) -> str:
    """Any one of the phrases, the longest first. `properties` stands for the <property> of the notation."""
    longest_first = sorted(phrases, key=len, reverse=True)
    return (
        "(?:" + "|".join(_phrase(phrase, properties) for phrase in longest_first) + ")" if longest_first else NEVER
    )


@lru_cache(maxsize=512)
def whole_words(phrases: tuple[str, ...], properties: str = NEVER) -> re.Pattern[str]:
    return re.compile(START + alternation(phrases, properties=properties) + END)


def _phrase(phrase: str, properties: str) -> str:
    """Optional words carry their own gap, so "near (the) beach" is also "near beach"."""
    pattern, gap = "", ""
    for word in phrase.split():
        if word == "<property>":
            return pattern + rf"(?=[ -]?{properties}{END})"
        if word.startswith("("):
            pattern += f"(?:{gap}{re.escape(word[1:-1])})?"
        else:
            pattern += gap + re.escape(word).replace(r"\*", "[a-z]*")
        gap = "[ -]?"
    return pattern
