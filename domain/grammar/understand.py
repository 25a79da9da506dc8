"""A message against its thread: the whole understanding step, without a model."""

from domain.grammar.languages import tables_for
from domain.grammar.merging import changed, merged
from domain.grammar.parse import Parsed, Signal, parse
from domain.grammar.routing import heard, route
from domain.grammar.searching import plan
from domain.sentences import spoken
from domain.slots import SlotName
from domain.thread import ThreadState
from domain.understanding import Intent, Understanding, UnderstandMessageInput


def understand(input: UnderstandMessageInput) -> Understanding:
    language, state = spoken(input.language or input.state.language), input.state
    parsed = parse(input.message, tables_for(language), asked=state.pending_question)
    intent, agent = route(parsed, state)
    said = heard(parsed, agent)
    slots = merged(state.slots, said, currency_stated=parsed.currency_stated)
    return Understanding(
        language=language,
        agent=agent,
        intent=intent,
        slots=slots,
        said=changed(state.slots, slots),
        plan=plan(intent, slots, state),
        currency_assumed=bool(said.budget) and not parsed.currency_stated and state.slots.budget is None,
        smalltalk=parsed.smalltalk if intent is Intent.SMALLTALK else None,
        skipped=_skipped(parsed, intent, state),
    )


def _skipped(parsed: Parsed, intent: Intent, state: ThreadState) -> SlotName | None:
    """ "Any" as the answer to a question: it is not asked again."""
    return state.pending_question if intent is Intent.FIND and Signal.ANYTHING in parsed.signals else None
