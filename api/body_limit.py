"""The 413 of an over-long body in the one error body; the framework's own answer is plain text."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import error_answer


class TooLargeAsJSON:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        replaced = False

        async def send_as_json(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == 413:
                replaced = True
                answer = error_answer(413, "body_too_large", "Send a shorter request body.", field="body")
                await answer(scope, receive, send)
            if not replaced:
                await send(message)

        await self._app(scope, receive, send_as_json)
