"""A session's messages, as memory and as a list."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, func, select
from starlette.responses import Response

from zep_local.replies import BadRequest, NotFound, Refused, done, found, refused_but_done, rfc3339
from zep_local.requests import (
    BIGINT,
    database_of,
    json_object,
    object_of,
    refuse_local_time,
    text_of,
    whole_number,
)
from zep_local.sessions import new_session
from zep_local.tables import ZepMessageRow, ZepSessionRow

router = APIRouter()

DEFAULT_LAST = 6
MAX_CONTENT_CHARACTERS = 2500
MAX_MESSAGES = 30
ROLE_TYPES = frozenset({"norole", "system", "assistant", "user", "function", "tool"})


@router.get("/sessions/{session_id}/memory")
async def get_memory(session_id: str, request: Request) -> Response:
    """The last messages, oldest first; a missing session is an empty memory and no error."""
    last = whole_number(request, "lastn", DEFAULT_LAST)
    newest = (
        select(ZepMessageRow)
        .where(ZepMessageRow.session_id == session_id)
        .order_by(col(ZepMessageRow.seq).desc())
        .limit(last)
    )
    async with database_of(request).reading() as session:
        rows = (await session.exec(newest)).all()
    return found({"messages": [_shown(row) for row in reversed(rows)], "relevant_facts": []})


@router.post("/sessions/{session_id}/memory")
async def add_memory(session_id: str, request: Request) -> Response:
    """Stores a batch whole or not at all; a missing session is made, without an owner."""
    body = await json_object(request)
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise BadRequest("messages must be a list")
    rows = [_row(session_id, message) for message in messages]
    async with database_of(request).writing() as session:
        await new_session(session, session_id, None, None)
    try:
        async with database_of(request).writing() as session:
            for row in rows:
                session.add(row)
                await session.flush()  # one by one, so that `seq` follows the list
    except IntegrityError as error:
        raise BadRequest("message_uuid already exists") from error
    if len(rows) > MAX_MESSAGES:
        return refused_but_done(f"more than {MAX_MESSAGES} messages")
    return done(201)


@router.delete("/sessions/{session_id}/memory")
async def delete_memory(session_id: str, request: Request) -> Response:
    """Deletes the session and its messages for good; the id may be used again."""
    async with database_of(request).writing() as session:
        row = await session.get(ZepSessionRow, session_id)
        if row is None:
            raise NotFound
        await session.exec(delete(ZepMessageRow).where(col(ZepMessageRow.session_id) == session_id))
        await session.delete(row)
    return done()


@router.get("/sessions/{session_id}/messages")
async def list_messages(session_id: str, request: Request) -> Response:
    """All messages, or page `cursor` (from 1) of `limit` messages, in the order they came."""
    limit, page = whole_number(request, "limit", 0), whole_number(request, "cursor", 1)
    offset = min((page - 1) * limit, BIGINT - 1)
    in_order = select(ZepMessageRow).where(ZepMessageRow.session_id == session_id).order_by(col(ZepMessageRow.seq))
    total = select(func.count()).select_from(ZepMessageRow).where(ZepMessageRow.session_id == session_id)
    async with database_of(request).reading() as session:
        count = (await session.exec(total)).one()
        rows = (await session.exec(in_order.limit(limit).offset(offset) if limit else in_order)).all()
    return found(
        {
            "messages": [_shown(row) for row in rows],
            "total_count": count if rows else 0,
            "row_count": len(rows),
        }
    )


@router.get("/sessions/{session_id}/messages/{message_uuid}")
async def get_message(session_id: str, message_uuid: str, request: Request) -> Response:
    wanted = select(ZepMessageRow).where(
        ZepMessageRow.session_id == session_id, ZepMessageRow.uuid == _uuid(message_uuid)
    )
    async with database_of(request).reading() as session:
        row = (await session.exec(wanted)).first()
    if row is None:
        raise NotFound
    return found(_shown(row))


def _row(session_id: str, message: Any) -> ZepMessageRow:  # noqa: ANN401 - whatever the client sent
    if not isinstance(message, dict):
        raise BadRequest("a message must be an object")
    role_type, content = text_of(message, "role_type"), text_of(message, "content") or ""
    if not role_type:
        raise Refused(400, "messages are required to have a RoleType")
    if len(content) > MAX_CONTENT_CHARACTERS:
        raise Refused(400, f"message content exceeds {MAX_CONTENT_CHARACTERS} characters")
    if role_type not in ROLE_TYPES:
        # Not a 400, as in the original: its database is the first to notice.
        raise Refused(500, f'invalid input value for enum: "{role_type}"')
    refuse_local_time(text_of(message, "created_at"))
    return ZepMessageRow(
        uuid=_uuid(text_of(message, "uuid")),
        session_id=session_id,
        role=text_of(message, "role"),
        role_type=role_type,
        content=content,
        notes=object_of(message, "metadata"),
        created_at=datetime.now(UTC),
    )


def _uuid(text: str | None) -> str:
    try:
        return str(UUID(text)) if text else str(uuid4())
    except ValueError:
        raise BadRequest("invalid UUID") from None


def _shown(row: ZepMessageRow) -> dict[str, Any]:
    return {
        "uuid": row.uuid,
        "role": row.role,
        "role_type": row.role_type,
        "content": row.content,
        "metadata": row.notes,
        "token_count": 0,
        "created_at": rfc3339(row.created_at),
        "updated_at": "0001-01-01T00:00:00Z",
    }
