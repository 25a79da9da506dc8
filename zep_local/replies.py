"""What Zep's Community Edition answers, to the letter: its clients tell errors apart by these bodies."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

OK = {"message": "OK"}


class Refused(Exception):
    """An answer that ends the request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class NotFound(Refused):
    def __init__(self) -> None:
        super().__init__(404, "not found")


class BadRequest(Refused):
    """The original writes "bad request: " before what its stores refuse, not before what its handlers check."""

    def __init__(self, reason: str) -> None:
        super().__init__(400, f"bad request: {reason}")


class Unauthorized(Exception):
    pass


def found(value: Mapping[str, Any], status: int = 200) -> Response:
    """Objects are sent as plain text by the original, which its clients do not mind."""
    return PlainTextResponse(json.dumps(value, ensure_ascii=False), status_code=status)


def done(status: int = 200) -> Response:
    return JSONResponse(OK, status_code=status)


def refused_but_done(reason: str) -> Response:
    """The original complains of too many messages when it has stored them all, and sends both answers."""
    documents = ({"message": reason}, OK)
    content = "".join(f"{json.dumps(document)}\n" for document in documents)
    return Response(content, status_code=400, media_type="application/json")


def failed() -> Response:
    return JSONResponse({"message": "internal server error"}, status_code=500)


def rfc3339(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def answer_like_zep(app: FastAPI) -> None:
    """FastAPI's own error bodies would read as other errors: its JSON 404 as a missing session."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(Unauthorized, _unauthorized)
    app.add_exception_handler(HTTPException, _no_such_route)


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    return JSONResponse({"message": error.message}, status_code=error.status)


async def _unauthorized(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("unauthorized\n", status_code=401)


async def _no_such_route(_request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code != 404:
        return Response(status_code=error.status_code)
    return PlainTextResponse("404 page not found\n", status_code=404)
