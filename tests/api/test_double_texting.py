"""A second message while the first is being answered."""

from pathlib import Path
from uuid import uuid4

from temporalio.testing import WorkflowEnvironment

from domain.names import chat_turn_workflow_id
from tests.ports import free_port
from tests.running_stack import fill, running_api, stack_settings


async def test_a_message_that_will_not_wait_is_409_at_once(
    own_temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    """Behind an open turn `on_busy: reject` is told with the POST; nothing is stored, and it may come again."""
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port())
    await fill(settings.database_url)
    async with running_api(settings, own_temporal.client) as stack:
        first = (await stack.post("ada", "hello")).json()
        impatient = {"thread_id": first["thread_id"], "on_busy": "reject", "client_msg_id": str(uuid4())}
        refused = await stack.post("ada", "and now?", **impatient)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "thread_busy")
        async with stack.working():
            await stack.until_ended("ada", first["turn_id"])
            taken = (await stack.say("ada", "and now?", **impatient)).json()
    assert (taken["idempotent"], taken["result"]["status"]) == (False, "completed")


async def test_a_lost_turn_in_front_does_not_reject(own_temporal: WorkflowEnvironment, tmp_path: Path) -> None:
    """A turn that was terminated is open in the record only: a message that will not wait is taken."""
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port())
    await fill(settings.database_url)
    async with running_api(settings, own_temporal.client) as stack:
        first = (await stack.post("ada", "hello")).json()
        await own_temporal.client.get_workflow_handle(chat_turn_workflow_id(first["turn_id"])).terminate()
        taken = await stack.post("ada", "and now?", thread_id=first["thread_id"], on_busy="reject")
    assert taken.status_code == 202
