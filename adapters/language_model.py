"""Any language model behind an OpenAI-compatible endpoint, asked for one reply at a time."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final, cast

import httpx2
import structlog
from openai import AsyncOpenAI, AsyncStream, Omit
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
from pydantic import BaseModel

from adapters.model_failures import FOREIGN_ERRORS, model_failures
from domain.errors import ModelFailure, ModelRejected, ModelUnavailable, ModelUnreadable
from domain.prompt import PromptMessage

log = structlog.get_logger("islanders.model")

MAX_TOKENS: Final = 600
"""A reply is a few sentences beside cards; about 450 English words, or 250 Turkish ones."""

MAX_CHARACTERS: Final = 8000
"""More than MAX_TOKENS can be in any language: a server that ignores the cap is not read to the end."""

CONNECT_SECONDS: Final = 3.0
SILENCE_SECONDS: Final = 15.0
"""A provider this long without a byte has lost the request; half the step's budget is left for another try."""

END_SECONDS: Final = 0.2
"""After the last piece the stream is read out, so that the connection can be used again, but for no longer."""

TIMEOUTS: Final = httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL keeps no NUL, and nobody half a surrogate pair."""

NO_KEY: Final = "none"
"""A server without keys does not look; the SDK wants one."""


class LanguageModel:
    """Implements domain.ports.ReplyModel.

    Args:
        base_url: up to and without /chat/completions.
        name: the model's name as the provider knows it.
        api_key: empty for a server that wants none.
    """

    def __init__(self, base_url: str, name: str, api_key: str = "") -> None:
        self.name = name
        self._http = httpx2.AsyncClient(
            timeout=TIMEOUTS,
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=2),
            follow_redirects=False,
            trust_env=False,
        )
        self._openai = _OpenAI(
            base_url=base_url,
            api_key=api_key or NO_KEY,
            timeout=TIMEOUTS,
            max_retries=0,  # Temporal owns retries, so every try is in the history
            http_client=self._http,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def write(self, prompt: tuple[PromptMessage, ...], *, budget: float) -> AsyncGenerator[str, None]:
        """The reply in pieces. Closing the generator, or cancelling it at any moment, closes the HTTP stream.

        Raises ModelFailure. A reply that was cut by the cap on tokens is complete.
        """
        ends_at = asyncio.get_running_loop().time() + budget
        answer = _Answer(self.name)
        try:
            with model_failures():
                async with await self._ask(prompt, ends_at) as stream:
                    _require_event_stream(stream)
                    while not answer.finish_reason:
                        if piece := answer.take(await _next_chunk(stream, ends_at)):
                            yield piece
                    answer.require_text()
                    await _read_out(stream)
        except ModelFailure as failure:
            answer.log_failed(failure)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            answer.log("reply_model_stopped")
            raise
        answer.log("reply_model_answered")

    async def _ask(self, prompt: tuple[PromptMessage, ...], ends_at: float) -> AsyncStream[ChatCompletionChunk]:
        messages = [{"role": message.role.value, "content": message.content} for message in prompt]
        async with asyncio.timeout_at(ends_at):
            return await self._openai.chat.completions.create(
                model=self.name,
                messages=cast(list[ChatCompletionMessageParam], messages),
                # The older of two names: Ollama and Mistral know no other. OpenAI's reasoning models know only the
                # newer one, and think longer than a reply may take.
                max_tokens=MAX_TOKENS,
                stream=True,
            )


class _OpenAI(AsyncOpenAI):
    """The SDK without what it takes from OPENAI_* variables: an organisation, a project, headers of any kind."""

    @property
    def default_headers(self) -> dict[str, str | Omit]:
        return {"Accept": "text/event-stream", "Content-Type": "application/json", "User-Agent": "islanders"}


class _Delta(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(BaseModel):
    """The part of a chunk that is read here. The SDK checks nothing, not even that a chunk is an object.

    A chunk without choices carries the usage, or a filter's verdict on the prompt.
    """

    choices: list[_Choice]


@dataclass
class _Answer:
    """What came of one request so far."""

    model: str
    finish_reason: str | None = None
    characters: int = 0
    has_text: bool = False
    first_piece_ms: int | None = None
    started: float = field(default_factory=time.monotonic)

    def take(self, chunk: _Chunk) -> str:
        """The piece of text in a chunk, which may be empty. Raises ModelFailure where the reply is none."""
        choice = chunk.choices[0] if chunk.choices else _Choice()
        piece = (choice.delta and choice.delta.content) or ""
        if piece and self.first_piece_ms is None:
            self.first_piece_ms = self._milliseconds()
        self.characters += len(piece)
        self.has_text = self.has_text or bool(piece.strip())
        self.finish_reason = choice.finish_reason
        if self.finish_reason == "content_filter":
            raise ModelRejected("the provider's filter cut the reply")
        if self.characters > MAX_CHARACTERS:
            raise ModelUnreadable("longer than any reply")
        if UNSTORABLE.search(piece):
            raise ModelUnreadable("no text")
        return piece

    def require_text(self) -> None:
        if not self.has_text:
            raise ModelUnreadable("an empty reply")

    def log(self, event: str) -> None:
        log.info(event, **self._measured())

    def log_failed(self, failure: ModelFailure) -> None:
        log.warning(
            "reply_model_failed",
            error=failure.code(),
            status=failure.status,
            detail=str(failure),
            **self._measured(),
        )

    def _measured(self) -> dict[str, str | int | None]:
        return {
            "model": self.model,
            "finish_reason": self.finish_reason,
            "characters": self.characters,
            "first_piece_ms": self.first_piece_ms,
            "took_ms": self._milliseconds(),
        }

    def _milliseconds(self) -> int:
        return round((time.monotonic() - self.started) * 1000)


def _require_event_stream(stream: AsyncStream[ChatCompletionChunk]) -> None:
    """A page or a plain JSON answer would look like a stream without events."""
    content_type = stream.response.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "text/event-stream":
        raise ModelUnreadable("no event stream", status=stream.response.status_code)


async def _next_chunk(stream: AsyncStream[ChatCompletionChunk], ends_at: float) -> _Chunk:
    # Set anew for each wait: around the whole loop the deadline would go off in whoever reads the pieces.
    async with asyncio.timeout_at(ends_at):
        try:
            chunk = await anext(stream)
        except StopAsyncIteration:
            raise ModelUnavailable("the stream ended in mid-text") from None
    return _Chunk.model_validate(chunk, from_attributes=True)


async def _read_out(stream: AsyncStream[ChatCompletionChunk]) -> None:
    """The reply is complete: whatever still comes, or does not, changes nothing."""
    with contextlib.suppress(*FOREIGN_ERRORS):
        async with asyncio.timeout(END_SECONDS):
            async for _ in stream:
                pass
