"""A message on its way through the readers."""

import re

from domain.folding import fold

TAKEN = "|"

_EMOJI_NAME = re.compile(r":[a-z0-9_+-]+:")
_LETTER_BESIDE_DIGIT = re.compile(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])")


class Sentence:
    """The message in normal form. What one reader takes is gone for all others: no number fills two slots."""

    def __init__(self, message: str) -> None:
        self.text = normal_form(message)

    @property
    def words(self) -> list[str]:
        """What nobody has taken yet."""
        return re.findall(r"[a-z0-9][a-z0-9']*", self.text)

    def take(self, pattern: re.Pattern[str]) -> list[re.Match[str]]:
        """All matches, in order."""
        matches = list(pattern.finditer(self.text))
        for match in matches:
            self.take_span(match.start(), match.end())
        return matches

    def take_span(self, start: int, end: int) -> None:
        self.text = self.text[:start] + TAKEN * (end - start) + self.text[end:]


def normal_form(message: str) -> str:
    """Folded, without emoji, single spaces, digits apart from letters ("2bed", "500k"). Idempotent."""
    folded = _EMOJI_NAME.sub(" ", fold(message)).replace("_", " ").replace(TAKEN, " ")
    return " ".join(_LETTER_BESIDE_DIGIT.sub(" ", folded).split())
