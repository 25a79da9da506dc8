"""How progress events are numbered: by place in a turn's own stream, by `seq` in the feed of a thread.

Both follow from the history alone, so every process gives the same event the same number.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from api.event_stream import encoded
from domain.progress import PROGRESS_EVENT, Failed, ProgressEvent, Result

TURN_SPAN: Final = 1_000_000
"""`seq` is turn number x 1,000,000 + history event id x 10 + index of the frame inside that event."""

FRAMES_PER_HISTORY_EVENT: Final = 10
LAST_OF_TURN: Final = TURN_SPAN - 1
LONGEST_SEQ: Final = 2**53 - 1
"""What every client's numbers can hold."""

AFTER_A_RESET: Final = 48_000
"""Added to the event ids of a run that an operator's reset began: they begin anew where `seq` must not.

A history has at most 51,200 events, so two runs fit in front of `TOLD_FROM_THE_DATABASE`. A turn that is reset
twice uses the second range twice.
"""

TOLD_FROM_THE_DATABASE: Final = 99_999
"""Stands for the history event id where Temporal no longer has the history."""

PLACE = re.compile(r"(?P<run>[0-9a-z]{1,36})\.(?P<event>[0-9]{1,9})\.(?P<index>[0-9]{1,9})")


@dataclass(frozen=True, order=True)
class Place:
    """Where a progress event comes from: the history event of a run, and the index inside it."""

    run: str
    event: int
    index: int

    def __str__(self) -> str:
        return f"{self.run}.{self.event}.{self.index}"


@dataclass(frozen=True)
class NumberedEvent:
    """A progress event with its place, the id that a client of the turn's stream resumes from.

    Attributes:
        number: the turn's number in its thread, as the history knows it.
        first_seq: `seq` of the first frame made of the event.
    """

    place: Place
    event: ProgressEvent
    number: int
    first_seq: int

    @property
    def is_outcome(self) -> bool:
        return isinstance(self.event, Result | Failed)

    @property
    def last_seq(self) -> int:
        """Of the last frame: an outcome makes two (api/frames.py), everything before it one."""
        return self.first_seq + (1 if self.is_outcome else 0)

    # Made once, whoever watches: the tail hands the same object to all.

    @cached_property
    def turn_event(self) -> bytes:
        """The event on the wire of the turn's own stream."""
        return encoded(self.event.kind, str(self.place), self._data)

    @cached_property
    def thread_event(self) -> bytes:
        """The event on the wire of its thread's stream."""
        return encoded(self.event.kind, str(self.last_seq), self._data)

    @cached_property
    def _data(self) -> bytes:
        return PROGRESS_EVENT.dump_json(self.event, by_alias=True)


def seq_of(number: int, event_id: int, index: int) -> int:
    return number * TURN_SPAN + event_id * FRAMES_PER_HISTORY_EVENT + index


def end_of_turn(number: int) -> int:
    """A `seq` behind everything of the turn; 0 before the first."""
    return number * TURN_SPAN + LAST_OF_TURN if number else 0


def first_turn_behind(seq: int) -> int:
    """The number of the first turn that may have something behind `seq`."""
    number, inside = divmod(seq, TURN_SPAN)
    return number + 1 if inside == LAST_OF_TURN else number


def run_tag(run_id: str) -> str:
    """Eight characters of the random end of a run id: a resume from another run begins anew."""
    return run_id.replace("-", "")[-8:]


def parse_place(text: str | None) -> Place | None:
    """The place a Last-Event-ID names; none for an absent or malformed one."""
    match = PLACE.fullmatch(text or "")
    return Place(match["run"], int(match["event"]), int(match["index"])) if match else None


def parse_seq(text: str | None) -> int | None:
    """The `seq` a Last-Event-ID names; none for an absent or malformed one."""
    return min(int(text), LONGEST_SEQ) if text and re.fullmatch(r"[0-9]{1,18}", text) else None
