"""Names that histories, clients and operators depend on. A failing test here is a breaking change."""

from uuid import NAMESPACE_URL, uuid5

from temporalio import activity, workflow

from activities.forgetting import ForgettingActivities
from activities.listings import ListingActivities
from activities.memory import MemoryActivities
from activities.reply import ReplyActivities
from activities.turns import TurnActivities
from activities.understanding import UnderstandingActivities
from devstack.temporal_server import SEARCH_ATTRIBUTES
from domain import names
from domain.forgetting import SUMMARY_OF_FORGETTING
from domain.progress import STEP_OF_ACTIVITY, SUMMARY_OF_ACTIVITY
from workflows import search_attributes
from workflows.chat_turn import ChatTurnWorkflow
from workflows.forget_thread import ForgetThreadWorkflow
from workflows.remember_turn import RememberTurnWorkflow

THREAD = "3f0e1a52-6a0c-4a57-9a53-0f5d6f1f3b11"
MESSAGE = "a8c1f7de-7a43-4d1e-8c0b-0d6a2f3f9b22"


def test_workflow_types() -> None:
    """Operators start workflows by these names."""
    kinds = (ChatTurnWorkflow, RememberTurnWorkflow, ForgetThreadWorkflow)
    found = [workflow._Definition.must_from_class(kind).name for kind in kinds]
    assert found == ["ChatTurnWorkflow", "RememberTurnWorkflow", "ForgetThreadWorkflow"]


def test_activity_types() -> None:
    """Histories name these activities; each has a step and a summary."""
    found = {
        activity._Definition.must_from_callable(method).name
        for method in (
            TurnActivities.open_turn,
            UnderstandingActivities.understand_message,
            MemoryActivities.fetch_memory,
            ListingActivities.search_listings,
            ReplyActivities.generate_reply,
            TurnActivities.close_turn,
            MemoryActivities.create_memory,
        )
    }
    assert found == set(STEP_OF_ACTIVITY) == set(SUMMARY_OF_ACTIVITY)


def test_activity_types_of_forgetting() -> None:
    """They too are in histories, under these names, each with a summary."""
    found = [
        activity._Definition.must_from_callable(method).name
        for method in (
            ForgettingActivities.stop_turns,
            ForgettingActivities.forget_record,
            ForgettingActivities.forget_memory,
            ForgettingActivities.forget_thread,
        )
    ]
    assert found == ["stop_turns", "forget_record", "forget_memory", "forget_thread"] == [*SUMMARY_OF_FORGETTING]


def test_queue_and_signals() -> None:
    """Running turns wait on these."""
    assert (names.CHAT_TURNS, names.TURN_RELEASED, names.REPLY_DELTA) == (
        "chat-turns",
        "turn_released",
        "reply_delta",
    )


def test_ids() -> None:
    """Ids are built from their parts alone, the same in every process and after a restart."""
    turn_id = names.turn_id_for(THREAD, MESSAGE)
    assert turn_id == f"{THREAD}.{MESSAGE}"
    assert names.chat_turn_workflow_id(turn_id) == f"chat-turn-{turn_id}"
    assert names.remember_turn_workflow_id(turn_id) == f"remember-{turn_id}"
    assert names.forget_thread_workflow_id(THREAD) == f"forget-{THREAD}"
    assert names.assistant_message_id(THREAD, MESSAGE) == str(
        uuid5(NAMESPACE_URL, f"{THREAD}:{MESSAGE}:assistant")
    )
    assert names.memory_message_id(THREAD, turn_id, "user", 0) == str(
        uuid5(names.MEMORY_NAMESPACE, f"{THREAD}:{turn_id}:user:0")
    )


def test_thread_names() -> None:
    """A UUID is the thread itself in any spelling; a name belongs to its user."""
    assert names.thread_id_for("ada", THREAD.upper()) == THREAD
    assert names.thread_id_for("ada", "my-flat") == str(uuid5(NAMESPACE_URL, "ada:my-flat"))
    assert names.thread_id_for("ada", "my-flat") != names.thread_id_for("eve", "my-flat")


def test_search_attributes() -> None:
    """The stack registers exactly the search attributes that the code writes."""
    assert {key.name for key in search_attributes.ALL} == set(SEARCH_ATTRIBUTES)
