"""What the reply says."""

import re

import pytest

from domain.listings import FoundListings, ListingQuery, RelaxedFilter, SearchPlan
from domain.reply import GenerateReplyInput
from domain.sentences import apology_text, rejected_text, spoken
from domain.sentences.compose import compose_reply
from domain.sentences.money import counted, money
from domain.sentences.registry import WORDINGS
from domain.slots import Amenity, Currency, Slots
from domain.thread import Agent, Language, ThreadState
from domain.turn import Act, Degradation, ReplyMode, StepName
from domain.understanding import Intent, Understanding, not_understood
from tests.domain.spoken_thread import SpokenThread, a_home, heard


def replied(found: FoundListings | None, understood: Understanding, *degraded: Degradation):
    return compose_reply(
        GenerateReplyInput(
            turn_id="turn",
            message="",
            mode=ReplyMode.TEMPLATE,
            state=ThreadState(),
            understood=understood,
            found=found,
            degraded=degraded,
        )
    )


def a_search(query: ListingQuery, slots: Slots | None = None) -> Understanding:
    return Understanding(
        language=Language.EN,
        agent=Agent.RE,
        intent=Intent.FIND,
        slots=slots or Slots(),
        plan=SearchPlan(query=query),
    )


def test_cards_come_with_count_place_and_wishes():
    """The reply says how many homes there are, of which search, and how to see the others."""
    text = SpokenThread(hits=23).say("2 bedroom flats in Girne, long term, up to £500, with pool").text
    assert text.splitlines()[0] == (
        "I found 23 homes: Girne (Kyrenia), long-term, 2 bedrooms, up to £500, pool. "
        'Here are the first 8; say "more" for the next ones.'
    ).replace("homes", "apartments")


def test_the_last_page_says_so():
    """A page tells where it stands, and the last one that it is the last."""
    thread = SpokenThread(hits=10)
    thread.say("flats in Girne")
    assert thread.say("more").text == "Here are 2 more (9 to 10 of 10). Those are the last ones."
    assert "all I have" in thread.say("more").text


def test_widened_filters_are_said_in_words():
    """Every filter that was widened or dropped is named with what was asked for."""
    query = ListingQuery(city="girne", bedrooms=2, bedrooms_max=3, price_max=550, currency=Currency.EUR)
    relaxed = (
        RelaxedFilter(filter="price_max", said="500", used="550"),
        RelaxedFilter(filter="bedrooms_max", said="2", used="3"),
        RelaxedFilter(filter="property_type", said="villa"),
        RelaxedFilter(filter="amenities", said="pool,sea_view"),
    )
    found = FoundListings(listings=(a_home(),), total=1, query=query, relaxed=relaxed)
    text = replied(found, a_search(query)).text
    assert "I found 1 home: Girne (Kyrenia), 2 to 3 bedrooms, up to €550. Here they are." in text
    assert "budget up to €550 instead of €500" in text
    assert "up to 3 bedrooms instead of 2" in text
    assert "any kind of home instead of villa" in text
    assert "without asking for pool, sea view" in text


def test_an_unknown_widened_filter_is_still_said():
    """A filter this file has no words for is named as it is."""
    found = FoundListings(listings=(a_home(),), total=1, relaxed=(RelaxedFilter(filter="bathrooms", said="2"),))
    assert "bathrooms" in replied(found, a_search(ListingQuery())).text


def test_an_assumed_currency_is_said():
    """Who names no currency is told that pounds were taken; who names one is not."""
    assert "GBP" in SpokenThread().say("flats in Girne under 500").text
    assert "GBP" not in SpokenThread().say("flats in Girne under 500 euros").text


def test_case_11_a_failed_search_invents_nothing_and_denies_nothing():
    """With the search down the reply says so, shows no card, and never claims that nothing was found."""
    reply = SpokenThread().say("apartments in Girne for 500 pounds", search_is_down=True)
    assert "can't reach the listings" in reply.text
    assert "found" not in reply.text
    assert reply.recommendations == ()
    assert reply.act is not Act.SEARCH_AND_RECOMMEND


def test_the_turn_after_a_failed_search_shows_cards_again():
    """Nothing of the failure stays behind."""
    thread = SpokenThread()
    thread.say("apartments in Girne", search_is_down=True)
    assert len(thread.say("long term").recommendations) == 8


def test_nothing_found_names_the_search():
    """An empty search says what was searched for."""
    reply = SpokenThread(hits=0).say("flats in Lefke under £50, long term")
    assert reply.text == "I found nothing for: Lefke (Lefka), long-term, up to £50."


def test_memory_trouble_is_not_the_users_concern():
    """A memory outage changes no word of the reply."""
    outage = Degradation(step=StepName.RECALL, reason="MemoryUnavailable", fallback="no_memory")
    understood = heard("need an apartment")
    assert replied(None, understood, outage).text == replied(None, understood).text


def test_a_message_that_could_not_be_read_is_asked_for_again():
    """When understanding failed the reply does not pretend that the message was unclear."""
    failed = Degradation(step=StepName.UNDERSTAND, reason="Timeout", fallback="thread_state")
    assert "send it again" in replied(None, not_understood(ThreadState(), None), failed).text


def test_case_6_the_summary_has_counts_and_prices_by_city():
    """Each city has a line with its count and price range; a city without prices has its count."""
    lines = SpokenThread().say("what do you have?").text.splitlines()
    assert lines[1] == "• Girne (Kyrenia): 120 homes, rents from £450 to £1,500 a month"
    assert lines[2] == "• İskele (Trikomo): 1 home"


@pytest.mark.parametrize("message", ["actually show me cars", "pharmacy near me"])
def test_what_is_not_there_is_not_made_up(message):
    """Marketplace and local information are declined honestly, and the search for a home is kept."""
    thread = SpokenThread()
    thread.say("flats in Girne under £500")
    reply = thread.say(message)
    assert reply.recommendations == ()
    assert "yet" in reply.text
    assert "Girne (Kyrenia), up to £500" in reply.text


@pytest.mark.parametrize(
    ("message", "words"),
    [("hello", "Hello!"), ("thanks", "You're welcome!"), ("bye", "Goodbye!"), ("who are you?", "assistant")],
)
def test_smalltalk_gets_a_fitting_answer(message, words):
    """A greeting is greeted, thanks are taken, a farewell is returned."""
    assert words in SpokenThread().say(message).text


def test_at_most_one_question_is_asked():
    """No reply of a long conversation holds two questions."""
    thread = SpokenThread()
    for message in ("hi", "need a flat", "?", "what do you have?", "Girne under 500", "more", "long", "ok", "2"):
        assert thread.say(message).text.count("?") <= 1, message


def test_no_more_than_eight_cards_and_the_rest_is_not_lost():
    """A search that answers too many homes still shows eight, and "more" goes on with the ninth."""
    query = ListingQuery(city="girne")
    found = FoundListings(listings=tuple(a_home(n) for n in range(12)), total=12, query=query)
    reply = replied(found, a_search(query))
    assert len(reply.recommendations) == 8
    assert reply.state.next_offset == 8


def test_the_cards_are_those_of_the_search():
    """A reply names only listings that the search of its turn returned."""
    found = FoundListings(listings=(a_home(7), a_home(9)), total=2)
    assert [card.id for card in replied(found, a_search(ListingQuery())).recommendations] == ["home-7", "home-9"]


@pytest.mark.parametrize("language", list(Language))
def test_last_resorts_exist_for_every_language(language):
    """The refusal and the apology have words in every language, English where there are none yet."""
    assert rejected_text(language)
    assert apology_text(language)
    assert spoken(language) in WORDINGS


@pytest.mark.parametrize("language", list(WORDINGS))
def test_every_amenity_and_kind_has_words(language):
    """No code of a listing can be without a word."""
    words = WORDINGS[language]
    assert set(words.amenities) == set(Amenity)
    assert set(words.kinds) == {kind for kind in words.homes if kind}
    assert all("{count}" in form for forms in words.homes.values() for form in forms.values())
    assert "other" in words.bedrooms


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (750, Currency.GBP, "£750"),
        (1250.5, Currency.EUR, "€1,250.50"),
        (120_000, Currency.USD, "$120,000"),
        (25_000, Currency.TRY, "₺25,000"),
    ],
)
def test_money_has_short_signs_and_no_empty_decimals(amount, currency, text):
    """Amounts are written as people in Cyprus read them."""
    assert money(amount, currency, "en_GB") == text


def test_counts_follow_the_plural_rules_of_their_language():
    """The form is chosen by the language's own rules, not by "one or many"."""
    forms = {"one": "{count} дом", "few": "{count} дома", "many": "{count} домов", "other": "{count} дома"}
    assert [counted(forms, count, "ru") for count in (1, 3, 5, 21)] == ["1 дом", "3 дома", "5 домов", "21 дом"]


def test_no_template_is_left_unfilled():
    """No brace of a template reaches the user."""
    thread = SpokenThread()
    for message in ("hi", "need a flat", "Girne under 500", "long", "2", "more", "more", "more", "cars", "?"):
        assert not re.search(r"[{}]", thread.say(message).text)
