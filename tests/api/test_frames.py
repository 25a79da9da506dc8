"""The frames of the WebSocket, version 1.0: what existing clients read never changes by accident."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from adapters.thread_reading import RecentThread, RecentTurn
from api.frame_projection import NAME_OF_AGENT, frames_of, rehydration
from api.frame_schemas import SCHEMA_FILE, generated_schema
from api.frames import TurnFrame
from api.numbering import NumberedEvent, Place, seq_of
from domain.cards import CardMetadata, ContactInfo, RecItem
from domain.conversation import TurnRecord
from domain.memory import MemoryMode, MemoryUse
from domain.progress import Accepted, Delta, End, Failed, ProgressEvent, Reset, Result, Step, StepState
from domain.slots import Location, RentalType, Slots
from domain.thread import Agent, Language
from domain.turn import Act, ChatTurnResult, StepName, TurnStatus, Versions

GOLDEN = Path(__file__).with_name("golden_frames")
THREAD = "5b0c5ad1-6b0c-4c43-8d0b-7f7c1f2a3b4c"
MESSAGE = "0d6a6b5e-1c2d-4e3f-8a9b-0c1d2e3f4a5b"
AT = datetime(2025, 1, 1, tzinfo=UTC)
ABOUT = {"turn_id": f"{THREAD}.{MESSAGE}", "at": AT}
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text()))

CARD = RecItem(
    id="listing-1",
    title="Flat by the sea",
    subtitle="2 bedrooms, furnished",
    price="£750 / month",
    rating=4.5,
    badges=("2 bedrooms", "pool", "wifi"),
    image_url="/static/listings/apartment-1.svg",
    gallery_images=("/static/listings/apartment-1.svg",),
    area="Girne",
    metadata=CardMetadata(
        bedrooms=2,
        bathrooms=1,
        amenities=("pool", "wifi"),
        sqm=80,
        description="A flat made up for a test.",
        rent_type="long_term",
        lat=35.34,
        lng=33.32,
        contact_info=ContactInfo(agency_name="Example Homes"),
    ),
)

RESULT = ChatTurnResult(
    turn_id=f"{THREAD}.{MESSAGE}",
    thread_id=THREAD,
    message_id="m",
    status=TurnStatus.COMPLETED,
    response_text="Here is 1 flat in Girne.",
    agent=Agent.RE,
    act=Act.SEARCH_AND_RECOMMEND,
    language=Language.EN,
    recommendations=(CARD,),
    slots=Slots(bedrooms=2),
    memory=MemoryUse(used=True, mode=MemoryMode.READ_WRITE, source="zep"),
    model="template",
    versions=Versions(build_id="1", config="c"),
)

STOPPED = RESULT.model_copy(
    update={"status": TurnStatus.STOPPED, "response_text": "", "recommendations": (), "agent": Agent.GENERAL}
)

TURN = TurnRecord(
    turn_id=f"{THREAD}.{MESSAGE}",
    thread_id=THREAD,
    user_id="ada",
    client_msg_id=MESSAGE,
    workflow_id="chat-turn-1",
    seq=3,
    status=TurnStatus.COMPLETED,
    accepted_at=AT,
    correlation_id="c-1",
    result=RESULT,
)

EVENTS: dict[str, ProgressEvent] = {
    "typing": Accepted(**ABOUT, thread_id=THREAD, steps=(StepName.REPLY,)),
    "progress": Step(**ABOUT, step=StepName.SEARCH, state=StepState.STARTED, summary="Search listings"),
    "progress_retrying": Step(
        **ABOUT, step=StepName.REPLY, state=StepState.RETRYING, summary="Write the reply", attempt=2
    ),
    "reply_delta": Delta(**ABOUT, attempt=1, index=0, text="Here is "),
    "reply_reset": Reset(**ABOUT, attempt=2),
    "assistant_message": Result(**ABOUT, result=RESULT),
    "progress_turn_stopped": Result(**ABOUT, result=STOPPED),
    "task_failed": Failed(**ABOUT, code="turn_lost", message="This message could not be answered."),
}


def numbered(event: ProgressEvent) -> NumberedEvent:
    return NumberedEvent(Place("run", 8, 1), event, number=3, first_seq=seq_of(3, 8, 1))


def wire(frame: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(frame.model_dump_json(by_alias=True))
    return value


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.json").read_text()


def as_file(frame: Any) -> str:
    return json.dumps(wire(frame), ensure_ascii=False, indent=2) + "\n"


def a_rehydration() -> Any:
    slots = Slots(rental_type=RentalType.LONG_TERM, location=Location(city="girne"), bedrooms=2)
    past = (
        RecentTurn(turn=TURN, message="2 bedrooms in Girne"),
        RecentTurn(
            turn=TURN.model_copy(update={"seq": 4, "result": None, "status": TurnStatus.FAILED}),
            message="and a pool",
        ),
    )
    recent = RecentThread(covered=4, turns=past, slots=slots, language=Language.EN)
    return rehydration(THREAD, recent, seq=4_999_999)


@pytest.mark.parametrize("name", EVENTS)
def test_a_frame_is_what_clients_know(name: str) -> None:
    """Every kind of frame is, byte for byte, the one that was written down. Existing clients read these keys."""
    assert as_file(frames_of(TURN, numbered(EVENTS[name]))[-1]) == golden(name)


def test_a_rehydration_is_what_clients_know() -> None:
    """The first frame of a connection, too."""
    assert as_file(a_rehydration()) == golden("rehydration")


def test_every_golden_frame_follows_the_schema() -> None:
    """And there is one for every event that a frame may have."""
    frames = [json.loads(path.read_text()) for path in GOLDEN.glob("*.json")]
    for frame in frames:
        VALIDATOR.validate(frame)
    kinds = {model.model_fields["event"].default for model in get_args(TurnFrame)} | {"rehydration"}
    assert {frame["event"] for frame in frames} == kinds
    assert all(list(frame) == ["type", "event", "thread_id", "payload", "meta"] for frame in frames)


def test_the_schema_knows_no_other_keys() -> None:
    """A key more or less, in the envelope or inside it, is refused."""
    for path in GOLDEN.glob("*.json"):
        frame = json.loads(path.read_text())
        for changed in (
            frame | {"version": 1},
            frame | {"meta": frame["meta"] | {"more": 1}},
            frame | {"payload": frame["payload"] | {"more": 1}},
            {key: value for key, value in frame.items() if key != "meta"},
            frame | {"meta": {key: value for key, value in frame["meta"].items() if key != "seq"}},
        ):
            assert not VALIDATOR.is_valid(changed)


def test_the_schema_in_the_tree_is_that_of_the_models() -> None:
    """After a change of api/frames.py write it anew: .venv/bin/python -m api.frame_schemas"""
    assert SCHEMA_FILE.read_text() == generated_schema()


def test_an_outcome_makes_two_frames_and_everything_before_it_one() -> None:
    """So `seq` follows from an event alone, and the event's own is that of its last frame."""
    for event in EVENTS.values():
        one = numbered(event)
        seqs = [frame.meta.seq for frame in frames_of(TURN, one)]
        assert seqs == list(range(one.first_seq, one.last_seq + 1))
        assert len(seqs) == (2 if isinstance(event, Result | Failed) else 1)
    assert frames_of(TURN, numbered(End(**ABOUT))) == ()


def test_a_turn_without_a_correlation_id_says_null() -> None:
    """The key is there all the same."""
    turn = TURN.model_copy(update={"correlation_id": None})
    for name in ("typing", "assistant_message"):
        frame = wire(frames_of(turn, numbered(EVENTS[name]))[-1])
        assert frame["meta"]["correlation_id"] is None
        VALIDATOR.validate(frame)


def test_agents_have_the_names_that_clients_know() -> None:
    """Without the suffix, and real estate spelled out."""
    assert {agent.value: name for agent, name in NAME_OF_AGENT.items()} == {
        "re_agent": "real_estate",
        "general_agent": "general",
        "local_info_agent": "local_info",
        "marketplace_agent": "marketplace",
    }
