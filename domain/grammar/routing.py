"""Who answers, and what is wanted: by the message first, by the thread where the message says little."""

from domain.grammar.parse import Parsed, Signal
from domain.slots import SlotName, Slots
from domain.thread import Agent, ThreadState
from domain.understanding import Intent

_SAYS_A_HOME = frozenset({SlotName.PROPERTY_TYPE, SlotName.BEDROOMS, SlotName.AMENITIES})
"""Slots that only a home has; a place and a price belong to a car as well."""

_SHARED = {
    Agent.MARKETPLACE: frozenset({SlotName.LOCATION, SlotName.BUDGET}),
    Agent.LOCAL_INFO: frozenset({SlotName.LOCATION}),
}
"""Slots that say nothing against the agent the thread is with."""

_INTENT_OF = {Agent.MARKETPLACE: Intent.MARKETPLACE, Agent.LOCAL_INFO: Intent.LOCAL_INFO}
_AGENT_OF = {intent: agent for agent, intent in _INTENT_OF.items()}


def route(parsed: Parsed, state: ThreadState) -> tuple[Intent, Agent]:
    intent = _intent(parsed, state)
    if intent in (Intent.SMALLTALK, Intent.UNCLEAR):
        return intent, state.agent or Agent.GENERAL
    return intent, _AGENT_OF.get(intent, Agent.RE)


def heard(parsed: Parsed, agent: Agent) -> Slots:
    """The slots of the message that count for this agent: the price of a car does, "buy" does not."""
    if agent not in _SHARED:
        return parsed.slots
    shared = {str(name): getattr(parsed.slots, name) for name in _SHARED[agent]}
    return Slots().model_copy(update=shared)


def _intent(parsed: Parsed, state: ThreadState) -> Intent:
    said, signals = parsed.slots.filled, parsed.signals
    if elsewhere := _elsewhere(said, signals) or _stays_elsewhere(said, signals, state):
        return elsewhere
    if Signal.MORE in signals and state.last_query and not _says_new(parsed.slots, state.slots):
        return Intent.MORE
    if Signal.SUMMARY in signals and not said:
        return Intent.SUMMARY
    if said or signals & {Signal.HOMES, Signal.MORE} or _waves_aside(signals, state):
        return Intent.FIND
    return Intent.SMALLTALK if parsed.is_smalltalk else Intent.UNCLEAR


def _elsewhere(said: frozenset[SlotName], signals: frozenset[Signal]) -> Intent | None:
    if Signal.MARKETPLACE in signals and not said & _SAYS_A_HOME:
        return Intent.MARKETPLACE
    if Signal.LOCAL_PLACE in signals and said <= {SlotName.LOCATION} and Signal.HOMES not in signals:
        return Intent.LOCAL_INFO
    return None


def _stays_elsewhere(said: frozenset[SlotName], signals: frozenset[Signal], state: ThreadState) -> Intent | None:
    """A lone "Girne" or "more" is for the agent the thread is with."""
    if state.agent not in _SHARED or Signal.HOMES in signals or not said <= _SHARED[state.agent]:
        return None
    return _INTENT_OF[state.agent] if said or Signal.MORE in signals else None


def _says_new(said: Slots, known: Slots) -> bool:
    if not set(said.amenities) <= set(known.amenities):
        return True
    return any(
        getattr(said, name) != getattr(known, name) for name in said.filled if name is not SlotName.AMENITIES
    )


def _waves_aside(signals: frozenset[Signal], state: ThreadState) -> bool:
    return Signal.ANYTHING in signals and state.pending_question is not None
