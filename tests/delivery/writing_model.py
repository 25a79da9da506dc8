"""A scripted provider whose reply comes piece by piece, each when the test lets it."""

import asyncio
from dataclasses import dataclass, field

from tests.openai_server import Answer, says

PIECES = tuple(f"Sentence number {number} of the reply. " for number in range(1, 21))
TEXT = "".join(PIECES).rstrip()


@dataclass
class GatedReply:
    """An answer that writes one piece and waits before the next."""

    gates: list[asyncio.Event] = field(default_factory=lambda: [asyncio.Event() for _ in PIECES[1:]])

    def answer(self) -> Answer:
        first, *others = PIECES
        return says(first, *(part for gated in zip(self.gates, others, strict=True) for part in gated))

    def let_write(self, pieces: int) -> None:
        """Everything up to this many pieces may be written."""
        for gate in self.gates[: pieces - 1]:
            gate.set()


def whole() -> Answer:
    """The same reply without a stop."""
    return says(*PIECES)
