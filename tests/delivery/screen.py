"""What a client has on its screen after these events: deltas appended, everything taken away by a reset."""

from collections.abc import Iterable
from typing import Any


def text_on_screen(events: Iterable[dict[str, Any]]) -> str:
    """Only pieces and resets count: a client that obeys them needs no correction by the result."""
    text = ""
    for event in events:
        if event["kind"] == "reset":
            text = ""
        elif event["kind"] == "delta":
            text += event["text"]
    return text
