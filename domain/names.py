"""Every name that ends up in a history, in an id or on both sides of a wire. Pinned by tests/test_wire_names.py.

Ids built here are never taken apart again: who needs the parts carries them beside the id.
"""

import re
from uuid import NAMESPACE_URL, UUID, uuid5

CHAT_TURNS = "chat-turns"
"""The task queue of all workflows and activities."""

TURN_RELEASED = "turn_released"
"""Signal from a turn that closed to the turn that waits behind it. A hint to ask again, not a permission."""

REPLY_DELTA = "reply_delta"
"""Signal from the reply activity to its own workflow: a piece of the text as it is written."""

THREAD_NAME_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"

TURN_FAILED = "turn_failed"
TURN_TERMINATED = "turn_terminated"
TURN_TIMED_OUT = "turn_timed_out"
TURN_CANCELLED = "turn_cancelled"
TURN_LOST = "turn_lost"
TURN_NOT_STARTED = "turn_not_started"
"""Error codes of a failed turn, the same in the stream and in the record. Lost: Temporal does not know it any
more. Not started: it never did, and a repeat of the POST starts the turn."""

MEMORY_NAMESPACE = uuid5(NAMESPACE_URL, "https://easyislanders.com/memory")
"""Namespace of the message ids written to memory: a repeated write is recognised by its id."""


def thread_id_for(user_id: str, thread_name: str) -> str:
    """The thread a caller means: a UUID is the id itself, any other name belongs to that user alone."""
    if _is_uuid(thread_name):
        return str(UUID(thread_name))
    return str(uuid5(NAMESPACE_URL, f"{user_id}:{thread_name}"))


def turn_id_for(thread_id: str, client_msg_id: str) -> str:
    return f"{thread_id}.{client_msg_id}"


def chat_turn_workflow_id(turn_id: str) -> str:
    return f"chat-turn-{turn_id}"


def remember_turn_workflow_id(turn_id: str) -> str:
    return f"remember-{turn_id}"


def forget_thread_workflow_id(thread_id: str) -> str:
    return f"forget-{thread_id}"


def assistant_message_id(thread_id: str, client_msg_id: str) -> str:
    """Known before the reply exists, so a client can be told it with the 202."""
    return str(uuid5(NAMESPACE_URL, f"{thread_id}:{client_msg_id}:assistant"))


def user_message_id(thread_id: str, client_msg_id: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{thread_id}:{client_msg_id}:user"))


def client_msg_id_for_workflow(workflow_id: str) -> str:
    """The message id of a turn started by hand without one; the same after a reset of the workflow."""
    return str(uuid5(NAMESPACE_URL, workflow_id))


def memory_message_id(session_id: str, turn_id: str, role: str, part: int) -> str:
    """Fixed id of one stored memory message; `part` counts from 0 where a long text is split."""
    return str(uuid5(MEMORY_NAMESPACE, f"{session_id}:{turn_id}:{role}:{part}"))


def _is_uuid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None
