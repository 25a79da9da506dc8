"""What the routes of threads take, and what a deletion answers."""

import re
from typing import Annotated, Literal

from fastapi import Query
from pydantic import AfterValidator, BaseModel

from domain.names import THREAD_NAME_PATTERN
from domain.threads import UnreadCount

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 20
LAST_PAGE = 1_000_000


def _well_formed(thread_id: str) -> str:
    if not re.fullmatch(THREAD_NAME_PATTERN, thread_id):
        raise ValueError("Write a thread's UUID, or a name of 1 to 64 letters, digits, '_' and '-'.")
    return thread_id


ThreadName = Annotated[str, AfterValidator(_well_formed)]
"""A thread's UUID or the caller's own name for it."""

PageNumber = Annotated[int, Query(ge=1, le=LAST_PAGE, description="from 1")]
PageSize = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)]


class ThreadRead(UnreadCount):
    """The thread's own count after everything in it was marked read."""

    thread_id: str


class ThreadForgetting(BaseModel):
    """The thread is hidden at once; deleting everything of it goes on."""

    ok: bool = True
    thread_id: str
    status: Literal["forgetting"] = "forgetting"
