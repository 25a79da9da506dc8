"""The edge of the server: whatever goes wrong inside is answered as Zep's JSON 500."""

import traceback

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from zep_local.replies import failed

log = structlog.get_logger("islanders.zep_local")


class FailureGuard:
    """Nothing escapes into the app this server is mounted in, whose errors look different."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001  the last place before another app; answers are sent whole, so none has begun
            _log(error)
            await failed()(scope, receive, send)


def _log(error: Exception) -> None:
    # Type and place only: a database error's text quotes the statement with the messages in it.
    place = traceback.extract_tb(error.__traceback__)[-1]
    log.error("memory_server_failed", error=type(error).__name__, file=place.filename, line=place.lineno)
