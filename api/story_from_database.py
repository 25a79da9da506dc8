"""An ended turn as the database has it, for when Temporal no longer keeps its history."""

from collections.abc import Sequence
from typing import Final

from api.history_projection import FAILED_SENTENCE, STEPS_AHEAD
from api.numbering import TOLD_FROM_THE_DATABASE, NumberedEvent, Place, seq_of
from domain.conversation import TurnRecord
from domain.names import TURN_LOST
from domain.progress import Accepted, End, Failed, ProgressEvent, Result

FROM_DATABASE: Final = "db"
"""Stands for the run in the ids of events that come from the database."""


def story_of(turn: TurnRecord, told: Sequence[ProgressEvent] = ()) -> list[NumberedEvent]:
    """The turn in the fewest events, without what was told; each has its number with and without the others."""
    at = turn.accepted_at
    outcome: ProgressEvent = (
        Result(turn_id=turn.turn_id, at=at, result=turn.result)
        if turn.result
        else Failed(turn_id=turn.turn_id, at=at, code=turn.error_code or TURN_LOST, message=FAILED_SENTENCE)
    )
    accepted = Accepted(turn_id=turn.turn_id, at=at, thread_id=turn.thread_id, steps=STEPS_AHEAD)
    story = [
        NumberedEvent(
            place=Place(FROM_DATABASE, turn.seq, index),
            event=event,
            number=turn.seq,
            first_seq=seq_of(turn.seq, TOLD_FROM_THE_DATABASE, index),
        )
        for index, event in enumerate((accepted, outcome, End(turn_id=turn.turn_id, at=at)))
    ]
    if told:
        del story[0]
    if any(isinstance(event, Result | Failed) for event in told):
        del story[0]
    return story
