"""Reader of the budget: a price expression with the words around it."""

import re
from dataclasses import dataclass
from functools import lru_cache

from domain.grammar.money import amount, currency, value
from domain.grammar.phrases import END, START, alternation, whole_words
from domain.grammar.sentence import Sentence
from domain.grammar.tables import BudgetWords
from domain.slots import Budget, Currency, RentalType

SMALLEST_PRICE = 20
"""Without a currency a smaller number counts something else; the cheapest night costs more."""

SMALLEST_BARE_RANGE = 100
"""Both ends of "400-600" without any word of money."""

AROUND = 0.1
"""Around 500 is 450 to 550."""

_YEARS = frozenset(float(year) for year in range(1950, 2051))

_NEAR = 40
"""Characters before a number in which a word of money still speaks of it."""


@dataclass(frozen=True)
class SaidBudget:
    """`currency` is absent when none was named; `period` is what "a month" says of the rental type."""

    min: float | None
    max: float | None
    currency: Currency | None = None
    period: RentalType | None = None

    def as_slot(self, unstated: Currency) -> Budget:
        return Budget(min=self.min, max=self.max, currency=self.currency or unstated)


def budget(sentence: Sentence, words: BudgetWords, *, asked: bool) -> SaidBudget | None:
    """All credible prices of the message as one budget; `asked` lets a bare number count."""
    sentence.take(_other_sum(words))
    found: SaidBudget | None = None
    for price in (_range(words), _one_price(words)):
        text = sentence.text
        for match in price.finditer(text):
            if said := _budget_of(match, text, words, asked=asked):
                sentence.take_span(match.start(), match.end())
                found = _narrowed(found, said) if found else said
    return found


def _narrowed(first: SaidBudget, second: SaidBudget) -> SaidBudget:
    """The second completes the first ("at least 300 and at most 500") and never contradicts it."""
    low = first.min if first.min is not None else second.min
    high = first.max if first.max is not None else second.max
    if low is not None and high is not None and low > high:
        return first
    return SaidBudget(low, high, first.currency or second.currency, first.period or second.period)


def _budget_of(match: re.Match[str], text: str, words: BudgetWords, *, asked: bool) -> SaidBudget | None:
    lead, tail = _kinds(words, match["lead"]), _kinds(words, match["tail"])
    ends = _ends(match, lead, words)
    if ends is None or not _is_credible(match, ends, lead | tail, text, words, asked=asked):
        return None
    stated = [money for name in reversed(_names(match)) if (money := currency(match, name, words))]
    return SaidBudget(*_bounds(ends, lead, tail), next(iter(stated), None), _period(match, words))


def _names(match: re.Match[str]) -> tuple[str, ...]:
    return ("low", "high") if "high" in match.groupdict() else ("low",)


def _ends(match: re.Match[str], lead: set[str], words: BudgetWords) -> tuple[float, ...] | None:
    if _names(match) == ("low",):
        low = value(match, "low", words)
        return None if low is None else (low,)
    if match["joined"] and "between" not in lead:
        return None
    low, high = value(match, "low", words, factor=match["high_factor"]), value(match, "high", words)
    return (low, high) if low is not None and high is not None and low < high else None


def _bounds(ends: tuple[float, ...], lead: set[str], tail: set[str]) -> tuple[float | None, float | None]:
    if len(ends) == 2:
        return ends[0], ends[1]
    if "around" in lead:
        return round(ends[0] * (1 - AROUND)), round(ends[0] * (1 + AROUND))
    if "at_least" in lead | tail and "at_most" not in lead | tail:
        return ends[0], None
    return None, ends[0]


def _is_credible(
    match: re.Match[str], ends: tuple[float, ...], kinds: set[str], text: str, words: BudgetWords, *, asked: bool
) -> bool:
    """Precision before recall: a number without a word of money is no budget."""
    names = _names(match)
    if any(match[f"{name}_before"] or match[f"{name}_behind"] for name in names):
        return True
    if min(ends) < SMALLEST_PRICE or not _may_end_here(words).match(text, match.end()):
        return False
    if asked or "price" in kinds or _period(match, words):
        return True
    if any(match[f"{name}_factor"] for name in names) or _money_word_before(match.start(), text, words):
        return True
    if len(ends) == 2:
        return min(ends) >= SMALLEST_BARE_RANGE and not _YEARS.issuperset(ends)
    return "at_most" in kinds or (bool(kinds) and ends[0] not in _YEARS)


def _money_word_before(start: int, text: str, words: BudgetWords) -> bool:
    """No other number may stand between: it would be the one that is meant."""
    near = re.split(r"\d", text[max(0, start - _NEAR) : start])[-1]
    return whole_words(words.price).search(near) is not None


@lru_cache(maxsize=16)
def _range(words: BudgetWords) -> re.Pattern[str]:
    to = rf"-|{START}{alternation(words.to)}{END}|(?P<joined>{START}{alternation(words.joined_by)}{END})"
    return re.compile(f"{_lead(words)}{amount(words, 'low')} ?(?:{to}) ?{amount(words, 'high')}{_tail(words)}")


@lru_cache(maxsize=16)
def _one_price(words: BudgetWords) -> re.Pattern[str]:
    return re.compile(f"{_lead(words)}{amount(words, 'low')}{_tail(words)}")


def _lead(words: BudgetWords) -> str:
    before = (*words.price, *words.at_most, *words.at_least, *words.around, *words.between, *words.linking)
    return rf"(?P<lead>(?:{START}{alternation(before)}{END}[ :=,]*){{0,5}}[~<=> ]*)"


def _tail(words: BudgetWords) -> str:
    after = (*words.price_after, *words.at_most_after, *words.at_least_after, *_all_periods(words))
    return rf"(?P<tail>(?: ?(?:{alternation(after)}{END})){{0,2}})"


@lru_cache(maxsize=16)
def _kind_of_word(words: BudgetWords) -> re.Pattern[str]:
    kinds = {
        "price": (*words.price, *words.price_after),
        "at_most": (*words.at_most, *words.at_most_after),
        "at_least": (*words.at_least, *words.at_least_after),
        "around": words.around,
        "between": words.between,
    }
    return re.compile(
        "|".join(rf"(?P<{kind}>{START}{alternation(phrases)}{END})" for kind, phrases in kinds.items())
    )


def _kinds(words: BudgetWords, text: str) -> set[str]:
    kinds = {match.lastgroup for match in _kind_of_word(words).finditer(text) if match.lastgroup}
    symbols = {"~": "around", "<": "at_most", ">": "at_least"}
    return kinds | {kind for symbol, kind in symbols.items() if symbol in text}


def _period(match: re.Match[str], words: BudgetWords) -> RentalType | None:
    tail = match["tail"]
    return next(
        (kind for kind, phrases in words.periods.items() if re.search(alternation(phrases) + END, tail)), None
    )


def _all_periods(words: BudgetWords) -> tuple[str, ...]:
    return tuple(phrase for phrases in words.periods.values() for phrase in phrases)


@lru_cache(maxsize=16)
def _may_end_here(words: BudgetWords) -> re.Pattern[str]:
    return re.compile(rf" ?(?:$|[^a-z0-9 ]|{alternation(words.may_follow)}{END})")


@lru_cache(maxsize=16)
def _other_sum(words: BudgetWords) -> re.Pattern[str]:
    others = alternation(words.not_a_budget)
    one = amount(words, "one")
    two = amount(words, "two")
    linking = alternation(words.linking)
    return re.compile(rf"{one} {others}{END}|{START}{others}{END}[ :=]*(?:{linking}{END} ?){{0,2}}{two}")
