"""Reading requests as Zep does: its own limits, its own words for what is wrong."""

import hmac
import json
from typing import Any

from fastapi import Request

from adapters.database import Database
from zep_local.replies import BadRequest, Refused, Unauthorized

MAX_BODY_BYTES = 5 * 1024 * 1024


async def authorized(request: Request) -> None:
    """Exactly two words, `Api-Key` and the key."""
    words = request.headers.get("authorization", "").split(" ")
    key: str = request.app.state.api_key
    if len(words) != 2 or words[0] != "Api-Key" or not hmac.compare_digest(words[1].encode(), key.encode()):
        raise Unauthorized


def database_of(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def json_object(request: Request) -> dict[str, Any]:
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        raise Refused(413, "request body too large")
    try:
        value = json.loads(body)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadRequest("the body is not JSON") from error
    if not isinstance(value, dict):
        raise BadRequest("the body is not a JSON object")
    return value


def whole_number(request: Request, name: str, default: int) -> int:
    """An empty or absent value is the default: clients send every parameter, most of them empty."""
    text = request.query_params.get(name, "")
    try:
        number = int(text) if text else 0
    except ValueError:
        raise BadRequest(f"{name} must be a number") from None
    if number < 0:
        raise BadRequest(f"{name} must not be negative")
    return number or default


def text_of(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name} must be a string")
    return value


def object_of(body: dict[str, Any], name: str) -> dict[str, Any] | None:
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise BadRequest(f"{name} must be an object")
    return value
