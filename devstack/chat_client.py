"""A chat client over HTTP: sign in, send a message, watch its turn."""

import time
from collections.abc import Iterator
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from devstack.errors import ChatFailed
from devstack.sse import ServerSentEvent, SSEParser
from domain.progress import PROGRESS_EVENT, ProgressEvent

# The server pings a quiet stream; silence beyond this is a connection that died unnoticed.
TIMEOUT = httpx.Timeout(10.0, read=60.0)
RECONNECTS = 6
"""In a row without any event; with the pauses below about 13 s, enough for an API that starts again."""

START_HINT = "Start the stack with `make dev` (or `islanders dev`), or name another address with --url."


class Token(BaseModel):
    access: str


class TurnLinks(BaseModel):
    """Paths or whole addresses."""

    events: str
    temporal_ui: str | None = None


class AcceptedTurn(BaseModel):
    """What a client needs of the 202."""

    turn_id: str
    thread_id: str
    links: TurnLinks


Answer = TypeVar("Answer", bound=BaseModel)


class ChatClient:
    """Raises ChatFailed with the API's message, or with what to do when nobody answers."""

    def __init__(self, url: str) -> None:
        # trust_env off: a proxy of the user must not be asked for an address on this machine.
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT, trust_env=False)

    def sign_in(self, username: str, password: str) -> None:
        token = self._post("/api/token/", {"username": username, "password": password}, Token)
        self._http.headers["Authorization"] = f"Bearer {token.access}"

    def send(self, message: str, *, thread: str | None, language: str | None) -> AcceptedTurn:
        body = {"message": message, "thread_id": thread, "language": language}
        said = {key: value for key, value in body.items() if value is not None}
        return self._post("/api/chat/", said, AcceptedTurn)

    def watch(self, turn: AcceptedTurn) -> Iterator[ProgressEvent]:
        """The turn's events to their end; a cut connection is taken up where it broke."""
        last_id, cuts = "", 0
        while cuts <= RECONNECTS:
            try:
                for received in self._stream(turn.links.events, last_id):
                    last_id, cuts = received.id, 0
                    if event := _known(received):
                        yield event
                    if received.event == "end":
                        return
            except httpx.TransportError:
                pass  # counted below like a stream that ended too early
            cuts += 1
            time.sleep(0.2 * 2 ** min(cuts, 4))
        raise ChatFailed("The connection broke and the API does not answer any more; the turn itself goes on.")

    def close(self) -> None:
        self._http.close()

    def _post(self, path: str, body: dict[str, str], expected: type[Answer]) -> Answer:
        try:
            answer = self._http.post(path, json=body)
        except httpx.ConnectError as error:
            raise ChatFailed(f"Nothing answers on {self._http.base_url}. {START_HINT}") from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ChatFailed(
                f"{self._http.base_url} does not work ({type(error).__name__}). {START_HINT}"
            ) from error
        _refuse_errors(answer)
        try:
            return expected.model_validate_json(answer.content)
        except ValidationError as error:
            raise ChatFailed(f"{answer.url} does not speak as Islanders does. {START_HINT}") from error

    def _stream(self, events: str, last_id: str) -> Iterator[ServerSentEvent]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        with self._http.stream("GET", events, headers=headers) as answer:
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                return  # too many streams or Temporal away: the caller comes back
            if answer.is_error:
                answer.read()
                _refuse_errors(answer)
            parser = SSEParser()
            for piece in answer.iter_bytes():
                yield from parser.feed(piece)


def _known(received: ServerSentEvent) -> ProgressEvent | None:
    """None for an event of a later version, which a client passes over."""
    try:
        return PROGRESS_EVENT.validate_json(received.data)
    except ValidationError:
        return None


def _refuse_errors(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        raise ChatFailed(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError) as error:
        raise ChatFailed(f"{answer.url} answered {answer.status_code} without a reason.") from error
