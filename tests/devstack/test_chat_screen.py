import io
from datetime import UTC, datetime

from rich.console import Console

from devstack.chat_screen import LiveScreen, PlainScreen, print_result, screen_for
from domain.cards import CardMetadata, ContactInfo, RecItem
from domain.memory import MemoryMode, MemoryUse
from domain.progress import Delta, Reset, Step, StepState
from domain.slots import Slots
from domain.thread import Agent, Language
from domain.turn import Act, ChatTurnResult, Degradation, StepName, TurnStatus, Versions

AT = datetime(2025, 1, 1, tzinfo=UTC)


def test_a_pipe_gets_plain_lines():
    """Without a terminal each step is one line, without control codes or wrapping."""
    out = io.StringIO()
    console = Console(file=out, width=40)
    with screen_for(console) as screen:
        assert isinstance(screen, PlainScreen)
        screen.show(_step(StepState.STARTED))
        screen.show(_step(StepState.FINISHED, took_ms=12))
    started, finished = out.getvalue().splitlines()
    assert started.startswith("started")
    assert finished.split() == ["done", "search", "12", "ms", *SUMMARY.split()]
    assert "\x1b" not in out.getvalue()


def test_a_second_attempt_replaces_the_text_of_the_first():
    """What is shown of a reply is of one attempt only."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with LiveScreen(console) as screen:
        for event in (_delta(1, "Hel"), _delta(1, "lo"), Reset(turn_id="t", at=AT, attempt=2), _delta(1, "late")):
            screen.show(event)
        assert screen.text == ""
        screen.show(_delta(2, "Good day"))
        assert screen.text == "Good day"


def test_a_reply_is_shown_with_its_cards_and_where_to_look():
    """Title, price, area and badges of each card, what was done without, and the turn's page in the Web UI."""
    out = io.StringIO()
    print_result(Console(file=out, width=40), _result(), "http://127.0.0.1:8233/turn")
    shown = out.getvalue()
    assert "Here is [one] home." in shown
    assert "- Sea View  £450 / month  Girne  2 bedrooms, pool, wifi\n" in shown
    assert "recall failed (memory_unavailable): answered without memory" in shown
    assert "http://127.0.0.1:8233/turn" in shown


SUMMARY = "eight listings in Girne for long term rent, two bedrooms"


def _step(state: StepState, took_ms: int | None = None) -> Step:
    return Step(turn_id="t", at=AT, step=StepName.SEARCH, state=state, summary=SUMMARY, took_ms=took_ms)


def _delta(attempt: int, text: str) -> Delta:
    return Delta(turn_id="t", at=AT, attempt=attempt, index=0, text=text)


def _result() -> ChatTurnResult:
    card = RecItem(
        id="1",
        title="Sea View",
        subtitle="",
        price="£450 / month",
        badges=("2 bedrooms", "pool", "wifi"),
        area="Girne",
        metadata=CardMetadata(
            bedrooms=2, bathrooms=1, lat=35.3, lng=33.3, contact_info=ContactInfo(agency_name="Example Homes")
        ),
    )
    return ChatTurnResult(
        turn_id="t.1",
        thread_id="t",
        message_id="m",
        status=TurnStatus.COMPLETED,
        response_text="Here is [one] home.",
        agent=Agent.RE,
        act=Act.SEARCH_AND_RECOMMEND,
        language=Language.EN,
        recommendations=(card,),
        slots=Slots(),
        memory=MemoryUse(used=False, mode=MemoryMode.READ_WRITE, source="none"),
        degraded=(
            Degradation(step=StepName.RECALL, reason="memory_unavailable", fallback="answered without memory"),
        ),
        model="template",
        versions=Versions(build_id="1", config="c"),
    )
