"""The language model's client against a server that answers as it is told."""

import asyncio
import gc
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import openai
import pytest
from structlog.testing import capture_logs

from adapters import language_model
from adapters.language_model import MAX_CHARACTERS, MAX_TOKENS, LanguageModel
from adapters.model_failures import FOREIGN_ERRORS, failure_of
from domain.errors import ModelFailure, ModelRejected, ModelUnavailable, ModelUnreadable
from domain.prompt import PromptMessage
from domain.turn import Speaker
from tests.openai_server import CUT, END, Answer, OpenAIServer, chunk, event, refuses, says
from tests.ports import free_port

KEY = "key-0123456789"
PROMPT = (
    PromptMessage(role=Speaker.SYSTEM, content="Be brief."),
    PromptMessage(role=Speaker.USER, content="a flat in Girne"),
)
EVENT_STREAM = {"Content-Type": "text/event-stream"}


@asynccontextmanager
async def model_on(server: OpenAIServer) -> AsyncIterator[LanguageModel]:
    async with server.listening() as base_url:
        model = LanguageModel(base_url, "small-model", KEY)
        yield model
        await model.close()


async def written(model: LanguageModel, *, budget: float = 5) -> list[str]:
    return [piece async for piece in model.write(PROMPT, budget=budget)]


async def failure_on(server: OpenAIServer, *, budget: float = 5) -> ModelFailure:
    async with model_on(server) as model:
        with pytest.raises(ModelFailure) as failed:
            await written(model, budget=budget)
        async with asyncio.timeout(5):
            await (await server.request()).closed.wait()
    assert len(server.requests) == 1
    return failed.value


async def test_a_reply_comes_in_the_pieces_the_provider_writes():
    """Prompt, model and cap go out as the protocol has them, and the pieces come back one by one."""
    server = OpenAIServer(says("Two", " flats", " in Girne."))
    async with model_on(server) as model:
        assert await written(model) == ["Two", " flats", " in Girne."]
    request = await server.request()
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {
        "model": "small-model",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "a flat in Girne"},
        ],
        "max_tokens": MAX_TOKENS,
        "stream": True,
    }


@pytest.mark.parametrize(
    "answer",
    [
        says("Two flats.", finish_reason="length"),
        says(event(chunk("") | {"choices": []}), "Two flats."),
        says("Two flats.", event(chunk("", finish_reason="stop")), event(chunk("") | {"choices": []})),
        says("Two flats.", event(chunk("", finish_reason="stop")), END),
        says("Two flats.", event(chunk("", finish_reason="stop")), CUT),
        says(event(chunk("Two flats.", finish_reason="stop")), CUT),
        says(b": a comment\n\n", "Two flats."),
    ],
    ids=["cut by the cap", "filter first", "usage last", "no [DONE]", "cut after", "all in one", "comment"],
)
async def test_a_finished_reply_is_complete_whatever_stands_around_it(answer):
    """A cap that was reached, chunks without a choice and a missing end make no failure of a reply."""
    async with model_on(OpenAIServer(answer)) as model:
        assert await written(model) == ["Two flats."]


async def test_the_stream_is_read_to_its_end(monkeypatch):
    """The provider can write its last line before the connection is closed."""
    monkeypatch.setattr(language_model, "END_SECONDS", 5)
    finish = event(chunk("Two flats.", finish_reason="stop"))
    server = OpenAIServer(Answer((finish, 0.05, event("[DONE]"), END)))
    async with model_on(server) as model:
        await written(model)
    assert server.requests[0].written_out


async def test_a_last_line_that_does_not_come_is_not_waited_for():
    """The reply is complete without it."""
    finish = event(chunk("Two flats.", finish_reason="stop"))
    async with model_on(OpenAIServer(Answer((finish, asyncio.Event())))) as model, asyncio.timeout(2):
        assert await written(model) == ["Two flats."]


UNAVAILABLE = {
    "cut in mid-text": says("Two", CUT),
    "cut before the first token": says(CUT),
    "ended in mid-text": says("Two", END),
    "ended before the first token": says(END),
    "gave up with a status": says("Two", event({"error": {"message": "m", "code": 503}})),
    "gave up with a word": says("Two", event({"error": {"message": "m", "type": "server_error"}})),
    "gave up without a word": says(event({"error": "m"})),
    "no HTTP": Answer((b"x",), 700_000),
    "an error cut off": Answer((b"{", CUT), 401, {"Content-Type": "application/json"}),
    **{
        str(status): refuses(status, {"error": {"message": "m"}}) for status in (408, 409, 425, 429, 500, 503, 529)
    },
}
REJECTED = {
    "cut by the provider's filter": says("Two", finish_reason="content_filter"),
    "gave up with a refusal": says("Two", event({"error": {"message": "m", "code": 400}})),
    "a page that says 404": refuses(404, "<html>"),
    **{
        str(status): refuses(status, {"error": {"message": "m"}}, Location="/")
        for status in (301, 302, 307, 400, 401, 402, 403, 404, 405, 410, 413, 422)
    },
}
UNREADABLE = {
    "a page": refuses(200, "<html>"),
    "no stream": refuses(200, {"choices": [{"message": {"content": "Two"}}]}),
    "nothing": refuses(204),
    "no type": Answer((event(chunk("Two")), END), headers={}),
    "broken JSON": says("Two", b"data: {nonsense\n\n"),
    "deep JSON": says(event("[" * 100_000)),
    "no UTF-8": says(b"data: \xff\xfe\n\n"),
    "no gzip": Answer((b"no gzip", END), headers=EVENT_STREAM | {"Content-Encoding": "gzip"}),
    "a list": says(event("[1]")),
    "null": says(event("null")),
    "text": says(event('"Two"')),
    "no choices": says(event({"id": "1"})),
    "choices of another kind": says(event({"choices": [1]})),
    "content of another kind": says(event({"choices": [{"delta": {"content": {"text": "Two"}}}]})),
    "half a surrogate pair": says(event('{"choices": [{"delta": {"content": "\\ud83d"}}]}')),
    "a NUL": says("Two\x00"),
    "no words": says(),
    "white space": says(" ", "\n"),
    "without end": says(*["word " * 100] * (MAX_CHARACTERS // 500 + 1)),
}
FAILURES = [
    *((ModelUnavailable, name, answer) for name, answer in UNAVAILABLE.items()),
    *((ModelRejected, name, answer) for name, answer in REJECTED.items()),
    *((ModelUnreadable, name, answer) for name, answer in UNREADABLE.items()),
]


@pytest.mark.parametrize(
    ("kind", "answer"),
    [(kind, answer) for kind, _, answer in FAILURES],
    ids=[f"{kind.__name__}: {name}" for kind, name, _ in FAILURES],
)
async def test_every_failure_has_its_row(kind, answer):
    """One request, one typed failure that quotes nothing of the answer, and a connection that is closed."""
    with capture_logs() as logs:
        failure = await failure_on(OpenAIServer(answer))
    assert type(failure) is kind
    assert [(entry["event"], entry["error"]) for entry in logs] == [("reply_model_failed", failure.code())]
    assert KEY not in repr(logs)
    assert "Two" not in repr(logs) + str(failure)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("0", 0), ("soon", None), ("9" * 30, 86_400)])
async def test_the_pause_a_provider_asks_for_is_told(header, seconds):
    """Retry-After comes with the failure, and the status too."""
    failure = await failure_on(OpenAIServer(refuses(429, "", Retry_After=header)))
    assert (failure.status, failure.retry_after) == (429, seconds)


async def test_nobody_listening_is_an_outage():
    """A refused connection may be tried again."""
    model = LanguageModel(f"http://127.0.0.1:{free_port()}/v1", "m")
    with pytest.raises(ModelUnavailable):
        await written(model)
    await model.close()


@pytest.mark.parametrize("base_url", ["no address", "None", "ftp://127.0.0.1", "http://127.0.0.1:99999"])
async def test_an_address_that_is_none_is_rejected(base_url):
    """Nothing that is tried again mends it."""
    model = LanguageModel(base_url, "m")
    with pytest.raises(ModelRejected):
        await written(model)
    await model.close()


@pytest.mark.parametrize("key", ["schlüssel", "key\n", "a\x00"])
async def test_a_key_that_cannot_be_sent_is_rejected(key):
    """The server sees nothing of it."""
    server = OpenAIServer()
    async with server.listening() as base_url:
        model = LanguageModel(base_url, "m", key)
        with pytest.raises(ModelRejected):
            await written(model)
        await model.close()
    assert server.requests == []


HELD = {
    "before the head": says("Two", before_head=asyncio.Event()),
    "before the first token": says(asyncio.Event()),
    "in mid-text": says("Two", asyncio.Event()),
    "trickling": says(*("a", 0.05) * 1000),
}


@pytest.mark.parametrize("answer", HELD.values(), ids=HELD)
async def test_a_spent_budget_is_an_outage(answer):
    """The budget holds for the whole reply, however lively the stream is."""
    async with asyncio.timeout(3):
        assert type(await failure_on(OpenAIServer(answer), budget=0.3)) is ModelUnavailable


async def test_a_silent_provider_is_given_up_before_the_budget_is(monkeypatch):
    """Silence is a timeout of its own, so that another try has time left."""
    monkeypatch.setattr(language_model, "TIMEOUTS", httpx2.Timeout(0.2))
    assert type(await failure_on(OpenAIServer(says("Two", asyncio.Event())), budget=60)) is ModelUnavailable


@pytest.mark.parametrize("answer", HELD.values(), ids=HELD)
async def test_cancelling_closes_the_providers_connection(answer):
    """At any moment, also before the first token, and before the cancelled task has ended."""
    server = OpenAIServer(answer)
    async with model_on(server) as model:
        reading = asyncio.create_task(written(model))
        request = await server.request()
        if answer is not HELD["trickling"]:
            async with asyncio.timeout(5):
                await request.reached.wait()
        with capture_logs() as logs:
            reading.cancel()
            await asyncio.wait({reading})
        assert reading.cancelled()
        assert not _open_connections(model)
        async with asyncio.timeout(5):
            await request.closed.wait()
    assert [entry["event"] for entry in logs] == ["reply_model_stopped"]


async def test_closing_the_generator_closes_the_providers_connection():
    """Who stops reading need not wait for the garbage collector."""
    server = OpenAIServer(says("Two", asyncio.Event()))
    async with model_on(server) as model:
        gc.disable()
        pieces = model.write(PROMPT, budget=5)
        assert await anext(pieces) == "Two"
        await pieces.aclose()
        gc.enable()
        assert not _open_connections(model)
        async with asyncio.timeout(5):
            await server.requests[0].closed.wait()


def _open_connections(model: LanguageModel) -> list[object]:
    return model._http._transport._pool.connections


async def test_nothing_of_the_environment_reaches_the_provider(monkeypatch):
    """OPENAI_* and proxy variables of the shell that started the worker change neither address nor headers."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, nowhere)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "WEBHOOK_SECRET"):
        monkeypatch.setenv(f"OPENAI_{name}", "leaked")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: leaked\nX-Own: leaked\nUser-Agent: leaked")
    server = OpenAIServer()
    async with server.listening() as base_url:
        model = LanguageModel(base_url, "m")
        await written(model)
        await model.close()
    (request,) = server.requests
    assert "leaked" not in repr(request.headers)
    assert not [name for name in request.headers if name.startswith("openai-")]


# --- completeness of the table -------------------------------------------------------------------------------
TESTED = {
    *("APIError", "APIStatusError", "APIConnectionError", "APITimeoutError"),
    *("BadRequestError", "AuthenticationError", "PermissionDeniedError", "NotFoundError", "ConflictError"),
    *("UnprocessableEntityError", "RateLimitError", "InternalServerError"),
}
NOT_OF_A_STREAMED_COMPLETION = {
    # Raised where answers are parsed into models, or checked against types: neither is asked for here.
    *("APIResponseValidationError", "LengthFinishReasonError", "ContentFilterFinishReasonError"),
    *("StreamAlreadyConsumed", "AgentOutputParseError", "AgentTurnResultError"),
    # Of other kinds of credentials, clients and transports.
    *("OAuthError", "SubjectTokenProviderError", "MutuallyExclusiveAuthError", "_AmbiguousModuleClientUsageError"),
    *("WebSocketConnectionClosedError", "WebSocketQueueFullError", "AgentFilePreparationError"),
    *("AgentFileStagingError", "APIRemovedInV1", "MissingDependencyError"),
}


def _exceptions_of_openai() -> set[str]:
    """Read from the sources: importing all of the SDK takes seconds and optional libraries."""
    package = Path(openai.__file__).parent
    sources = (path.read_text() for path in package.rglob("*.py") if "types" not in path.parts)
    bases = [pair for source in sources for pair in re.findall(r"^class (\w+)\(([\w, ]+)\)", source, re.MULTILINE)]
    found = {"OpenAIError"}
    while more := {name for name, parents in bases if found & set(parents.split(", "))} - found:
        found |= more
    return found - {"OpenAIError"}


def test_every_exception_of_openai_has_its_row():
    """A release with a new class of error fails here before it escapes in production."""
    assert _exceptions_of_openai() == TESTED | NOT_OF_A_STREAMED_COMPLETION
    assert issubclass(openai.OpenAIError, FOREIGN_ERRORS)
    assert type(failure_of(openai.OpenAIError())) is ModelRejected


def test_every_transport_error_has_its_row():
    """Whatever happens on the wire is one of the foreign errors, and a failure of ours."""
    request = httpx2.Request("POST", "http://127.0.0.1")
    errors = {
        value
        for value in vars(httpx2).values()
        if isinstance(value, type) and issubclass(value, httpx2.RequestError)
    }
    assert len(errors) > 10
    for kind in errors:
        assert issubclass(kind, FOREIGN_ERRORS)
        assert isinstance(failure_of(kind("m", request=request)), ModelFailure)
