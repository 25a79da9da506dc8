"""A turn's state, its result, and stopping it."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from adapters.conversations_sql import ConversationsSQL
from adapters.temporal_runs import TemporalRuns
from api.auth import CurrentUser
from api.errors import declared
from api.schemas import TurnError, TurnLinks, TurnView
from domain.conversation import RunPhase, TurnRecord
from domain.errors import WorkflowsUnavailable
from domain.names import TURN_CANCELLED, TURN_NOT_STARTED
from settings import Settings

router = APIRouter(tags=["turns"])

FAILED_SENTENCE = "This message could not be answered. Please send it again."
SENTENCE_OF_CODE = {TURN_NOT_STARTED: "This message was never taken up. Send the same request again to start it."}


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
    """Ask the turn to stop. It ends with status `stopped`, unless its reply was faster."""
    turn = await turn_of(request, turn_id, user_id)
    if not turn.status.is_final:
        runs: TemporalRuns = request.app.state.runs
        if not await runs.stop(turn.workflow_id):
            conversations: ConversationsSQL = request.app.state.conversations
            await conversations.fail_turn(turn_id, TURN_CANCELLED)  # it never started, nobody else would end it
            turn = await conversations.read_turn(turn_id, user_id)
    return JSONResponse(
        view_of(request, turn).model_dump(mode="json", by_alias=True),
        status_code=200 if turn.status.is_final else 202,
    )


async def turn_of(request: Request, turn_id: str, user_id: str) -> TurnRecord:
    """The turn's record, after a look at Temporal where the record still calls it open.

    A workflow that was terminated, timed out or failed cannot close its own record: it is closed here.

    Raises:
        NotFound: no such turn, or somebody else's.
    """
    conversations: ConversationsSQL = request.app.state.conversations
    turn = await conversations.read_turn(turn_id, user_id)
    if turn.status.is_final:
        return turn
    runs: TemporalRuns = request.app.state.runs
    try:
        run = await runs.look(turn.workflow_id)
    except WorkflowsUnavailable:
        return turn  # the record is still worth reading
    if run.phase is not RunPhase.BROKEN:
        return turn
    await conversations.fail_turn(turn_id, run.error_code)
    return await conversations.read_turn(turn_id, user_id)


def view_of(request: Request, turn: TurnRecord) -> TurnView:
    return TurnView(
        turn_id=turn.turn_id,
        thread_id=turn.thread_id,
        client_msg_id=turn.client_msg_id,
        status=turn.status,
        links=links_of(request, turn.turn_id, turn.workflow_id),
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
