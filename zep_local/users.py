"""Users."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from sqlmodel import col, delete, select
from starlette.responses import Response

from adapters.database import insert_if_absent
from zep_local.replies import BadRequest, NotFound, done, found, rfc3339
from zep_local.requests import database_of, json_object, object_of, text_of
from zep_local.tables import ZepMessageRow, ZepSessionRow, ZepUserRow

router = APIRouter()


@router.post("/users")
async def add_user(request: Request) -> Response:
    body = await json_object(request)
    user_id = text_of(body, "user_id")
    if not user_id:
        raise BadRequest("UserID cannot be empty")
    row = ZepUserRow(
        user_id=user_id,
        uuid=str(uuid4()),
        email=text_of(body, "email"),
        first_name=text_of(body, "first_name"),
        last_name=text_of(body, "last_name"),
        notes=object_of(body, "metadata"),
        created_at=datetime.now(UTC),
    )
    async with database_of(request).writing() as session:
        if not await insert_if_absent(session, ZepUserRow, **row.model_dump()):
            raise BadRequest(f"user already exists with user_id: {user_id}")
    return found(_shown(row), status=201)


@router.get("/users/{user_id}")
async def get_user(user_id: str, request: Request) -> Response:
    async with database_of(request).reading() as session:
        row = await session.get(ZepUserRow, user_id)
    if row is None:
        raise NotFound
    return found(_shown(row))


@router.delete("/users/{user_id}")
async def delete_user(user_id: str, request: Request) -> Response:
    async with database_of(request).writing() as session:
        row = await session.get(ZepUserRow, user_id)
        if row is None:
            raise NotFound
        owned = select(ZepSessionRow.session_id).where(ZepSessionRow.user_id == user_id)
        await session.exec(delete(ZepMessageRow).where(col(ZepMessageRow.session_id).in_(owned)))
        await session.exec(delete(ZepSessionRow).where(col(ZepSessionRow.user_id) == user_id))
        await session.delete(row)
    return done()


def _shown(row: ZepUserRow) -> dict[str, Any]:
    return {
        "uuid": row.uuid,
        "user_id": row.user_id,
        "email": row.email,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "metadata": row.notes,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.created_at),
    }
