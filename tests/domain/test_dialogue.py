"""What is asked, when, how often; and what the thread remembers."""

import pytest

from domain.dialogue import QUESTIONS, decide, next_question, next_state
from domain.grammar.english import ENGLISH
from domain.grammar.parse import parse
from domain.listings import FoundListings, ListingQuery, SearchPlan
from domain.slots import Budget, Location, RentalType, SlotName, Slots
from domain.thread import Agent, Language, ThreadState
from domain.turn import Act
from domain.understanding import Intent, Understanding
from tests.domain.spoken_thread import SpokenThread, a_home

ALL_FOUR = Slots(
    rental_type=RentalType.LONG_TERM, location=Location(city="girne"), budget=Budget(max=500), bedrooms=2
)
HOMES = FoundListings(listings=(a_home(),), total=1)


def understood(slots=ALL_FOUR, intent=Intent.FIND, **more) -> Understanding:
    return Understanding(language=Language.EN, agent=Agent.RE, intent=intent, slots=slots, **more)


def without(*names: str) -> Slots:
    return ALL_FOUR.model_copy(update=dict.fromkeys(names))


@pytest.mark.parametrize(
    ("missing", "asked"),
    [
        (("bedrooms",), SlotName.BEDROOMS),
        (("bedrooms", "budget"), SlotName.BUDGET),
        (("bedrooms", "budget", "location"), SlotName.LOCATION),
        (("bedrooms", "budget", "location", "rental_type"), SlotName.RENTAL_TYPE),
        (("location", "rental_type"), SlotName.RENTAL_TYPE),
        ((), None),
    ],
)
def test_the_first_missing_slot_is_asked_for(missing, asked):
    """Rental type, place, budget, bedrooms: the first that is missing is asked for, a filled one never."""
    question = next_question(ThreadState(), understood(without(*missing)))
    assert (question.slot if question else None) == asked


def test_a_slot_asked_three_times_is_skipped():
    """After three times the next slot is asked for instead."""
    state = ThreadState(asked={SlotName.RENTAL_TYPE: 3})
    assert next_question(state, understood(Slots())).slot is SlotName.LOCATION


def test_every_option_is_understood_as_an_answer():
    """A client may send an option's code back as the user's answer."""
    for question in QUESTIONS:
        for option in question.options:
            assert question.slot in parse(option, ENGLISH, asked=question.slot).slots.filled, option


def test_cards_make_the_act_a_recommendation_and_leave_room_for_a_question():
    """Whenever cards are shown the act says so; one question may stand beside them."""
    decision = decide(ThreadState(), understood(without("bedrooms")), HOMES)
    assert decision.act is Act.SEARCH_AND_RECOMMEND
    assert decision.question.slot is SlotName.BEDROOMS


def test_without_cards_the_act_is_the_question():
    """Nothing was searched: the reply asks."""
    assert decide(ThreadState(), understood(Slots()), None).act is Act.ASK_SLOT


def test_an_empty_search_is_not_narrowed():
    """When nothing was found, bedrooms and budget are not asked for: they would only take more away."""
    plan = SearchPlan(query=ListingQuery())
    decision = decide(ThreadState(), understood(without("bedrooms"), plan=plan), FoundListings())
    assert (decision.act, decision.question) == (Act.CLARIFY, None)


@pytest.mark.parametrize(
    ("intent", "act"),
    [
        (Intent.SUMMARY, Act.OFFER_SUMMARY),
        (Intent.MORE, Act.NEXT_PAGE),
        (Intent.SMALLTALK, Act.CLARIFY),
        (Intent.UNCLEAR, Act.CLARIFY),
        (Intent.LOCAL_INFO, Act.ANSWER_QUESTION),
        (Intent.MARKETPLACE, Act.ANSWER_QUESTION),
    ],
)
def test_each_intent_has_its_act_when_no_cards_are_shown(intent, act):
    """A reply without cards never claims to recommend."""
    assert decide(ThreadState(), understood(intent=intent), FoundListings()).act is act


def test_case_1_a_broad_search_runs_beside_the_one_question():
    """A beach apartment in Girne: cards at once, and the rental type is the one question."""
    thread = SpokenThread()
    reply = thread.say("I want a beach apartment in Girne")
    assert reply.act is Act.SEARCH_AND_RECOMMEND
    assert reply.question.slot is SlotName.RENTAL_TYPE
    assert reply.question.options == ("short_term", "long_term", "sale")
    assert len(reply.recommendations) == 8


def test_case_2_two_bedrooms_long_term_shows_cards():
    """Rental type and bedrooms are enough for cards, and neither is asked for."""
    thread = SpokenThread()
    reply = thread.say("Show me 2 bedroom apartments for long-term rent")
    assert reply.act is Act.SEARCH_AND_RECOMMEND
    assert reply.question.slot is SlotName.LOCATION
    assert (thread.understood.plan.query.bedrooms, thread.understood.plan.query.bedrooms_max) == (2, 2)


@pytest.mark.parametrize("answer", ["short term", "long term"])
def test_cases_3_and_4_three_turns_to_the_cards(answer):
    """Turn two asks only the rental type; turn three shows cards and asks for nothing that is filled."""
    thread = SpokenThread()
    first = thread.say("need an apartment")
    assert (first.act, first.question.slot) == (Act.ASK_SLOT, SlotName.RENTAL_TYPE)
    second = thread.say("Kyrenia 500 pounds")
    assert second.question.slot is SlotName.RENTAL_TYPE
    third = thread.say(answer)
    assert third.act is Act.SEARCH_AND_RECOMMEND
    assert len(third.recommendations) >= 6
    assert third.question.slot is SlotName.BEDROOMS
    assert third.state.slots.filled == {
        *(SlotName.RENTAL_TYPE, SlotName.LOCATION, SlotName.BUDGET, SlotName.PROPERTY_TYPE)
    }


def test_case_5_a_lone_place_answers_the_question():
    """ "Girne" after the question for a place fills it and stays with real estate."""
    thread = SpokenThread()
    assert thread.say("a long term apartment").question.slot is SlotName.LOCATION
    reply = thread.say("Girne")
    assert reply.state.agent is Agent.RE
    assert reply.state.slots.location == Location(city="girne")
    assert reply.question.slot is not SlotName.LOCATION


def test_case_6_what_do_you_have_is_a_summary():
    """ "What do you have?" runs the summary and shows no cards."""
    thread = SpokenThread()
    reply = thread.say("what do you have?")
    assert thread.understood.plan.summary
    assert (reply.act, reply.recommendations) == (Act.OFFER_SUMMARY, ())


def test_case_7_more_pages_to_a_clear_end():
    """ "More" shows the next homes without repeats, then says that there are no more, as often as asked."""
    thread = SpokenThread(hits=18)
    shown = [card.id for card in thread.say("apartments in Girne").recommendations]
    for expected in (8, 2):
        reply = thread.say("more")
        assert (reply.act, len(reply.recommendations)) == (Act.SEARCH_AND_RECOMMEND, expected)
        shown += [card.id for card in reply.recommendations]
    assert len(set(shown)) == len(shown) == 18
    for _ in range(2):
        assert (thread.say("more").act, thread.reply.recommendations) == (Act.NEXT_PAGE, ())


@pytest.mark.parametrize("message", ["?", "👍", "ok"])
def test_case_14_signs_and_nods_are_answered(message):
    """A message without a wish gets a reply with text, in a new thread and in the middle of one."""
    assert SpokenThread().say(message).text
    thread = SpokenThread()
    thread.say("need an apartment")
    reply = thread.say(message)
    assert (reply.act, reply.question.slot) == (Act.CLARIFY, SlotName.RENTAL_TYPE)


def test_a_question_waved_aside_is_not_asked_again():
    """ "Any" moves on to the next question for good."""
    thread = SpokenThread()
    assert thread.say("a long term apartment").question.slot is SlotName.LOCATION
    assert thread.say("anywhere").question.slot is SlotName.BUDGET
    assert thread.say("up to 500 pounds").question.slot is SlotName.BEDROOMS


def test_no_slot_is_asked_more_than_three_times_however_stubborn_the_user():
    """A user who never answers hears each question at most three times."""
    thread = SpokenThread()
    asked = [thread.say("need an apartment").question for _ in range(20)]
    slots = [question.slot for question in asked if question]
    assert {slot: slots.count(slot) for slot in slots} == {question.slot: 3 for question in QUESTIONS}


def test_a_question_stays_open_while_the_user_pages():
    """After "more" a bare number still answers the question that was asked before it."""
    thread = SpokenThread()
    thread.say("long term in Girne")
    thread.say("more")
    assert thread.say("500").state.slots.budget == Budget(max=500)


def test_a_failed_search_is_taken_up_by_more():
    """After a failed search "more" runs that search from its beginning."""
    thread = SpokenThread()
    thread.say("apartments in Girne")
    thread.say("under 500 pounds", search_is_down=True)
    thread.say("more")
    assert thread.understood.plan.query.price_max == 500
    assert thread.understood.plan.query.offset == 0


def test_a_failed_next_page_is_not_lost():
    """When "more" fails, the next "more" shows the page that was missed."""
    thread = SpokenThread()
    thread.say("apartments in Girne")
    thread.say("more", search_is_down=True)
    assert thread.say("more").recommendations[0].id == "home-8"


def test_the_state_follows_the_search_that_found_the_cards():
    """What "more" continues is the query that found the cards, widened filters included."""
    widened = ListingQuery(city="girne", price_max=550)
    plan = SearchPlan(query=ListingQuery(city="girne", price_max=500))
    found = FoundListings(listings=(a_home(), a_home(2)), total=2, query=widened)
    said = understood(plan=plan)
    state = next_state(ThreadState(), said, decide(ThreadState(), said, found), found)
    assert (state.last_query, state.next_offset, state.shown) == (widened, 2, ("home-1", "home-2"))


def test_a_thumbs_up_is_no_question_asked_again():
    """A message without words repeats the open question, without counting it as asked once more."""
    thread = SpokenThread()
    thread.say("I need an apartment")
    replies = [thread.say(text) for text in ("👍", "?", "ok", "👍")]
    assert {reply.question.slot for reply in replies} == {SlotName.RENTAL_TYPE}
    assert all(not reply.text.startswith("\n") for reply in replies)
