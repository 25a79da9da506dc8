"""The same calls in a plain handler: no workflow, no history, nothing survives it. For comparison only.

One POST streams its progress and its result. `python -m benchmarks.plain_handler PORT`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from uuid import uuid4

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from adapters.conversations_sql import ConversationsSQL, TurnLimits
from adapters.database import Database
from adapters.listing_api import ListingAPI
from adapters.zep import ZepMemory
from api.history_projection import STEPS_AHEAD
from api.numbering import NumberedEvent, Place
from benchmarks.naive_turn import UnderstoodAndFound, closing_of, result_of
from domain.conversation import AcceptedTurn, PostedTurn
from domain.grammar.understand import understand
from domain.memory import CreateMemoryInput, memory_batch
from domain.progress import Accepted, ProgressEvent, Result
from domain.reply import GenerateReplyInput
from domain.sentences.compose import compose_reply
from domain.turn import ReplyMode
from domain.understanding import UnderstandMessageInput
from settings import Settings

CALL_SECONDS = 1.4


class PlainChat:
    def __init__(self, settings: Settings) -> None:
        self._store = ConversationsSQL(Database(settings.database_url), TurnLimits(100_000, 10_000))
        self._memory = ZepMemory(
            settings.zep_base_url, settings.zep_api_key.get_secret_value(), timeout=CALL_SECONDS
        )
        self._search = ListingAPI(settings.listings_base_url)
        self._remembering: set[asyncio.Task[None]] = set()

    async def answer(self, message: str) -> AsyncIterator[bytes]:
        posted = PostedTurn(
            user_id="plain", client_msg_id=str(uuid4()), message=message, fingerprint="", thread_id=str(uuid4())
        )
        accepted = await self._store.accept(posted)
        yield _event(
            accepted,
            Accepted(
                turn_id=accepted.turn.turn_id,
                at=accepted.accepted_at,
                thread_id=accepted.turn.thread_id,
                steps=STEPS_AHEAD,
            ),
        )
        turn = accepted.turn
        opened = await self._store.open_turn(turn)
        understood = understand(
            UnderstandMessageInput(message=message, state=opened.state, started_at=opened.started_at)
        )
        memory, found = await asyncio.gather(
            self._memory.fetch_context(turn.user_id, turn.thread_id, budget=CALL_SECONDS),
            self._search.find(understood.plan, budget=CALL_SECONDS) if understood.plan else _nothing(),
        )
        reply = compose_reply(
            GenerateReplyInput(
                turn_id=turn.turn_id,
                message=message,
                mode=ReplyMode.TEMPLATE,
                state=opened.state,
                understood=understood,
                found=found,
                memory=memory,
            )
        )
        findings = UnderstoodAndFound(understood=understood, found=found)
        closed = await self._store.close_turn(closing_of(turn, findings, reply), result_of(turn, findings, reply))
        yield _event(accepted, Result(turn_id=turn.turn_id, at=accepted.accepted_at, result=closed.result))
        task = asyncio.create_task(self._remember(accepted, closed.result.response_text))
        self._remembering.add(task)
        task.add_done_callback(self._remembering.discard)

    async def _remember(self, accepted: AcceptedTurn, text: str) -> None:
        turn = accepted.turn
        batch = memory_batch(
            CreateMemoryInput(
                user_id=turn.user_id,
                thread_id=turn.thread_id,
                turn_id=turn.turn_id,
                user_text=turn.message,
                assistant_text=text,
            )
        )
        await self._memory.append(turn.user_id, turn.thread_id, batch, budget=CALL_SECONDS)


async def _nothing() -> None:
    return None


def _event(accepted: AcceptedTurn, event: ProgressEvent) -> bytes:
    place = Place("plain", accepted.seq, 0)
    return NumberedEvent(place, event, number=accepted.seq, first_seq=0).turn_event


def create_plain_app(settings: Settings) -> FastAPI:
    app = FastAPI()
    chat = PlainChat(settings)

    @app.post("/plain/chat")
    async def post(request: Request) -> StreamingResponse:
        message = (await request.json())["message"]
        return StreamingResponse(chat.answer(message), media_type="text/event-stream")

    @app.get("/api/health/live")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    return app


if __name__ == "__main__":
    uvicorn.run(create_plain_app(Settings()), port=int(sys.argv[1]), log_level="warning")
