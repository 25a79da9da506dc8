"""A reply from templates: what was found, what is asked, and nothing that is not known."""

from collections.abc import Iterator

from domain.card_shape import card
from domain.dialogue import Decision, decide, next_state
from domain.grammar.searching import query
from domain.listings import CARDS_PER_REPLY, FoundListings
from domain.reply import GenerateReplyInput, Reply
from domain.sentences.criteria import criteria
from domain.sentences.findings import cards_text, nothing_text, relaxed_text, summary_text
from domain.sentences.registry import wording_in
from domain.sentences.wording import Wording
from domain.slots import SlotName
from domain.turn import Act, Question, StepName
from domain.understanding import Intent, Understanding


def compose_reply(input: GenerateReplyInput) -> Reply:
    """The cards are those the search of this turn returned, at most eight."""
    found = _at_most_one_page(input.found)
    listings = found.listings if found else ()
    words = wording_in(input.understood.language)
    decision = decide(input.state, input.understood, found)
    return Reply(
        text="\n".join(paragraph for paragraph in _paragraphs(input, decision, found, words) if paragraph),
        act=decision.act,
        question=decision.question,
        recommendations=tuple(card(listing, input.understood.slots.rental_type) for listing in listings),
        state=next_state(input.state, input.understood, decision, found),
    )


def _at_most_one_page(found: FoundListings | None) -> FoundListings | None:
    if found is None or len(found.listings) <= CARDS_PER_REPLY:
        return found
    return found.model_copy(update={"listings": found.listings[:CARDS_PER_REPLY]})


def _paragraphs(
    input: GenerateReplyInput, decision: Decision, found: FoundListings | None, words: Wording
) -> Iterator[str]:
    understood = input.understood
    if any(entry.step is StepName.UNDERSTAND for entry in input.degraded):
        yield words.not_read
    else:
        yield _answer(understood, decision, found, words)
    if found and found.listings and found.relaxed and not found.offset:
        yield relaxed_text(found, words)
    if understood.currency_assumed and understood.intent is Intent.FIND:
        yield words.currency_assumed
    if decision.question:
        yield _question(decision.question, understood, words)


def _answer(understood: Understanding, decision: Decision, found: FoundListings | None, words: Wording) -> str:
    if understood.plan and found is None:
        return words.search_failed
    if found and found.listings:
        return cards_text(found, words)
    match understood.intent:
        case Intent.SUMMARY:
            return summary_text(found or FoundListings(), words)
        case Intent.MORE:
            return words.no_more
        case Intent.FIND:
            return nothing_text(understood.plan.query, words) if understood.plan else _begin(decision, words)
        case Intent.MARKETPLACE:
            return _not_here_yet(words.no_marketplace, understood, words)
        case Intent.LOCAL_INFO:
            return _not_here_yet(words.no_local_info, understood, words)
        case Intent.SMALLTALK | Intent.UNCLEAR:
            return _chat(understood, decision, words)


def _begin(decision: Decision, words: Wording) -> str:
    return words.gladly if decision.act is Act.ASK_SLOT else words.invitation


def _not_here_yet(sentence: str, understood: Understanding, words: Wording) -> str:
    """Honest about what is missing, and about what is kept of the search for a home."""
    kept = criteria(query(understood.slots), words)
    return f"{sentence} {words.kept.format(criteria=kept)}" if kept else sentence


def _chat(understood: Understanding, decision: Decision, words: Wording) -> str:
    opening = words.unclear if understood.intent is Intent.UNCLEAR else ""
    if understood.smalltalk:
        opening = words.smalltalk[understood.smalltalk]
    invitation = "" if decision.question else words.invitation
    return " ".join(part for part in (opening, invitation) if part)


def _question(question: Question, understood: Understanding, words: Wording) -> str:
    if question.slot is SlotName.BUDGET:
        return words.budget_questions[understood.slots.rental_type]
    return words.questions[question.slot]
