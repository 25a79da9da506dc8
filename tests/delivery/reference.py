"""What must become of a thread: the small model that the product is compared with.

No reply ends by itself: a turn stays open until an operation ends it. So the model knows at every moment which
turns are open, and the first of them is the one being answered.
"""

from dataclasses import dataclass, field

from domain.turn import OnBusy, TurnStatus


@dataclass
class ExpectedTurn:
    client_msg_id: str
    message: str
    on_busy: OnBusy = OnBusy.ENQUEUE
    turn_id: str = ""
    regenerates: str | None = None
    ended: TurnStatus | None = None
    """How it must end; none while it is open."""


@dataclass
class ExpectedThread:
    """The accepted turns in the order they must have."""

    turns: list[ExpectedTurn] = field(default_factory=list)

    @property
    def open(self) -> list[ExpectedTurn]:
        return [turn for turn in self.turns if turn.ended is None]

    def refuses(self, turn: ExpectedTurn) -> bool:
        """A message that will not wait is refused at once behind an open turn."""
        return turn.on_busy is OnBusy.REJECT and bool(self.open)

    def accept(self, turn: ExpectedTurn) -> None:
        if turn.on_busy is OnBusy.INTERRUPT:
            for earlier in self.open:
                earlier.ended = TurnStatus.STOPPED
        self.turns.append(turn)

    def stop(self, turn: ExpectedTurn) -> None:
        turn.ended = turn.ended or TurnStatus.STOPPED

    def terminate(self, turn: ExpectedTurn) -> None:
        turn.ended = turn.ended or TurnStatus.FAILED

    def answer(self) -> ExpectedTurn | None:
        """The first open turn is answered."""
        for turn in self.open[:1]:
            turn.ended = TurnStatus.COMPLETED
            return turn
        return None

    def can_regenerate(self) -> bool:
        return bool(self.turns) and self.turns[-1].ended is not None
