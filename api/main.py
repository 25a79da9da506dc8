"""The app and its process."""

import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.cors import CORSMiddleware

from adapters.build_identity import build_id
from adapters.conversations_sql import ConversationsSQL, TurnLimits
from adapters.database import Database
from adapters.forgetting_sql import ForgettingSQL
from adapters.listings_sql import ListingsSQL
from adapters.logs import log_as_json
from adapters.temporal import connect_lazily
from adapters.temporal_runs import TemporalRuns
from adapters.thread_reading import ThreadReading
from adapters.threads_sql import ThreadsSQL
from adapters.zep import ZepMemory
from api import auth, chat, events, health, search, socket, threads, turns
from api.body_limit import TooLargeAsJSON
from api.errors import handle_errors
from api.forget_start import ForgetStarter
from api.history_tail import HistoryTails
from api.open_sockets import OpenSockets
from api.server import StreamClosingServer
from api.thread_feed import ThreadFeeds
from api.thread_watch import ThreadWatch
from api.turn_start import TurnStarter
from api.watched_turns import WatchedTurns
from settings import Settings
from zep_local.app import create_zep_local

log = structlog.get_logger("islanders.api")

ANSWER_WITHIN_SECONDS = 1.8
"""A caller hears of a database that is away within two seconds."""

MAX_BODY_BYTES = 256 * 1024


def create_app(settings: Settings | None = None) -> FastAPI:
    """Nothing is connected before the app starts. Raises ValueError for a secret too short to sign with."""
    settings = settings or Settings()
    secret = settings.jwt_secret.get_secret_value()
    if len(secret) < 32:
        raise ValueError("JWT_SECRET must have at least 32 characters: write a long random text")
    app = FastAPIOffline(
        title="Islanders",
        version=build_id(),
        description="Chat about places to live in North Cyprus. Every message is a durable turn.",
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.tokens = auth.Tokens(
        secret,
        access_lifetime=timedelta(minutes=settings.token_minutes),
        demo_user=settings.islanders_embedded,
    )
    app.state.database = Database(settings.database_url, answer_within=ANSWER_WITHIN_SECONDS)
    handle_errors(app)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(TooLargeAsJSON)  # added later, so it is outside and sees the limit's answer
    for room in (auth, chat, turns, events, socket, threads, search, health):
        app.include_router(room.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    app.add_api_route("/", _to_the_reference, include_in_schema=False)
    if settings.islanders_embedded:
        app.mount("/zep", create_zep_local(app.state.database, settings.zep_api_key.get_secret_value()))
    _declare_400_instead_of_422(app)
    _answer_other_origins(app, settings.cors_origins)
    return app


async def _to_the_reference() -> RedirectResponse:
    return RedirectResponse("/docs")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    client = await connect_lazily(identity=f"api-{os.getpid()}@{build_id()}")
    limits = TurnLimits(settings.new_turns_per_minute, settings.open_turns_per_user)
    app.state.temporal = client
    app.state.namespace = client.namespace
    app.state.runs = TemporalRuns(client)
    app.state.tails = HistoryTails(client)
    app.state.thread_reading = ThreadReading(app.state.database)
    app.state.thread_watch = ThreadWatch(app.state.thread_reading)
    app.state.feeds = ThreadFeeds(app.state.thread_reading, app.state.tails, app.state.thread_watch)
    app.state.sockets = OpenSockets()
    app.state.starter = TurnStarter(
        client, memory_mode=settings.memory_mode, reply_mode=settings.reply_mode, build_id=build_id()
    )
    app.state.conversations = ConversationsSQL(app.state.database, limits)
    app.state.watched_turns = WatchedTurns(app.state.conversations, app.state.tails)
    app.state.threads = ThreadsSQL(app.state.database)
    app.state.forgetting = ForgettingSQL(app.state.database)
    app.state.forget_starter = ForgetStarter(client, memory_mode=settings.memory_mode, build_id=build_id())
    app.state.listings = ListingsSQL(app.state.database)
    app.state.memory = ZepMemory(settings.zep_base_url, settings.zep_api_key.get_secret_value(), timeout=1.0)
    log.info("api_started", build_id=build_id(), config=settings.fingerprint)
    yield
    app.state.thread_watch.close()
    app.state.tails.close()
    await app.state.memory.close()
    await app.state.database.close()
    log.info("api_stopped")


def _declare_400_instead_of_422(app: FastAPI) -> None:
    """Validation errors answer 400 here, so the 422 that FastAPI documents by itself would be untrue."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def _answer_other_origins(app: FastAPI, origins: tuple[str, ...]) -> None:
    """CORS around the whole stack: a middleware that is added the usual way never sees the answer to a crash."""
    build = app.build_middleware_stack

    def build_middleware_stack() -> CORSMiddleware:
        return CORSMiddleware(
            build(),
            allow_origins=origins,
            allow_credentials=True,
            allow_methods=("GET", "POST", "PUT", "DELETE"),
            allow_headers=(
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "X-Correlation-ID",
                "Prefer",
                "Last-Event-ID",
            ),
            expose_headers=("Preference-Applied", "Retry-After"),
        )

    app.build_middleware_stack = build_middleware_stack  # type: ignore[method-assign]


def main() -> None:
    settings = Settings()
    log_as_json(logging.INFO, stream=sys.stdout)
    app = create_app(settings)
    StreamClosingServer(app, host=settings.islanders_host, port=settings.islanders_port).run()


if __name__ == "__main__":
    main()
