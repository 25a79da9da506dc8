import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from devstack.chat_client import AcceptedTurn, ChatClient, TurnLinks
from devstack.errors import ChatFailed
from domain.progress import Accepted, Delta, End, Step, StepState
from domain.turn import StepName

AT = datetime(2025, 1, 1, tzinfo=UTC)
EVENTS = (
    Accepted(turn_id="t.1", at=AT, thread_id="t", steps=(StepName.OPEN,)),
    Step(turn_id="t.1", at=AT, step=StepName.OPEN, state=StepState.FINISHED, summary="opened"),
    Delta(turn_id="t.1", at=AT, attempt=1, index=0, text="Merhaba"),
    End(turn_id="t.1", at=AT),
)
TURN = AcceptedTurn(turn_id="t.1", thread_id="t", links=TurnLinks(events="/events"))


class StoryServer(ThreadingHTTPServer):
    """A chat API that answers from a list and cuts each stream after a number of bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, object]] = {}
        self.cuts: list[int] = []
        self.asked: list[tuple[str, str | None, object]] = []


class Handler(BaseHTTPRequestHandler):
    server: StoryServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers.get("Authorization"), body))
        status, answer = self.server.answers[self.path]
        self._send(status, "application/json", json.dumps(answer).encode())

    def do_GET(self) -> None:
        last_id = self.headers.get("Last-Event-ID")
        self.server.asked.append((self.path, last_id, None))
        blocks = [
            f"event: {event.kind}\nid: a.{n}.0\ndata: {event.model_dump_json()}\n\n".encode()
            for n, event in enumerate(EVENTS)
        ]
        stream = b"".join(blocks[int(last_id.split(".")[1]) + 1 :] if last_id else blocks)
        self._send(200, "text/event-stream", stream, self.server.cuts.pop(0) if self.server.cuts else None)

    def _send(self, status: int, kind: str, content: bytes, cut: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:cut])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server():
    with StoryServer() as story:
        thread = threading.Thread(target=story.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield story
        story.shutdown()
        thread.join()


@pytest.fixture
def client(server):
    client = ChatClient(f"http://127.0.0.1:{server.server_address[1]}")
    yield client
    client.close()


def test_a_message_is_sent_with_the_token(server, client):
    """Signing in is enough to be known afterwards; what was not said is not sent."""
    server.answers["/api/token/"] = (200, {"access": "abc", "refresh": "r", "user": {}})
    server.answers["/api/chat/"] = (202, {"turn_id": "t.1", "thread_id": "t", "links": {"events": "/events"}})
    client.sign_in("demo", "demo")
    assert client.send("hello", thread=None, language="tr") == TURN
    assert server.asked[1] == ("/api/chat/", "Bearer abc", {"message": "hello", "language": "tr"})


def test_a_cut_stream_is_taken_up_where_it_broke(server, client):
    """Every event once and in order, wherever the connection was cut."""
    whole = len(EVENTS[0].model_dump_json()) + 60
    server.cuts = [10, whole, 1]
    assert tuple(client.watch(TURN)) == EVENTS
    assert [asked[1] for asked in server.asked] == [None, None, "a.0.0", "a.0.0"]


def test_an_api_error_is_shown_as_its_message(server, client):
    """The API's own sentence reaches the person at the terminal."""
    error = {"ok": False, "error": {"code": "bad_input", "message": "write a message", "field": "message"}}
    server.answers["/api/chat/"] = (400, error)
    with pytest.raises(ChatFailed, match=r"^write a message$"):
        client.send("", thread=None, language=None)


@pytest.mark.parametrize("answer", [(500, "Internal Server Error"), (404, {"detail": "Not Found"})])
def test_an_error_of_another_shape_is_still_told(server, client, answer):
    """Something in between that answers differently does not end in a traceback."""
    server.answers["/api/token/"] = answer
    with pytest.raises(ChatFailed, match=f"answered {answer[0]}"):
        client.sign_in("demo", "demo")


def test_a_stranger_on_the_port_is_told(server, client):
    """Another program on the port that answers 200 is not taken for Islanders."""
    server.answers["/api/token/"] = (200, ["hello"])
    with pytest.raises(ChatFailed, match="does not speak as Islanders does"):
        client.sign_in("demo", "demo")
