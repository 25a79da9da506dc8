"""Every error as one body: `{"ok": false, "error": {"code", "message", "field"}}`. Never an exception's text."""

import math
import traceback
from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from domain import errors

log = structlog.get_logger("islanders.api")

STATUS_OF_ERROR: dict[type[errors.ChatError], int] = {
    errors.TurnConflict: 409,
    errors.BadInput: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.ThreadBusy: 409,
    errors.ThreadBeingForgotten: 409,
    errors.NotTheLastTurn: 409,
    errors.TooManyTurns: 429,
    errors.StorageUnavailable: 503,
    errors.WorkflowsUnavailable: 503,
    errors.TooManyWatchers: 503,
}

SENTENCES: dict[type[errors.ChatError], str] = {
    errors.WrongCredentials: "Wrong username or password.",
    errors.Unauthorized: "Send a valid token: Authorization: Bearer <access token>.",
    errors.Forbidden: "Not allowed here.",
    errors.NotFound: "There is no such thing, or it is not yours.",
    errors.ThreadBusy: "An earlier message of this thread is still being answered.",
    errors.ThreadBeingForgotten: "This thread is being deleted. Send the message again when that is done.",
    errors.NotTheLastTurn: "Only the last turn of a thread can be answered anew, and only once it has ended.",
    errors.TooManyTurns: "Too many messages. Wait as long as Retry-After says.",
    errors.StorageUnavailable: "The service cannot take messages right now. Send the same request again.",
    errors.WorkflowsUnavailable: "The service cannot take messages right now. Send the same request again.",
    errors.TooManyWatchers: "Too many streams are open here. Come back as Retry-After says.",
}

RETRY_AFTER_SECONDS = 2


class ErrorDetail(BaseModel):
    code: str
    message: str
    field: str | None = None


class ErrorBody(BaseModel):
    ok: bool = False
    error: ErrorDetail


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that may answer these errors, for OpenAPI."""
    return {status: {"model": ErrorBody} for status in statuses}


def handle_errors(app: FastAPI) -> None:
    app.add_exception_handler(errors.ChatError, _chat_error)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


def error_answer(
    status: int, code: str, message: str, *, field: str | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    body = ErrorBody(error=ErrorDetail(code=code, message=message, field=field))
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


async def _chat_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, errors.ChatError):
        raise error
    status = next((STATUS_OF_ERROR[kind] for kind in type(error).__mro__ if kind in STATUS_OF_ERROR), 500)
    if status >= 500:
        log.warning("request_failed", code=error.code(), status=status, path=_route(request))
    if isinstance(error, errors.BadInput):
        return error_answer(status, error.code(), str(error), field=error.field)
    message = SENTENCES.get(type(error), "The request could not be served.")
    return error_answer(status, error.code(), message, headers=_headers(status, error))


def _headers(status: int, error: errors.ChatError) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if status in (429, 503):
        return {"Retry-After": str(math.ceil(error.retry_after or RETRY_AFTER_SECONDS))}
    return {}


async def _bad_request(_request: Request, error: Exception) -> JSONResponse:
    """What FastAPI's validation found first, under the name the caller used."""
    found: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else ()
    first = found[0]
    path = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    if first["type"] == "json_invalid" or (first["loc"] == ("body",) and first["type"] != "missing"):
        message = "Send a JSON object with the header Content-Type: application/json."
        return error_answer(400, "bad_json", message, field="body")
    message = str(first["msg"]).removeprefix("Value error, ")
    return error_answer(400, "bad_input", message, field=".".join(path) or "body")


CODE_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


async def _http_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    code = CODE_OF_STATUS.get(error.status_code, "bad_request")
    headers = dict(error.headers) if error.headers else None
    return error_answer(error.status_code, code, code.replace("_", " ").capitalize() + ".", headers=headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # Without the message and the values of the stack, which may hold what a user wrote.
    last = traceback.extract_tb(error.__traceback__)[-1]
    log.error("request_crashed", error=type(error).__name__, at=f"{last.name}:{last.lineno}", path=_route(request))
    return error_answer(500, "internal", "Something went wrong here. Nothing you sent is at fault.")


def _route(request: Request) -> str:
    """The route's pattern: an id in a path does not belong in a log line."""
    return getattr(request.scope.get("route"), "path", "unknown")
