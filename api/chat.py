"""Accepting a message, and answering the last one anew."""

import hashlib
import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.auth import CurrentUser
from api.errors import declared
from api.schemas import ChatAnswer, ChatRequest
from api.turn_taking import (
    CorrelationID,
    IdempotencyKey,
    Prefer,
    client_msg_id_or_new,
    correlation_id_or_new,
    take_turn,
)
from api.turns import turn_of
from domain.conversation import PostedTurn
from domain.names import thread_id_for

router = APIRouter(tags=["chat"])

ENDED: dict[int | str, dict[str, Any]] = {
    200: {"model": ChatAnswer, "description": "with `Prefer: wait`, or a repeat: the turn has ended"}
}


@router.post(
    "/api/chat/",
    status_code=202,
    response_model=ChatAnswer,
    responses=ENDED | declared(400, 401, 403, 404, 409, 413, 429, 503),
)
async def post_message(
    body: ChatRequest,
    request: Request,
    user_id: CurrentUser,
    idempotency_key: IdempotencyKey = None,
    x_correlation_id: CorrelationID = None,
    prefer: Prefer = None,
) -> JSONResponse:
    """Send a message to a thread. The same `client_msg_id` again is the same turn."""
    posted = PostedTurn(
        user_id=user_id,
        client_msg_id=client_msg_id_or_new(body.client_msg_id, idempotency_key),
        message=body.message,
        fingerprint=_fingerprint(body.message, body.thread_id, body.language, body.on_busy),
        thread_id=thread_id_for(user_id, body.thread_id) if body.thread_id else None,
        thread_name=body.thread_id,
        language=body.language,
        on_busy=body.on_busy,
        correlation_id=correlation_id_or_new(x_correlation_id),
    )
    return await take_turn(request, posted, prefer)


@router.post(
    "/api/turns/{turn_id}/regenerate",
    status_code=202,
    response_model=ChatAnswer,
    responses=ENDED | declared(400, 401, 403, 404, 409, 429, 503),
)
async def regenerate(
    turn_id: str,
    request: Request,
    user_id: CurrentUser,
    idempotency_key: IdempotencyKey = None,
    x_correlation_id: CorrelationID = None,
    prefer: Prefer = None,
) -> JSONResponse:
    """Answer the last turn of a thread anew, as a turn of its own; the old reply stays in the record.

    409 for a turn that is still open and for one that is not the last.
    """
    posted = PostedTurn(
        user_id=user_id,
        client_msg_id=client_msg_id_or_new(None, idempotency_key),
        message="",
        fingerprint=_fingerprint("regenerate", turn_id),
        correlation_id=correlation_id_or_new(x_correlation_id),
        regenerates=turn_id,
    )
    await turn_of(request, turn_id, user_id)  # one that was terminated is open in the record until it is looked at
    return await take_turn(request, posted, prefer)


def _fingerprint(*said: str | None) -> str:
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
