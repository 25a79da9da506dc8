"""A scripted provider whose reply comes piece by piece, each when the test lets it."""

import asyncio
from dataclasses import dataclass, field

from tests.openai_server import Answer, says

PIECES = tuple(f"Sentence number {number} of the reply. " for number in range(1, 21))
TEXT = "".join(PIECES).rstrip()


@dataclass
class GatedReply:
    """An answer that waits after each of its pieces, the last one too."""

    gates: list[asyncio.Event] = field(default_factory=lambda: [asyncio.Event() for _ in PIECES])

    def answer(self) -> Answer:
        return says(*(part for gated in zip(PIECES, self.gates, strict=True) for part in gated))

    def let_write(self, pieces: int) -> None:
        """Everything up to this many pieces may be written."""
        for gate in self.gates[: pieces - 1]:
            gate.set()

    def let_end(self) -> None:
        self.let_write(len(PIECES) + 1)


def whole() -> Answer:
    """The same reply without a stop."""
    return says(*PIECES)
