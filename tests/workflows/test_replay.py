"""The current workflows against every recorded history."""

import json
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from adapters.temporal import plugin
from domain.turn import ChatTurnInput, ChatTurnResult
from tests.workflows.scenarios import RECORDED
from workflows.chat_turn import ChatTurnWorkflow
from workflows.forget_thread import ForgetThreadWorkflow
from workflows.remember_turn import RememberTurnWorkflow

HISTORIES = sorted(Path(__file__).with_name("histories").glob("*.json"))


def read(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


def replayer(*workflows: type) -> Replayer:
    # Without the sandbox, which would import this module again for the workflow defined below.
    return Replayer(workflows=workflows, plugins=[plugin()], workflow_runner=UnsandboxedWorkflowRunner())


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_recorded_histories_replay(path: Path) -> None:
    """A turn that began with the recorded code can go on with the current one."""
    await replayer(ChatTurnWorkflow, RememberTurnWorkflow, ForgetThreadWorkflow).replay_workflow(read(path))


def test_every_scenario_has_its_history() -> None:
    """No scenario is left out of the recording, and no history is left behind by one."""
    assert {path.stem for path in HISTORIES} == set(RECORDED)


def test_histories_name_no_file_of_a_machine() -> None:
    """A recorded history holds no stack trace."""
    for path in HISTORIES:
        assert '"stackTrace": "/' not in path.read_text()
        assert "site-packages" not in path.read_text()
        json.loads(path.read_text())


@workflow.defn(name="ChatTurnWorkflow")
class ReorderedChatTurn(ChatTurnWorkflow):
    """Remembers before it closes: the change that a replay must catch."""

    @workflow.init
    def __init__(self, input: ChatTurnInput) -> None:
        super().__init__(input)

    @workflow.run
    async def run(self, input: ChatTurnInput) -> ChatTurnResult:
        opened = await self._open()
        await self._recall()
        await self._find_an_answer(opened)
        return (await self._close(opened)).result


async def test_a_reordered_workflow_is_caught() -> None:
    """Replay fails for a workflow that issues its steps in another order."""
    history = read(next(path for path in HISTORIES if path.stem == "chat_turn-answered_with_cards"))
    with pytest.raises(workflow.NondeterminismError):
        await replayer(ReorderedChatTurn, RememberTurnWorkflow).replay_workflow(history)
