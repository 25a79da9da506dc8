"""A turn's state, its result, and stopping it."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection

from adapters.conversations_sql import ConversationsSQL
from adapters.temporal_runs import TemporalRuns
from api.auth import CurrentUser
from api.errors import declared
from api.schemas import TurnError, TurnLinks, TurnView
from domain.conversation import RunPhase, TurnRecord
from domain.errors import WorkflowsUnavailable
from domain.names import TURN_CANCELLED, TURN_NOT_STARTED
from domain.turn import TurnStatus
from domain.waiting import START_GRACE
from settings import Settings

router = APIRouter(tags=["turns"])

FAILED_SENTENCE = "This message could not be answered. Please send it again."
SENTENCE_OF_CODE = {
    TURN_NOT_STARTED: "This message was never taken up. Send the same request again to start it.",
    TURN_CANCELLED: "This message was stopped before it was taken up.",
}


@router.get("/api/turns/{turn_id}", responses=declared(401, 404, 503))
async def get_turn(turn_id: str, request: Request, user_id: CurrentUser) -> TurnView:
    """Readable from its 202 on, also while no worker runs."""
    return view_of(request, await turn_of(request, turn_id, user_id))


@router.post(
    "/api/turns/{turn_id}/cancel",
    status_code=202,
    responses={200: {"model": TurnView, "description": "it had ended already"}, **declared(401, 404, 503)},
)
async def cancel_turn(turn_id: str, request: Request, user_id: CurrentUser) -> JSONResponse:
    """Ask the turn to stop: it ends `stopped`, unless its reply was faster.

    One that Temporal never got ends `failed` with the code turn_cancelled.
    """
    turn = await turn_of(request, turn_id, user_id)
    if not turn.status.is_final:
        runs: TemporalRuns = request.app.state.runs
        if not await runs.stop(turn.workflow_id):
            turn = await _end_unstarted(request, turn)
    elif turn.error_code == TURN_NOT_STARTED:
        turn = await _end_unstarted(request, turn)
    return JSONResponse(
        view_of(request, turn).model_dump(mode="json", by_alias=True),
        status_code=200 if turn.status.is_final else 202,
    )


async def _end_unstarted(request: Request, turn: TurnRecord) -> TurnRecord:
    """Raises WorkflowsUnavailable while the turn may still be on its way to Temporal: ask again."""
    if not turn.status.is_final and _may_be_on_its_way(turn):
        raise WorkflowsUnavailable
    conversations: ConversationsSQL = request.app.state.conversations
    await conversations.fail_turn(turn.turn_id, TURN_CANCELLED)
    return await conversations.read_turn(turn.turn_id, turn.user_id)


async def turn_of(request: HTTPConnection, turn_id: str, user_id: str) -> TurnRecord:
    """The turn's record, after a look at Temporal where the record still calls it open.

    A workflow that was terminated, timed out or failed cannot close its own record, and one that Temporal
    never got or no longer knows has none: their records are closed here.

    Raises:
        NotFound: no such turn, or somebody else's.
    """
    conversations: ConversationsSQL = request.app.state.conversations
    turn = await conversations.read_turn(turn_id, user_id)
    given_up = turn.error_code == TURN_NOT_STARTED
    if turn.status.is_final and not given_up:
        return turn
    runs: TemporalRuns = request.app.state.runs
    try:
        run = await runs.look(turn.workflow_id)
    except WorkflowsUnavailable:
        return turn  # the record is still worth reading
    if given_up:
        # Its start was given up but got through: it waits for a worker and will be revived.
        started = {"status": TurnStatus.ACCEPTED, "error_code": None}
        return turn.model_copy(update=started) if run.phase is RunPhase.RUNNING else turn
    if run.phase in (RunPhase.RUNNING, RunPhase.COMPLETED) or (
        run.phase is RunPhase.UNKNOWN and _may_be_on_its_way(turn)
    ):
        return turn
    never_started = run.phase is RunPhase.UNKNOWN and not turn.has_started
    await conversations.fail_turn(turn_id, TURN_NOT_STARTED if never_started else run.error_code)
    return await conversations.read_turn(turn_id, user_id)


def _may_be_on_its_way(turn: TurnRecord) -> bool:
    return not turn.has_started and datetime.now(UTC) - turn.accepted_at < START_GRACE


def view_of(request: Request, turn: TurnRecord) -> TurnView:
    return TurnView(
        turn_id=turn.turn_id,
        thread_id=turn.thread_id,
        client_msg_id=turn.client_msg_id,
        status=turn.status,
        links=links_of(request, turn.turn_id, turn.workflow_id),
        regenerates=turn.regenerates,
        result=turn.result,
        error=error_of(turn),
    )


def error_of(turn: TurnRecord) -> TurnError | None:
    if turn.error_code is None:
        return None
    return TurnError(code=turn.error_code, message=SENTENCE_OF_CODE.get(turn.error_code, FAILED_SENTENCE))


def links_of(request: Request, turn_id: str, workflow_id: str) -> TurnLinks:
    settings: Settings = request.app.state.settings
    base = f"/api/turns/{turn_id}"
    ui = settings.temporal_ui_url
    return TurnLinks(
        turn=base,
        events=f"{base}/events",
        cancel=f"{base}/cancel",
        temporal_ui=f"{ui}/namespaces/{request.app.state.namespace}/workflows/{workflow_id}" if ui else None,
    )
