"""Turns to fill a record of conversations with."""

from uuid import uuid4

from adapters.conversations_sql import ConversationsSQL
from domain.conversation import CloseTurnInput, NewTurn, PostedTurn
from domain.memory import MemoryUse
from domain.reply import Reply
from domain.slots import Slots
from domain.thread import Agent, Language, ThreadState
from domain.turn import Act, ChatTurnResult, TurnStatus, Versions


def posted(user_id: str = "ada", message: str = "hello", **changed: str) -> PostedTurn:
    return PostedTurn(
        **{
            "user_id": user_id,
            "client_msg_id": str(uuid4()),
            "message": message,
            "fingerprint": f"print of {message}",
            **changed,
        }
    )


def result_of(turn: NewTurn, text: str = "hi", status: TurnStatus = TurnStatus.COMPLETED) -> ChatTurnResult:
    return ChatTurnResult(
        turn_id=turn.turn_id,
        thread_id=turn.thread_id,
        message_id=str(uuid4()),
        status=status,
        response_text=text,
        agent=Agent.GENERAL,
        act=Act.CLARIFY,
        language=Language.EN,
        slots=Slots(),
        memory=MemoryUse(),
        model="template",
        versions=Versions(build_id="test", config="test"),
    )


async def close(record: ConversationsSQL, turn: NewTurn, text: str = "hi", bedrooms: int | None = None):
    state = ThreadState(slots=Slots(bedrooms=bedrooms))
    reply = Reply(text=text, act=Act.CLARIFY, state=state)
    closing = CloseTurnInput(turn=turn, status=TurnStatus.COMPLETED, state=state, reply=reply)
    return await record.close_turn(closing, result_of(turn, text))
