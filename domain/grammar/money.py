"""An amount of money as people write it: the regular expression and its value."""

import re
from collections.abc import Iterable, Mapping

from domain.grammar.phrases import END, alternation
from domain.grammar.tables import BudgetWords
from domain.slots import Currency

HIGHEST_AMOUNT = 1_000_000_000
"""More is no price: a telephone number, a reference."""

_METRES_FROM = 100
""""500 m" is a distance, "1.2 m" a million and a bit."""

_SIGNS: Mapping[Currency, tuple[str, ...]] = {
    Currency.GBP: ("gbp",),
    Currency.EUR: ("eur",),
    Currency.USD: ("usd", "us $", "$"),
    Currency.TRY: ("tl",),
}
"""Understood in every language; folding has turned the signs of pound, euro and lira into these."""

_CODES_BEHIND: Mapping[Currency, tuple[str, ...]] = {Currency.TRY: ("try",)}
"""Before an amount "try" is the English word."""

_NUMBER = r"(?<![\d.,/])(?:\d{1,3}(?:[., ]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?)(?![.,/:]?\d)"


def amount(words: BudgetWords, name: str) -> str:
    """Groups: `name`, and behind it _factor, _before and _behind for multiplier and currency."""
    before = alternation(_flat(words.currencies, _SIGNS))
    behind = alternation(_flat(words.currencies, _SIGNS, _CODES_BEHIND))
    factor = alternation((*words.thousand, *words.million))
    return (
        rf"(?:(?P<{name}_before>(?<![a-z0-9]){before}) ?)?(?P<{name}>{_NUMBER})"
        rf"(?: ?(?P<{name}_factor>{factor}){END})?(?: ?(?P<{name}_behind>{behind}){END})?"
    )


def value(match: re.Match[str], name: str, words: BudgetWords, *, factor: str | None = None) -> float | None:
    """The amount in whole units; nothing when it is no price. `factor` is a multiplier borrowed from beside it."""
    number, times = _plain(match[name]), _times(match[f"{name}_factor"] or factor, words)
    if match[f"{name}_factor"] == "m" and number >= _METRES_FROM:
        return None
    return number * times if 0 < number * times <= HIGHEST_AMOUNT else None


def currency(match: re.Match[str], name: str, words: BudgetWords) -> Currency | None:
    said = match[f"{name}_before"] or match[f"{name}_behind"]
    if said is None:
        return None
    tables = (words.currencies, _SIGNS, _CODES_BEHIND)
    return next(
        code for table in tables for code, phrases in table.items() if re.fullmatch(alternation(phrases), said)
    )


def _plain(number: str) -> float:
    """Separators before exactly three digits group thousands, before one or two they are decimal."""
    tail = re.search(r"[.,](\d{1,2})$", number)
    whole = number[: tail.start()] if tail else number
    return float(f"{re.sub(r'[., ]', '', whole)}.{tail[1] if tail else 0}")


def _times(factor: str | None, words: BudgetWords) -> int:
    if factor is None:
        return 1
    return 1_000 if re.fullmatch(alternation(words.thousand), factor) else 1_000_000


def _flat(*tables: Mapping[Currency, tuple[str, ...]]) -> Iterable[str]:
    return (phrase for table in tables for phrases in table.values() for phrase in phrases)
