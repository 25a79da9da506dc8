"""A message against its thread: who answers, what is wanted, which search runs."""

import pytest

from domain.listings import ListingQuery
from domain.sentences.registry import WORDINGS
from domain.slots import Amenity, Budget, Currency, Location, PropertyType, RentalType, SlotName, Slots
from domain.thread import Agent, Language, ThreadState
from domain.understanding import Intent, Smalltalk
from tests.domain.spoken_thread import heard

GIRNE = Location(city="girne")
KNOWN = Slots(location=GIRNE, budget=Budget(max=500), property_type=PropertyType.APARTMENT)
HOMES = ThreadState(agent=Agent.RE, slots=KNOWN, last_query=ListingQuery(city="girne"), next_offset=8)
CARS = ThreadState(agent=Agent.MARKETPLACE, slots=KNOWN)


@pytest.mark.parametrize(
    ("message", "intent", "agent"),
    [
        ("I want a beach apartment in Girne", Intent.FIND, Agent.RE),
        ("looking for accommodation", Intent.FIND, Agent.RE),
        ("is there an apartment near the hospital?", Intent.FIND, Agent.RE),
        ("house with garage for 2 cars", Intent.FIND, Agent.RE),
        ("what do you have?", Intent.SUMMARY, Agent.RE),
        ("what do you have in Girne?", Intent.FIND, Agent.RE),
        ("hi", Intent.SMALLTALK, Agent.GENERAL),
        ("👍", Intent.SMALLTALK, Agent.GENERAL),
        ("?", Intent.SMALLTALK, Agent.GENERAL),
        ("next week maybe the cat", Intent.UNCLEAR, Agent.GENERAL),
        ("actually show me cars", Intent.MARKETPLACE, Agent.MARKETPLACE),
        ("I want to buy a car", Intent.MARKETPLACE, Agent.MARKETPLACE),
        ("pharmacy near me", Intent.LOCAL_INFO, Agent.LOCAL_INFO),
        ("beach near me?", Intent.LOCAL_INFO, Agent.LOCAL_INFO),
        ("which beaches are there in Girne", Intent.LOCAL_INFO, Agent.LOCAL_INFO),
        ("apartment near the beach", Intent.FIND, Agent.RE),
    ],
)
def test_in_a_new_thread_the_message_alone_decides(message, intent, agent):
    """A first message reaches the agent its words speak of."""
    understood = heard(message)
    assert (understood.intent, understood.agent) == (intent, agent)


@pytest.mark.parametrize(
    ("state", "message", "intent", "agent"),
    [
        (HOMES, "Girne", Intent.FIND, Agent.RE),
        (HOMES, "long term", Intent.FIND, Agent.RE),
        (HOMES, "ok", Intent.SMALLTALK, Agent.RE),
        (HOMES, "blah blah", Intent.UNCLEAR, Agent.RE),
        (HOMES, "show me more apartments", Intent.MORE, Agent.RE),
        (HOMES, "more please", Intent.MORE, Agent.RE),
        (HOMES, "more villas", Intent.FIND, Agent.RE),
        (HOMES, "more than 300 pounds", Intent.FIND, Agent.RE),
        (CARS, "Girne", Intent.MARKETPLACE, Agent.MARKETPLACE),
        (CARS, "under 3000 pounds", Intent.MARKETPLACE, Agent.MARKETPLACE),
        (CARS, "thanks", Intent.SMALLTALK, Agent.MARKETPLACE),
        (CARS, "back to houses", Intent.FIND, Agent.RE),
        (CARS, "long term", Intent.FIND, Agent.RE),
    ],
)
def test_a_message_that_says_little_stays_with_the_threads_agent(state, message, intent, agent):
    """The agent changes only when the message speaks of something else."""
    understood = heard(message, state)
    assert (understood.intent, understood.agent) == (intent, agent)


def test_case_8_cars_keep_place_and_budget():
    """ "Actually show me cars" switches to the marketplace and forgets nothing."""
    understood = heard("actually show me cars", HOMES)
    assert understood.agent is Agent.MARKETPLACE
    assert understood.slots == KNOWN
    assert understood.plan is None


def test_buying_a_car_is_not_buying_a_home():
    """A marketplace message changes no slot that only a home has."""
    assert heard("I want to buy a car", HOMES).slots.rental_type is None


def test_a_changed_slot_searches_again_and_the_others_stay():
    """One changed slot runs the search anew with all the others as they were."""
    understood = heard("up to 700 pounds", HOMES)
    assert understood.said == (SlotName.BUDGET,)
    assert understood.slots == KNOWN.model_copy(update={"budget": Budget(max=700)})
    assert understood.plan.query == ListingQuery(
        city="girne", price_max=700, currency=Currency.GBP, property_type=PropertyType.APARTMENT
    )


def test_amenities_add_up():
    """A further wish is added to those already known."""
    state = ThreadState(agent=Agent.RE, slots=Slots(location=GIRNE, amenities=(Amenity.POOL,)))
    assert heard("with sea view", state).slots.amenities == (Amenity.POOL, Amenity.SEA_VIEW)


def test_the_query_asks_exactly_for_what_was_said():
    """Bedrooms are exact, the place goes in as city and area, and a page has eight homes."""
    query = heard("2 bedroom flat in Long Beach, long term, 400-600 euros, pool").plan.query
    assert query == ListingQuery(
        city="iskele",
        area="long-beach",
        bedrooms=2,
        bedrooms_max=2,
        rent_type=RentalType.LONG_TERM,
        price_min=400,
        price_max=600,
        currency=Currency.EUR,
        property_type=PropertyType.APARTMENT,
        amenities=(Amenity.POOL,),
        limit=8,
    )


def test_buying_asks_for_sale():
    """A wish to buy searches what is for sale, not a kind of rent."""
    query = heard("villa for sale in Girne").plan.query
    assert query.sale
    assert query.rent_type is None


@pytest.mark.parametrize(
    ("message", "runs"),
    [
        ("in Girne", True),
        ("under 500 pounds", True),
        ("long term", True),
        ("an apartment", False),
        ("2 bedrooms", False),
        ("hi", False),
    ],
)
def test_a_search_runs_when_place_budget_or_rental_type_is_known(message, runs):
    """One of the three is enough for a search, anything less is not."""
    assert (heard(message).plan is not None) is runs


def test_more_goes_on_with_the_last_search():
    """ "More" asks the same query from where the last page ended."""
    understood = heard("more", HOMES)
    assert understood.plan.query == ListingQuery(city="girne", offset=8)
    assert understood.slots == KNOWN


def test_more_without_an_earlier_search_begins_one():
    """ "More" in a thread that never searched is a wish for homes."""
    assert heard("more").intent is Intent.FIND


def test_two_bedrooms_after_a_studio_is_no_studio():
    """Bedrooms said later take the studio back, and another kind of home takes its zero back."""
    studio = ThreadState(agent=Agent.RE, slots=heard("studio in Girne").slots)
    assert heard("2 bedrooms", studio).slots == Slots(location=GIRNE, bedrooms=2)
    assert heard("a villa", studio).slots == Slots(location=GIRNE, property_type=PropertyType.VILLA)


def test_an_unstated_currency_is_assumed_once_and_said():
    """Without a currency GBP is taken and marked; a currency said earlier stays."""
    assert heard("under 500").currency_assumed
    assert not heard("under 500 euros").currency_assumed
    euros = ThreadState(agent=Agent.RE, slots=heard("under 500 euros").slots)
    later = heard("up to 700", euros)
    assert later.slots.budget == Budget(max=700, currency=Currency.EUR)
    assert not later.currency_assumed


def test_any_as_an_answer_waves_the_question_aside():
    """ "Doesn't matter" is remembered for the slot that was asked for."""
    state = HOMES.model_copy(update={"pending_question": SlotName.BEDROOMS})
    understood = heard("doesn't matter", state)
    assert understood.skipped is SlotName.BEDROOMS
    assert understood.intent is Intent.FIND


@pytest.mark.parametrize("language", list(Language))
def test_the_language_is_one_that_has_sentences(language):
    """A language without sentences is answered in English, and the result says so."""
    expected = language if language in WORDINGS else Language.EN
    assert heard("hi", language=language).language is expected
    assert heard("hi", ThreadState(language=language)).language is expected


@pytest.mark.parametrize(
    ("message", "kind"),
    [("hello!", Smalltalk.GREETING), ("thank you", Smalltalk.THANKS), ("bye", Smalltalk.FAREWELL), ("?", None)],
)
def test_the_kind_of_smalltalk_is_known(message, kind):
    """A greeting, thanks and a farewell are told apart; a mere sign is no kind."""
    assert heard(message).smalltalk is kind
