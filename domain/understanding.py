"""What a message means, before anything was searched. The grammar in domain/grammar/ produces it."""

from enum import StrEnum

from pydantic import AwareDatetime

from domain.listings import SearchPlan
from domain.slots import SlotName, Slots
from domain.thread import Agent, Language, ThreadState
from domain.value import Value


class Intent(StrEnum):
    """What the user wants of this turn."""

    FIND = "find"
    MORE = "more"
    SUMMARY = "summary"
    SMALLTALK = "smalltalk"
    LOCAL_INFO = "local_info"
    MARKETPLACE = "marketplace"
    UNCLEAR = "unclear"


class Smalltalk(StrEnum):
    """What a message without a wish is, where it is known."""

    GREETING = "greeting"
    THANKS = "thanks"
    FAREWELL = "farewell"
    ABOUT = "about"
    ACKNOWLEDGED = "acknowledged"


class UnderstandMessageInput(Value):
    """`started_at` is the turn's start: relative dates resolve from it in Asia/Nicosia time."""

    message: str
    language: Language | None = None
    state: ThreadState = ThreadState()
    started_at: AwareDatetime


class Understanding(Value):
    """The message against the thread's state.

    Attributes:
        slots: all slots of the thread after this message, what was known before included.
        said: the slots this message filled or changed.
        plan: the search that shall run in this turn, if any.
        currency_assumed: a price was named without a currency, GBP was taken.
        smalltalk: of intent smalltalk, where it is known.
        skipped: the slot that was asked for and does not matter to the user.
    """

    language: Language
    agent: Agent
    intent: Intent
    slots: Slots
    said: tuple[SlotName, ...] = ()
    plan: SearchPlan | None = None
    currency_assumed: bool = False
    smalltalk: Smalltalk | None = None
    skipped: SlotName | None = None


def not_understood(state: ThreadState, language: Language | None) -> Understanding:
    """What a turn goes on with when the understanding step itself failed: nothing new is known."""
    return Understanding(
        language=language or state.language,
        agent=state.agent or Agent.GENERAL,
        intent=Intent.UNCLEAR,
        slots=state.slots,
    )
