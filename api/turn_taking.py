"""From an accepted turn to the answer of its POST: start the workflow, wait if asked to, tell where to look."""

import asyncio
import re
from typing import Annotated, Final
from uuid import uuid4

import structlog
from fastapi import Header, Request
from fastapi.responses import JSONResponse

from adapters.conversations_sql import ConversationsSQL
from api.history_tail import HistoryTails
from api.schemas import ChatAnswer, canonical_uuid
from api.thread_watch import ThreadWatch
from api.turn_start import TurnStarter
from api.turns import error_of, links_of, turn_of
from domain.conversation import AcceptedTurn, PostedTurn, TurnRecord
from domain.errors import BadInput, ThreadBusy, TooManyTurns, TooManyWatchers
from domain.names import TURN_NOT_STARTED, assistant_message_id
from domain.progress import Failed, Result
from settings import Settings

log = structlog.get_logger("islanders.chat")

LONGEST_WAIT_SECONDS: Final = 60.0
CORRELATION_ID = re.compile(r"^[\x21-\x7e]{1,128}$")

IdempotencyKey = Annotated[str | None, Header(description="UUID: the same key again is the same turn")]
CorrelationID = Annotated[str | None, Header()]
Prefer = Annotated[str | None, Header(description="`wait=N` waits up to N seconds for the result")]


async def take_turn(request: Request, posted: PostedTurn, prefer: str | None) -> JSONResponse:
    """200 with the result when the turn has ended, else 202 with its links."""
    wait = _seconds_to_wait(prefer)
    accepted = await _accepted(request, posted)
    if not accepted.status.is_final:
        await _start(request, accepted)
        watch: ThreadWatch = request.app.state.thread_watch
        watch.nudge(accepted.turn.thread_id)
    log.info(
        "turn_accepted",
        turn_id=accepted.turn.turn_id,
        repeated=accepted.repeated,
        correlation_id=posted.correlation_id,
    )
    turn = await _turn_after(request, accepted, wait)
    answer = _answer(request, turn, accepted, str(posted.correlation_id))
    return JSONResponse(
        answer.model_dump(mode="json", by_alias=True, exclude_none=False),
        status_code=200 if turn.status.is_final else 202,
        headers={"Preference-Applied": f"wait={wait:g}"} if wait else {},
    )


async def _accepted(request: Request, posted: PostedTurn) -> AcceptedTurn:
    conversations: ConversationsSQL = request.app.state.conversations
    settings: Settings = request.app.state.settings
    try:
        return await conversations.accept(posted)
    except ThreadBusy:
        if not await _clear_away_lost_turns(request, posted.user_id, at_least=1):
            raise
    except TooManyTurns:
        # With fewer open it is refused for sending too fast: nothing to look for.
        if not await _clear_away_lost_turns(request, posted.user_id, at_least=settings.open_turns_per_user):
            raise
    return await conversations.accept(posted)


async def _clear_away_lost_turns(request: Request, user_id: str, *, at_least: int) -> bool:
    """Close the open records that no workflow will close, so that they count no more; tells whether any was."""
    conversations: ConversationsSQL = request.app.state.conversations
    before = await conversations.open_turn_ids(user_id)
    if len(before) < at_least:
        return False
    # At once: while Temporal is silent each look takes as long as it may.
    await asyncio.gather(*(turn_of(request, turn_id, user_id) for turn_id in before))
    return len(await conversations.open_turn_ids(user_id)) < len(before)


async def _start(request: Request, accepted: AcceptedTurn) -> None:
    starter: TurnStarter = request.app.state.starter
    conversations: ConversationsSQL = request.app.state.conversations
    try:
        await starter.start(accepted.turn, is_new=not accepted.repeated)
    except Exception:  # whatever it was, it is raised again below
        # Not left open, where it would hold back its thread and count towards the user's limit.
        # A repeat of this POST revives it, and so does its workflow if the start got through after all.
        await conversations.fail_turn(accepted.turn.turn_id, TURN_NOT_STARTED)
        raise


def correlation_id_or_new(given: str | None) -> str:
    if given is not None and not CORRELATION_ID.fullmatch(given):
        raise BadInput("X-Correlation-ID", "Write 1 to 128 printable ASCII characters without spaces.")
    return given or str(uuid4())


def client_msg_id_or_new(in_body: str | None, in_header: str | None) -> str:
    if in_header is None:
        return in_body or str(uuid4())
    try:
        key = canonical_uuid(in_header)
    except ValueError as error:
        raise BadInput("Idempotency-Key", str(error)) from None
    if in_body not in (None, key):
        raise BadInput("Idempotency-Key", "Write the same UUID as in client_msg_id, or only one of the two.")
    return key


def _seconds_to_wait(prefer: str | None) -> float:
    """`Prefer: wait=20`, alone or among other preferences; RFC 7240 lets a server bound it."""
    for preference in (prefer or "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.lower() == "wait" and re.fullmatch(r"\d{1,6}", value.strip()):
            return min(float(value), LONGEST_WAIT_SECONDS)
    return 0.0


async def _turn_after(request: Request, accepted: AcceptedTurn, wait: float) -> TurnRecord:
    """The turn when its result is stored, or as it is when the time runs out."""
    turn = TurnRecord(
        **accepted.turn.model_dump(include={"turn_id", "thread_id", "user_id", "client_msg_id", "workflow_id"}),
        seq=accepted.seq,
        status=accepted.status,
        accepted_at=accepted.accepted_at,
        correlation_id=accepted.turn.correlation_id,
        regenerates=accepted.turn.regenerates,
        result=accepted.result,
        error_code=accepted.error_code,
    )
    if turn.status.is_final or not wait:
        return turn

    async def read_turn() -> TurnRecord:
        return await turn_of(request, turn.turn_id, turn.user_id)

    tails: HistoryTails = request.app.state.tails
    try:
        async with asyncio.timeout(wait):
            async for numbered in tails.watch(turn, read_turn, patience=wait):
                if numbered is not None and isinstance(numbered.event, Result):
                    result = numbered.event.result
                    return turn.model_copy(update={"result": result, "status": result.status})
                if numbered is not None and isinstance(numbered.event, Failed):
                    return await read_turn()
    except (TimeoutError, TooManyWatchers):
        pass  # the turn runs all the same, and its links tell where to look
    return turn


def _answer(request: Request, turn: TurnRecord, accepted: AcceptedTurn, correlation_id: str) -> ChatAnswer:
    return ChatAnswer(
        thread_id=turn.thread_id,
        turn_id=turn.turn_id,
        queued_message_id=assistant_message_id(turn.thread_id, turn.client_msg_id),
        client_msg_id_echo=turn.client_msg_id,
        correlation_id=correlation_id,
        idempotent=accepted.repeated,
        status=turn.status,
        links=links_of(request, turn.turn_id, turn.workflow_id),
        regenerates=turn.regenerates,
        result=turn.result,
        error=error_of(turn),
    )
