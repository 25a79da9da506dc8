"""Temporal keeps a finished turn for its retention only; after that the database answers."""

from pathlib import Path
from uuid import uuid4

from temporalio.testing import WorkflowEnvironment

from domain.names import CHAT_TURNS, chat_turn_workflow_id
from domain.turn import ChatTurnInput
from tests.ports import free_port
from tests.running_stack import fill, running_api, stack_settings
from workflows.chat_turn import ChatTurnWorkflow

FLAT = "2 bedrooms in Girne, long term"


async def test_the_database_answers_for_a_turn_that_temporal_does_not_know(
    own_temporal: WorkflowEnvironment, another_temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    """Repeat, contradiction, stream, stop, new answer, second start: all as if Temporal still had the turn."""
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port())
    await fill(settings.database_url)
    body = {"client_msg_id": str(uuid4()), "thread_id": str(uuid4())}
    async with running_api(settings, own_temporal.client) as stack, stack.working():
        first = (await stack.say("ada", FLAT, **body)).json()
        await stack.until_remembered(first["turn_id"])
    async with running_api(settings, another_temporal.client) as stack, stack.working():
        repeat = await stack.post("ada", FLAT, **body)
        contradiction = await stack.post("ada", "something else", **body)
        events = await stack.events("ada", first["turn_id"])
        stop = await stack.http.post(first["links"]["cancel"], headers=stack.as_user("ada"))
        started_again = await another_temporal.client.execute_workflow(
            ChatTurnWorkflow.run,
            ChatTurnInput(user_id="ada", message=FLAT, **body),
            id=chat_turn_workflow_id(first["turn_id"]),
            task_queue=CHAT_TURNS,
        )
        stored = await stack.messages("ada", first["thread_id"])
        remembered = await stack.memory_of(first["thread_id"])
        anew = await stack.http.post(
            f"/api/turns/{first['turn_id']}/regenerate", headers=stack.as_user("ada") | {"Prefer": "wait=20"}
        )
    assert (repeat.status_code, repeat.json()["idempotent"]) == (200, True)
    assert repeat.json()["result"] == first["result"]
    assert contradiction.status_code == 409
    assert [event.event for event in events] == ["accepted", "result", "end"]
    assert events[1].data["result"] == first["result"]
    assert (stop.status_code, stop.json()["status"]) == (200, "completed")
    assert started_again.model_dump(mode="json", by_alias=True) == first["result"]
    assert [message["role"] for message in stored] == ["user", "assistant"]
    assert len(remembered) == 2
    assert anew.json()["result"]["status"] == "completed"
