"""Dialogue policy: what a reply does, which one question it asks, and what the thread remembers of it."""

from domain.gazetteer import CITIES
from domain.listings import FoundListings, ListingQuery
from domain.slots import RentalType, SlotName
from domain.thread import Agent, ThreadState
from domain.turn import Act, Question
from domain.understanding import Intent, Understanding
from domain.value import Value

QUESTIONS: tuple[Question, ...] = (
    Question(slot=SlotName.RENTAL_TYPE, options=tuple(RentalType)),
    Question(slot=SlotName.LOCATION, options=tuple(city.id for city in CITIES)),
    Question(slot=SlotName.BUDGET),
    Question(slot=SlotName.BEDROOMS, options=("0", "1", "2", "3", "4")),
)
"""In the order they are asked; `options` are codes that the grammar takes as answers."""

ENOUGH_ASKED = 3
"""A slot that was asked for this often is left alone."""


class Decision(Value):
    """What the reply does. At most one question, also beside cards."""

    act: Act
    question: Question | None = None


def decide(state: ThreadState, understood: Understanding, found: FoundListings | None) -> Decision:
    """`found` is absent when nothing was searched or the search failed; `understood.plan` tells which."""
    if found and found.listings:
        paging = understood.intent is Intent.MORE
        return Decision(
            act=Act.SEARCH_AND_RECOMMEND, question=None if paging else next_question(state, understood)
        )
    match understood.intent:
        case Intent.FIND:
            return _ask_or_clarify(_question_without_cards(state, understood, found))
        case Intent.MORE:
            return Decision(act=Act.NEXT_PAGE if found else Act.CLARIFY)
        case Intent.SUMMARY:
            act = Act.OFFER_SUMMARY if found else Act.CLARIFY
            return Decision(act=act, question=next_question(state, understood))
        case Intent.MARKETPLACE | Intent.LOCAL_INFO:
            return Decision(act=Act.ANSWER_QUESTION)
        case Intent.SMALLTALK | Intent.UNCLEAR:
            return Decision(act=Act.CLARIFY, question=_open_question(state, understood))


def next_question(state: ThreadState, understood: Understanding) -> Question | None:
    """The first slot that is neither filled, nor waved aside, nor asked for often enough."""
    return next((question for question in QUESTIONS if _may_be_asked(question.slot, state, understood)), None)


def next_state(
    state: ThreadState, understood: Understanding, decision: Decision, found: FoundListings | None
) -> ThreadState:
    """The thread after this reply."""
    return state.model_copy(
        update={
            "agent": understood.agent,
            "language": understood.language,
            "slots": understood.slots,
            "asked": _asked(state, understood, decision),
            "pending_question": _pending(state, understood, decision),
            **_search_to_continue(understood, found),
        }
    )


def _may_be_asked(slot: SlotName, state: ThreadState, understood: Understanding) -> bool:
    return (
        slot not in understood.slots.filled
        and slot is not understood.skipped
        and state.asked.get(slot, 0) < ENOUGH_ASKED
    )


def _question_without_cards(
    state: ThreadState, understood: Understanding, found: FoundListings | None
) -> Question | None:
    """A search that found nothing is not narrowed further; only the rental type may change what it finds."""
    question = next_question(state, understood)
    if found is not None and question and question.slot is not SlotName.RENTAL_TYPE:
        return None
    return question


def _ask_or_clarify(question: Question | None) -> Decision:
    return Decision(act=Act.ASK_SLOT if question else Act.CLARIFY, question=question)


def _open_question(state: ThreadState, understood: Understanding) -> Question | None:
    """In a talk about homes an unclear answer repeats the question; elsewhere nothing is asked."""
    if understood.agent is not Agent.RE:
        return None
    if state.pending_question is None and understood.intent is Intent.SMALLTALK:
        return None
    return next_question(state, understood)


def _asked(state: ThreadState, understood: Understanding, decision: Decision) -> dict[SlotName, int]:
    asked = dict(state.asked)
    wordless = understood.intent is Intent.SMALLTALK and decision.question is not None
    if decision.question and not (wordless and decision.question.slot is state.pending_question):
        asked[decision.question.slot] = asked.get(decision.question.slot, 0) + 1
    if understood.skipped:
        asked[understood.skipped] = ENOUGH_ASKED
    return asked


def _pending(state: ThreadState, understood: Understanding, decision: Decision) -> SlotName | None:
    """A question stays open over a turn that asks nothing, such as "more"."""
    if decision.question:
        return decision.question.slot
    still_open = state.pending_question not in (*understood.slots.filled, understood.skipped)
    return state.pending_question if still_open else None


def _search_to_continue(
    understood: Understanding, found: FoundListings | None
) -> dict[str, ListingQuery | int | tuple[str, ...] | None]:
    """What "more" goes on with. After a failed search it is that search, from where it was to begin."""
    if understood.plan is None or understood.plan.summary:
        return {}
    if found is None:
        return {"last_query": understood.plan.query, "next_offset": understood.plan.query.offset}
    if not found.listings:
        return {} if understood.intent is Intent.MORE else {"last_query": None, "next_offset": 0, "shown": ()}
    return {
        "last_query": found.query,
        "next_offset": found.offset + len(found.listings),
        "shown": tuple(listing.id for listing in found.listings),
    }
