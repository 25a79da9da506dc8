"""What is never a slot: telephone numbers, addresses, dates, times, and words that look like others."""

import re
from functools import lru_cache

from domain.grammar.phrases import END, START, alternation, whole_words
from domain.grammar.sentence import Sentence
from domain.grammar.tables import LanguageTables

_ANYWHERE = re.compile(
    r"\S+@\S+"
    r"|(?:https?://|www\.)\S+"
    r"|(?<!\d)(?:\+ ?\d|00|0\d)[\d ()-]{7,}\d"  # a telephone number with its country or trunk prefix
    r"|(?<!\d)\d{4}-\d{1,2}-\d{1,2}(?!\d)"
    r"|(?<!\d)\d{1,2}[./-]\d{1,2}[./-]\d{2,4}(?!\d)"
    r"|(?<!\d)\d{1,2}[/:]\d{1,2}(?!\d)"  # 10/07, 24/7, 10:30
)


def set_noise_aside(sentence: Sentence, tables: LanguageTables) -> None:
    sentence.take(_ANYWHERE)
    sentence.take(_labelled(tables))
    sentence.take(whole_words(tables.false_friends))


@lru_cache(maxsize=16)
def _labelled(tables: LanguageTables) -> re.Pattern[str]:
    return re.compile(rf"{START}{alternation(tables.labels)}{END}[ .:#]*\d[\d ()-]*")
