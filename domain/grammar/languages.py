"""The word tables of every language that is understood."""

from collections.abc import Mapping

from domain.grammar.english import ENGLISH
from domain.grammar.tables import LanguageTables
from domain.thread import Language

TABLES: Mapping[Language, LanguageTables] = {Language.EN: ENGLISH}


def tables_for(language: Language) -> LanguageTables:
    """English stands in for a language without tables: places and signs of currency are the same."""
    return TABLES.get(language, ENGLISH)
