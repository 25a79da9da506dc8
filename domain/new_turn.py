"""From what started a turn to the turn with every id resolved."""

from domain.conversation import NewTurn
from domain.names import client_msg_id_for_workflow, thread_id_for, turn_id_for
from domain.turn import ChatTurnInput


def new_turn(input: ChatTurnInput, workflow_id: str) -> NewTurn:
    """Pure, so a turn started by hand with two fields gets the same ids again after a reset."""
    thread_id = thread_id_for(input.user_id, input.thread_id or workflow_id)
    client_msg_id = input.client_msg_id or client_msg_id_for_workflow(workflow_id)
    return NewTurn(
        turn_id=turn_id_for(thread_id, client_msg_id),
        thread_id=thread_id,
        client_msg_id=client_msg_id,
        user_id=input.user_id,
        message=input.message,
        workflow_id=workflow_id,
        language=input.language,
        on_busy=input.on_busy,
        correlation_id=input.correlation_id,
        regenerates=input.regenerates,
        is_remembered=input.is_remembered,
    )
