"""A worker that kills itself (SIGKILL) at one named moment of a turn: `python -m tests.dying_worker MOMENT`.

Every moment lies on one side of a call that leaves something behind, so each kind of half-done work occurs.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import activities.reply
import activities.understanding
import worker_main
from adapters.conversations_sql import ConversationsSQL
from adapters.listing_api import ListingAPI
from adapters.zep import ZepMemory
from settings import Settings

MOMENTS = (
    "before open_turn",
    "after open_turn",
    "in understand_message",
    "before fetch_context",
    "after fetch_context",
    "before find",
    "after find",
    "in generate_reply",
    "before close_turn",
    "after close_turn",
    "before append",
    "after append",
)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(moment: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The method, with a death before or after it if the moment names it."""

    async def call(*args: Any, **kwargs: Any) -> Any:
        if moment == f"before {method.__name__}":
            die()
        answer = await method(*args, **kwargs)
        if moment == f"after {method.__name__}":
            die()
        return answer

    return call


def dies_inside(*_args: Any, **_kwargs: Any) -> None:
    die()


def main() -> None:
    moment = sys.argv[1]
    if moment not in MOMENTS:
        raise ValueError(moment)
    for owner, name in (
        (ConversationsSQL, "open_turn"),
        (ConversationsSQL, "close_turn"),
        (ZepMemory, "fetch_context"),
        (ZepMemory, "append"),
        (ListingAPI, "find"),
    ):
        setattr(owner, name, dying(moment, getattr(owner, name)))
    if moment == "in understand_message":
        activities.understanding.understand = dies_inside
    if moment == "in generate_reply":
        activities.reply.compose_reply = dies_inside
    asyncio.run(worker_main.run(Settings()))


if __name__ == "__main__":
    main()
