"""What a thread remembers between its turns. Stored as JSON in the database at each close."""

from enum import StrEnum

from pydantic import Field

from domain.listings import ListingQuery
from domain.slots import SlotName, Slots
from domain.value import Value


class Language(StrEnum):
    EN = "en"
    TR = "tr"
    RU = "ru"
    DE = "de"
    PL = "pl"


class Agent(StrEnum):
    RE = "re_agent"
    GENERAL = "general_agent"
    LOCAL_INFO = "local_info_agent"
    MARKETPLACE = "marketplace_agent"


class ThreadState(Value):
    """The dialogue's state after the last closed turn.

    Attributes:
        asked: how often each slot was asked for; three times is enough (domain/dialogue.py).
        pending_question: the slot that was asked for last and is still open, so a lone "Girne" is its answer.
        last_query: the search the last cards came from; "more" continues it at `next_offset`.
        shown: ids of the cards of the last reply, in their order.
    """

    agent: Agent | None = None
    language: Language = Language.EN
    slots: Slots = Slots()
    asked: dict[SlotName, int] = Field(default_factory=dict)
    pending_question: SlotName | None = None
    last_query: ListingQuery | None = None
    next_offset: int = 0
    shown: tuple[str, ...] = ()
