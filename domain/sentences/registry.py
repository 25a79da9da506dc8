"""The languages the assistant speaks."""

from collections.abc import Mapping

from domain.sentences.english import ENGLISH
from domain.sentences.wording import Wording
from domain.thread import Language

WORDINGS: Mapping[Language, Wording] = {Language.EN: ENGLISH}


def spoken(wanted: Language) -> Language:
    """The language a reply will really be in: the wanted one, or English where it has no text yet."""
    return wanted if wanted in WORDINGS else Language.EN


def wording_in(language: Language) -> Wording:
    return WORDINGS[spoken(language)]


def rejected_text(language: Language) -> str:
    """Said when a turn is refused because an earlier one of its thread still runs."""
    return wording_in(language).rejected


def apology_text(language: Language) -> str:
    """The last resort, when the reply step itself failed."""
    return wording_in(language).apology
