"""Sessions. In the chat a session is a thread's memory."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.responses import Response

from adapters.database import insert_if_absent
from zep_local.replies import BadRequest, NotFound, Refused, found, rfc3339
from zep_local.requests import database_of, json_object, object_of, text_of
from zep_local.tables import ZepSessionRow, ZepUserRow

router = APIRouter()


@router.post("/sessions")
async def add_session(request: Request) -> Response:
    body = await json_object(request)
    session_id, user_id = text_of(body, "session_id"), text_of(body, "user_id")
    if not session_id:
        raise BadRequest("sessionID cannot be empty")
    async with database_of(request).writing() as session:
        if user_id and await session.get(ZepUserRow, user_id) is None:
            raise Refused(400, "user not found")
        row = await new_session(session, session_id, user_id, object_of(body, "metadata"))
        if row is None:
            raise BadRequest(f"session already exists with session_id: {session_id}")
    return found(_shown(row), status=201)


@router.get("/sessions/{session_id}")
async def get_session(session_id: str, request: Request) -> Response:
    async with database_of(request).reading() as session:
        row = await session.get(ZepSessionRow, session_id)
    if row is None:
        raise NotFound
    return found(_shown(row))


@router.patch("/sessions/{session_id}")
async def update_session(session_id: str, request: Request) -> Response:
    """Merges metadata; a top-level `system` key is the server's own and dropped."""
    body = await json_object(request)
    added = {key: value for key, value in (object_of(body, "metadata") or {}).items() if key != "system"}
    async with database_of(request).writing() as session:
        row = await session.get(ZepSessionRow, session_id, with_for_update=True)
        if row is None:
            raise NotFound
        row.notes = {**(row.notes or {}), **added}
        session.add(row)
    return found(_shown(row))


async def new_session(
    session: AsyncSession, session_id: str, user_id: str | None, metadata: dict[str, Any] | None
) -> ZepSessionRow | None:
    """The row, or nothing when the session exists already."""
    row = ZepSessionRow(
        session_id=session_id,
        uuid=str(uuid4()),
        user_id=user_id or None,
        notes=metadata,
        created_at=datetime.now(UTC),
    )
    return row if await insert_if_absent(session, ZepSessionRow, **row.model_dump()) else None


def _shown(row: ZepSessionRow) -> dict[str, Any]:
    return {
        "uuid": row.uuid,
        "session_id": row.session_id,
        "user_id": row.user_id,
        "metadata": row.notes,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.created_at),
        "deleted_at": None,
        "ended_at": None,
    }
