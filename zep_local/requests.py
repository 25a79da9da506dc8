"""Reading requests as Zep does: its own limits, its own words for what is wrong."""

import hmac
import json
import re
from datetime import datetime
from typing import Any, Final

from fastapi import Request

from adapters.database import Database
from zep_local.replies import BadRequest, Refused, Unauthorized

MAX_BODY_BYTES: Final = 5 * 1024 * 1024
BIGINT: Final = 2**63

UNSTORABLE_JSON: Final = re.compile(r"[\ud800-\udfff]|(?<!\\)(?:\\\\)*\\u0000")
"""Half a surrogate pair, or NUL as JSON spells it: after an even number of backslashes."""


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
    """Raises Refused for a body that is too large or no object."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise Refused(413, "request body too large")
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not JSON") from error
    if not isinstance(value, dict):
        raise BadRequest("the body is not a JSON object")
    return value


def whole_number(request: Request, name: str, default: int) -> int:
    """An empty or absent value is the default: clients send every parameter, most of them empty."""
    text = request.query_params.get(name, "").strip()
    if not re.fullmatch(r"(-?[0-9]{1,19})?", text) or int(text or 0) >= BIGINT:
        raise Refused(400, f"{name} must be a number")
    if text.startswith("-"):
        raise Refused(400, f"{name} cannot be negative")
    return int(text or 0) or default


def text_of(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    # JSON can spell half a surrogate pair and NUL, which no database stores.
    if not isinstance(value, str) or re.search("[\0\ud800-\udfff]", value):
        raise BadRequest(f"{name} must be a string")
    return value


def refuse_local_time(text: str | None) -> None:
    """A time needs its zone. That is all it is read for: the server's own clock is what counts."""
    if text is not None and not _has_zone(text):
        raise BadRequest("created_at must be a time of RFC 3339 with its zone")


def object_of(body: dict[str, Any], name: str) -> dict[str, Any] | None:
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise BadRequest(f"{name} must be an object")
    if value and UNSTORABLE_JSON.search(json.dumps(value, ensure_ascii=False)):
        raise BadRequest(f"{name} must hold text that a database stores")
    return value


def _has_zone(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON's
