"""A user's threads: which one is active, what was said in them, what is unread, and forgetting one."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request

from adapters.forgetting_sql import ForgettingSQL
from adapters.threads_sql import ThreadsSQL
from api.auth import CurrentUser
from api.errors import declared
from api.forget_start import ForgetStarter
from api.thread_schemas import DEFAULT_PAGE_SIZE, PageNumber, PageSize, ThreadForgetting, ThreadName, ThreadRead
from domain.names import thread_id_for
from domain.threads import MessagePage, ThreadPage, ThreadSummary, UnreadCount

router = APIRouter(tags=["threads"])
log = structlog.get_logger("islanders.threads")


def _threads(request: Request) -> ThreadsSQL:
    threads: ThreadsSQL = request.app.state.threads
    return threads


Threads = Annotated[ThreadsSQL, Depends(_threads)]


@router.get("/api/conversations/current/", responses=declared(401, 503))
async def current_thread(threads: Threads, user_id: CurrentUser) -> ThreadSummary:
    """The user's active thread, to which a message without a thread goes; opened on demand."""
    return await threads.active_thread(user_id)


@router.post("/api/conversations/", status_code=201, responses=declared(401, 403, 503))
async def open_thread(threads: Threads, user_id: CurrentUser) -> ThreadSummary:
    """Retire the active thread and open a new one. A message to the old one makes that the active one again."""
    return await threads.open_thread(user_id)


@router.get("/api/v1/threads/", responses=declared(400, 401, 503))
async def list_threads(
    threads: Threads, user_id: CurrentUser, page: PageNumber = 1, limit: PageSize = DEFAULT_PAGE_SIZE
) -> ThreadPage:
    """Newest first: by the last message, or by the creation where nothing was said yet."""
    return await threads.list_threads(user_id, page=page, limit=limit)


@router.get("/api/v1/messages/", responses=declared(400, 401, 404, 503))
async def list_messages(
    threads: Threads,
    user_id: CurrentUser,
    thread_id: ThreadName | None = None,
    page: PageNumber = 1,
    limit: PageSize = DEFAULT_PAGE_SIZE,
) -> MessagePage:
    """Oldest first, of the active thread where none is named.

    A turn has the user's message and then the assistant's; one that answers another anew has only the
    assistant's, one that was stopped before its first word only the user's.
    """
    named = thread_id_for(user_id, thread_id) if thread_id is not None else None
    return await threads.list_messages(user_id, named, page=page, limit=limit)


@router.get("/api/v1/messages/unread-count/", responses=declared(401, 503))
async def count_unread(threads: Threads, user_id: CurrentUser) -> UnreadCount:
    """Replies in all the user's threads that were not marked read."""
    return await threads.count_unread(user_id)


@router.put("/api/v1/messages/{thread_id}/read_status/", responses=declared(400, 401, 403, 404, 503))
async def mark_read(thread_id: ThreadName, threads: Threads, user_id: CurrentUser) -> ThreadRead:
    """Mark every reply of the thread read. Needs no body; again changes nothing."""
    named = thread_id_for(user_id, thread_id)
    count = await threads.mark_read(user_id, named)
    return ThreadRead(thread_id=named, **count.model_dump())


@router.delete("/api/v1/threads/{thread_id}", status_code=202, responses=declared(400, 401, 403, 404, 503))
async def forget_thread(thread_id: ThreadName, request: Request, user_id: CurrentUser) -> ThreadForgetting:
    """Forget the thread everywhere, memory included. It is hidden at once, also where the answer is 503.

    Its running turns are stopped, then everything of it is deleted. While that goes on, a repeat answers 202
    and a message to the thread 409. Afterwards nothing tells that it existed: a repeat answers 404, and a
    message to its name or id begins a new thread.
    """
    named = thread_id_for(user_id, thread_id)
    forgetting: ForgettingSQL = request.app.state.forgetting
    starter: ForgetStarter = request.app.state.forget_starter
    newly_marked = await forgetting.mark(user_id, named)
    await starter.start(user_id, named, newly_marked=newly_marked)
    log.info("thread_forgetting", thread_id=named, repeated=not newly_marked)
    return ThreadForgetting(thread_id=named)
