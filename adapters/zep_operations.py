"""The calls of Zep's protocol that turns and forgetting need, and the statuses that belong to each."""

from typing import Final, NamedTuple


class Operation(NamedTuple):
    """One call. Any status outside `expected` is logged; `sends_texts`: the request holds a user's words.

    400 is expected of the additions: it is how Zep says that something exists already.
    """

    name: str
    method: str
    path: str
    expected: frozenset[int]
    sends_texts: bool = False


FOUND_OR_NOT: Final = frozenset({200, 404})
ADDED_OR_THERE: Final = frozenset({200, 201, 400})
FOUND: Final = frozenset({200})

GET_USER: Final = Operation("user.get", "GET", "/users/{user_id}", FOUND_OR_NOT)
ADD_USER: Final = Operation("user.add", "POST", "/users", ADDED_OR_THERE)
GET_SESSION: Final = Operation("memory.get_session", "GET", "/sessions/{session_id}", FOUND_OR_NOT)
ADD_SESSION: Final = Operation("memory.add_session", "POST", "/sessions", ADDED_OR_THERE)
GET_MEMORY: Final = Operation("memory.get", "GET", "/sessions/{session_id}/memory", FOUND)
ADD_MEMORY: Final = Operation(
    "memory.add", "POST", "/sessions/{session_id}/memory", ADDED_OR_THERE, sends_texts=True
)
DELETE_MEMORY: Final = Operation("memory.delete", "DELETE", "/sessions/{session_id}/memory", FOUND_OR_NOT)
LIST_MESSAGES: Final = Operation("memory.get_session_messages", "GET", "/sessions/{session_id}/messages", FOUND)
GET_MESSAGE: Final = Operation(
    "memory.get_session_message", "GET", "/sessions/{session_id}/messages/{uuid}", FOUND_OR_NOT
)
