"""Sentences and the slots they say."""

import pytest

from domain.grammar.english import ENGLISH
from domain.grammar.parse import parse
from domain.slots import SlotName

GIRNE = {"city": "girne"}
LONG_BEACH = {"city": "iskele", "district": "long-beach"}


def gbp(**bounds):
    return bounds | {"currency": "GBP"}


def money(currency, **bounds):
    return bounds | {"currency": currency}


ACCEPTANCE = [
    (
        "I want a beach apartment in Girne",
        {"location": GIRNE, "property_type": "apartment", "amenities": ["beach_access"]},
    ),
    (
        "Show me 2 bedroom apartments for long-term rent",
        {"rental_type": "long_term", "bedrooms": 2, "property_type": "apartment"},
    ),
    ("need an apartment", {"property_type": "apartment"}),
    ("kyrenia 500 pounds", {"location": GIRNE, "budget": gbp(max=500)}),
    ("short term", {"rental_type": "short_term"}),
    ("long term", {"rental_type": "long_term"}),
    ("Girne", {"location": GIRNE}),
    ("what do you have?", {}),
    ("more", {}),
    ("actually show me cars", {}),
    ("call me +90 533 123 4567, a@b.com, budget 1200000 TRY", {"budget": money("TRY", max=1_200_000)}),
    ("?", {}),
    ("👍", {}),
    ("ok", {}),
]

BEDROOMS = [
    ("2+1 in Kyrenia", {"bedrooms": 2, "location": GIRNE}),
    ("a 1+0 please", {"bedrooms": 0}),
    ("2bed flat", {"bedrooms": 2, "property_type": "apartment"}),
    ("two-bedroom flat", {"bedrooms": 2, "property_type": "apartment"}),
    ("two or three bedrooms", {"bedrooms": 2}),
    ("bedrooms: 3", {"bedrooms": 3}),
    ("a 2 room flat", {"bedrooms": 2, "property_type": "apartment"}),
    ("studio near the beach", {"bedrooms": 0, "property_type": "studio", "amenities": ["beach_access"]}),
    ("studio apartment", {"bedrooms": 0, "property_type": "studio"}),
    ("not 2 bedrooms", {}),
]

RENTAL_TYPES = [
    ("long-term", {"rental_type": "long_term"}),
    ("longterm", {"rental_type": "long_term"}),
    ("long_term", {"rental_type": "long_term"}),
    ("monthly please", {"rental_type": "long_term"}),
    ("a yearly contract", {"rental_type": "long_term"}),
    ("3 nights in Kyrenia", {"rental_type": "short_term", "location": GIRNE}),
    ("weekly", {"rental_type": "short_term"}),
    ("a holiday villa", {"rental_type": "short_term", "property_type": "villa"}),
    ("house for sale", {"rental_type": "sale", "property_type": "house"}),
    ("I want to buy a penthouse", {"rental_type": "sale", "property_type": "penthouse"}),
    ("a flat to rent", {"property_type": "apartment"}),
    ("I don't want to buy", {}),
    ("not short term, long term", {"rental_type": "long_term"}),
    ("short or long term", {}),
]

BUDGETS = [
    ("400-600", {"budget": gbp(min=400, max=600)}),
    ("400–600 euros", {"budget": money("EUR", min=400, max=600)}),
    ("between 400 and 600", {"budget": gbp(min=400, max=600)}),
    ("from 400 to 600 pounds", {"budget": gbp(min=400, max=600)}),
    ("£1,200-£1,500 per month", {"budget": gbp(min=1200, max=1500), "rental_type": "long_term"}),
    ("100-150k pounds", {"budget": gbp(min=100_000, max=150_000)}),
    ("under £600", {"budget": gbp(max=600)}),
    ("up to 600", {"budget": gbp(max=600)}),
    ("600 max", {"budget": gbp(max=600)}),
    ("no more than 450 euros", {"budget": money("EUR", max=450)}),
    ("at least 300 pounds", {"budget": gbp(min=300)}),
    ("more than 300 pounds", {"budget": gbp(min=300)}),
    ("at least 300 and max 500 pounds", {"budget": gbp(min=300, max=500)}),
    ("around 500", {"budget": gbp(min=450, max=550)}),
    ("what about 300 pounds", {"budget": gbp(max=300)}),
    ("how about Iskele", {"location": {"city": "iskele"}}),
    ("budget of around $500", {"budget": money("USD", min=450, max=550)}),
    ("budget 500", {"budget": gbp(max=500)}),
    ("my budget for the flat is 700", {"budget": gbp(max=700), "property_type": "apartment"}),
    ("500 a month", {"budget": gbp(max=500), "rental_type": "long_term"}),
    ("60 per night", {"budget": gbp(max=60), "rental_type": "short_term"}),
    ("€ 650/month", {"budget": money("EUR", max=650), "rental_type": "long_term"}),
    ("20.000₺", {"budget": money("TRY", max=20_000)}),
    ("20 000 turkish lira", {"budget": money("TRY", max=20_000)}),
    ("700 $", {"budget": money("USD", max=700)}),
    ("250k", {"budget": gbp(max=250_000)}),
    ("max 1.2m tl", {"budget": money("TRY", max=1_200_000)}),
    ("400 pounds and 2 bathrooms", {"budget": gbp(max=400)}),
]

WISHES = [
    ("sea view and a pool", {"amenities": ["sea_view", "pool"]}),
    (
        "flat without a garden, with parking and a lift",
        {"amenities": ["parking", "elevator"], "property_type": "apartment"},
    ),
    ("fully furnished, wi-fi, a/c", {"amenities": ["ac", "wifi", "furnished"]}),
    ("beachfront villa", {"amenities": ["beach_access"], "property_type": "villa"}),
    ("10 minutes from the beach", {"amenities": ["beach_access"]}),
    ("villa or house", {}),
    ("2+1 in Long Beach under £600", {"bedrooms": 2, "location": LONG_BEACH, "budget": gbp(max=600)}),
    ("flat in Lapta, Girne", {"location": {"city": "girne", "district": "lapta"}, "property_type": "apartment"}),
    ("not in Girne, in Iskele", {"location": {"city": "iskele"}}),
    (
        "rental in kyrenia 2 bed long term 600gbp",
        {"location": GIRNE, "bedrooms": 2, "rental_type": "long_term", "budget": gbp(max=600)},
    ),
    (
        "one bedroom flat, 20000 TL, Famagusta, with balcony",
        {
            "location": {"city": "gazimagusa"},
            "bedrooms": 1,
            "budget": money("TRY", max=20_000),
            "property_type": "apartment",
            "amenities": ["balcony"],
        },
    ),
]

TRAPS = [
    ("currently looking", {}),
    ("I am currently looking for a flat", {"property_type": "apartment"}),
    ("I have 2 kids and 500 questions", {}),
    ("500", {}),
    ("2", {}),
    ("room 12", {}),
    ("flat 4", {"property_type": "apartment"}),
    ("my number is 0533 123 45 67", {}),
    ("call 533-1234", {}),
    ("10 July", {}),
    ("from 25 July", {}),
    ("from 10/07/2026 to 20/07/2026", {}),
    ("2026-07-10", {}),
    ("since 2020", {}),
    ("from 2026", {}),
    ("2024-2025", {}),
    ("at 10:30, 24/7", {}),
    ("under 4 people", {}),
    ("max 25 minutes from Girne", {"location": GIRNE}),
    ("more than 500 reasons", {}),
    ("500 m from the beach", {"amenities": ["beach_access"]}),
    ("try 500 times", {}),
    ("deposit of 500 pounds", {}),
    ("unfurnished", {}),
    ("no pool", {}),
    ("pool table", {}),
    ("a short walk", {}),
    ("next week", {}),
]

SENTENCES = [*ACCEPTANCE, *BEDROOMS, *RENTAL_TYPES, *BUDGETS, *WISHES, *TRAPS]


@pytest.mark.parametrize(("sentence", "slots"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_a_sentence_fills_exactly_the_slots_it_names(sentence, slots):
    """A sentence fills the slots it names and no other, whatever numbers stand in it."""
    assert parse(sentence, ENGLISH).slots.model_dump(mode="json") == slots


@pytest.mark.parametrize(
    ("answer", "asked", "slots"),
    [
        ("2", SlotName.BEDROOMS, {"bedrooms": 2}),
        ("two please", SlotName.BEDROOMS, {"bedrooms": 2}),
        ("0", SlotName.BEDROOMS, {"bedrooms": 0}),
        ("500", SlotName.BEDROOMS, {}),
        ("room 2", SlotName.BEDROOMS, {}),
        ("500", SlotName.BUDGET, {"budget": gbp(max=500)}),
        ("500-600", SlotName.BUDGET, {"budget": gbp(min=500, max=600)}),
        ("about 60", SlotName.BUDGET, {"budget": gbp(min=54, max=66)}),
        ("2", SlotName.BUDGET, {}),
        ("500 questions", SlotName.BUDGET, {}),
        ("+90 533 123 4567", SlotName.BUDGET, {}),
        ("0533 123 45 67", SlotName.BUDGET, {}),
        ("2026-07-10", SlotName.BUDGET, {}),
        ("room500@example.com", SlotName.BUDGET, {}),
        ("long", SlotName.RENTAL_TYPE, {"rental_type": "long_term"}),
        ("short please", SlotName.RENTAL_TYPE, {"rental_type": "short_term"}),
        ("sale", SlotName.RENTAL_TYPE, {"rental_type": "sale"}),
        ("it is a long way to go for me", SlotName.RENTAL_TYPE, {}),
        ("Girne", SlotName.LOCATION, {"location": GIRNE}),
        ("lefkosa", SlotName.LOCATION, {"location": {"city": "lefkosa"}}),
    ],
)
def test_a_short_answer_counts_for_the_slot_that_was_asked(answer, asked, slots):
    """A bare number or word fills the slot that was asked for, and only when it can be its answer."""
    assert parse(answer, ENGLISH, asked=asked).slots.model_dump(mode="json") == slots


@pytest.mark.parametrize(
    ("sentence", "stated"),
    [("500 pounds", True), ("£500", True), ("1200000 TRY", True), ("under 500", False), ("500 a month", False)],
)
def test_it_is_known_whether_a_currency_was_named(sentence, stated):
    """GBP that was said and GBP that was assumed are told apart."""
    assert parse(sentence, ENGLISH).currency_stated is stated
