"""A small memory server that speaks the wire protocol of Zep's Community Edition, for zep-python."""

import sys

from fastapi import Depends, FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import PlainTextResponse

from adapters.database import Database
from zep_local import memory, sessions, users
from zep_local.failure_guard import FailureGuard
from zep_local.replies import answer_like_zep
from zep_local.requests import authorized


def create_zep_local(database: Database, api_key: str) -> FastAPI:
    """Serves /api/v2 and /healthz below its mount. Raises ValueError for an empty key, as Zep does."""
    if not api_key:
        raise ValueError("ZEP_API_KEY must not be empty: write a long random key for the memory server")
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.database = database
    app.state.api_key = api_key
    answer_like_zep(app)
    for room in (users, sessions, memory):
        app.include_router(room.router, prefix="/api/v2", dependencies=[Depends(authorized)])
    app.add_api_route("/healthz", _healthz)
    app.add_middleware(FailureGuard)
    # Lifts a smaller limit of the app around this one; json_object keeps the protocol's own.
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=sys.maxsize)
    return app


async def _healthz() -> PlainTextResponse:
    return PlainTextResponse(".")
