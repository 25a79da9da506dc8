"""What a watcher is shown of a reply that is written, given up and written again."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from api.history_projection import TurnProjection
from api.numbering import NumberedEvent
from domain.names import REPLY_DELTA
from domain.progress import Delta, ProgressEvent, Reset, Result, Step, StepState
from domain.reply import PartialReply, ReplyDelta
from domain.turn import StepName

RUN = "01a20bbb-945b-70fb-8192-6d02614ebd08"
HISTORIES = Path(__file__).parents[1] / "workflows" / "histories"
CONVERTER = pydantic_data_converter.payload_converter


def projection(**said: object) -> TurnProjection:
    return TurnProjection(turn_id="t.1", thread_id="t", run_id=RUN, converter=CONVERTER, number=1, **said)


def told(events: Iterable[HistoryEvent], told_by: TurnProjection | None = None) -> list[ProgressEvent]:
    told_by = told_by or projection()
    return [numbered.event for event in events for numbered in told_by.feed(event)]


class History:
    """Events of a reply step, one after another."""

    def __init__(self) -> None:
        self.events: list[HistoryEvent] = []

    def _event(self, kind: str, **attributes: object) -> HistoryEvent:
        event = HistoryEvent(
            event_id=len(self.events) + 1, event_type=EventType.Value(f"EVENT_TYPE_{kind}"), **attributes
        )
        event.event_time.FromDatetime(datetime(2025, 1, 1, tzinfo=UTC))
        self.events.append(event)
        return event

    def scheduled(self) -> None:
        event = self._event("ACTIVITY_TASK_SCHEDULED")
        event.activity_task_scheduled_event_attributes.activity_type.name = "generate_reply"

    def ended(self, kind: str) -> None:
        event = self._event(f"ACTIVITY_TASK_{kind}")
        getattr(event, f"activity_task_{kind.lower()}_event_attributes").scheduled_event_id = 1

    def delta(self, attempt: int, index: int, text: str = "x", run_id: str = RUN) -> None:
        signal = self._event("WORKFLOW_EXECUTION_SIGNALED").workflow_execution_signaled_event_attributes
        signal.signal_name = REPLY_DELTA
        piece = ReplyDelta(run_id=run_id, attempt=attempt, index=index, text=text)
        signal.input.payloads.extend(CONVERTER.to_payloads([piece]))


def on_screen(events: Sequence[ProgressEvent]) -> str:
    text = ""
    for event in events:
        if isinstance(event, Reset):
            text = ""
        elif isinstance(event, Delta):
            text += event.text
    return text


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5))))
def test_what_is_shown_is_what_the_workflow_keeps(pieces: list[tuple[int, int]]) -> None:
    """Whatever pieces come, repeated, late or out of order: the screen has the text the workflow would store."""
    history, kept = History(), PartialReply()
    history.scheduled()
    for attempt, index in pieces:
        text = f"[{attempt}.{index}]"
        history.delta(attempt, index, text)
        kept = kept.with_delta(ReplyDelta(run_id=RUN, attempt=attempt, index=index, text=text))
    assert on_screen(told(history.events)) == kept.text


def test_a_second_attempt_says_so_before_it_takes_the_text_back() -> None:
    """Retrying, then the reset, then the first piece of the new text."""
    history = History()
    history.scheduled()
    history.delta(1, 0)
    history.delta(2, 0)
    retrying, reset, piece = told(history.events)[-3:]
    assert isinstance(retrying, Step)
    assert (retrying.step, retrying.state, retrying.attempt) == (StepName.REPLY, StepState.RETRYING, 2)
    assert isinstance(reset, Reset)
    assert isinstance(piece, Delta)


def test_a_first_piece_of_a_later_attempt_takes_nothing_back() -> None:
    """The first attempt died before its first word: nothing was shown, so nothing is void."""
    history = History()
    history.scheduled()
    history.delta(2, 0)
    assert [event.kind for event in told(history.events)] == ["step", "delta"]


@pytest.mark.parametrize("kind", ["FAILED", "TIMED_OUT"])
def test_a_reply_that_failed_is_taken_back(kind: str) -> None:
    """After its last attempt the template's reply replaces the text, and late pieces of it are not shown."""
    history = History()
    history.scheduled()
    history.delta(3, 0)
    history.ended(kind)
    history.delta(3, 1)
    kinds = [event.kind for event in told(history.events)]
    assert kinds == ["step", "delta", "step", "reset"]


@pytest.mark.parametrize("kind", ["FAILED", "TIMED_OUT"])
def test_a_reply_that_failed_before_its_first_word_takes_nothing_back(kind: str) -> None:
    """No reset without a text."""
    history = History()
    history.scheduled()
    history.ended(kind)
    assert [event.kind for event in told(history.events)] == ["step", "step"]


def test_a_reply_that_was_stopped_stays_on_the_screen() -> None:
    """The partial text is stored, so it stays shown."""
    history = History()
    history.scheduled()
    history.delta(1, 0, "so far")
    history.ended("CANCELED")
    assert on_screen(told(history.events)) == "so far"


def test_pieces_of_another_run_are_not_shown() -> None:
    """An operator's reset plays the signals of the old run again."""
    history = History()
    history.scheduled()
    history.delta(1, 0, run_id="another")
    assert [event.kind for event in told(history.events)] == ["step"]


@pytest.mark.parametrize("path", sorted(HISTORIES.glob("chat_turn-*.json")), ids=lambda path: path.stem)
def test_numbers_only_grow_and_fit(path: Path) -> None:
    """In every recorded turn: fewer than ten events of one history event, places and seqs in ascending order."""
    history = WorkflowHistory.from_json("w", path.read_text())
    run_id = history.events[0].workflow_execution_started_event_attributes.original_execution_run_id
    told_by = TurnProjection(turn_id="t.1", thread_id="t", run_id=run_id, converter=CONVERTER, number=1)
    numbered: list[NumberedEvent] = []
    for event in history.events:
        made = told_by.feed(event)
        assert len(made) < 10
        numbered += made
    assert [one.place for one in numbered] == sorted({one.place for one in numbered})
    outcome = next(position for position, one in enumerate(numbered) if one.is_outcome)
    seqs = [seq for one in numbered[: outcome + 1] for seq in (one.first_seq, one.last_seq)]
    assert seqs == sorted(seqs)
    assert all(one.number == numbered[-1].number for one in numbered[1:])


def test_a_run_after_a_reset_is_numbered_behind_the_one_before() -> None:
    """It tells itself apart by its history alone, takes back what was shown, and its seqs go on."""
    history = WorkflowHistory.from_json("w", (HISTORIES / "chat_turn-question_asked.json").read_text())
    run_id = history.events[0].workflow_execution_started_event_attributes.original_execution_run_id
    first = TurnProjection(turn_id="t.1", thread_id="t", run_id=run_id, converter=CONVERTER, number=1)
    again = projection()
    before = [one for event in history.events for one in first.feed(event)]
    after = [one for event in history.events for one in again.feed(event)]
    assert [one.event.kind for one in after[:2]] == ["accepted", "reset"]
    assert min(one.first_seq for one in after) > max(one.last_seq for one in before)
    assert any(isinstance(one.event, Result) for one in after)
