"""What holds for every text, whoever wrote it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.folding import fold
from domain.grammar.english import ENGLISH
from domain.grammar.parse import parse
from domain.grammar.sentence import normal_form
from domain.slots import SlotName

WORDS = st.sampled_from(
    [
        *("bed", "bedroom", "2+1", "pounds", "£", "€", "tl", "k", "m", "max", "under", "from", "to", "between"),
        *("and", "-", "around", "budget", "a", "month", "per", "night", "Girne", "long", "beach", "in", "room"),
        *("no", "not", ",", ".", "/", "+", ":", "|", "deposit", "+90", "533", "call", "10", "July", "try"),
    ]
)
NUMBERS = st.integers(0, 3_000_000).map(str)
MESSAGES = st.one_of(st.text(max_size=200), st.lists(WORDS | NUMBERS, max_size=15).map(" ".join))
ASKED = st.none() | st.sampled_from(SlotName)


@settings(max_examples=300, deadline=None)
@given(MESSAGES, ASKED)
def test_no_text_is_too_strange(message, asked):
    """Any text parses, and its folded form says the same."""
    assert parse(fold(message), ENGLISH, asked=asked) == parse(message, ENGLISH, asked=asked)


@settings(max_examples=300, deadline=None)
@given(MESSAGES)
def test_the_normal_form_is_stable(message):
    """The normal form of a normal form is itself."""
    assert normal_form(normal_form(message)) == normal_form(message)


AROUND_A_NUMBER = st.sampled_from(["bed", "pounds", "max", "to", "-", "a month", "under", "budget", "and"])


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.integers(1, 19), min_size=1, max_size=4, unique=True),
    st.lists(st.tuples(AROUND_A_NUMBER, AROUND_A_NUMBER), min_size=4, max_size=4),
    ASKED,
)
def test_a_number_fills_at_most_one_slot(numbers, words, asked):
    """The number taken as bedrooms is never a bound of the budget as well."""
    message = " ".join(
        f"{before} {number} {after}" for number, (before, after) in zip(numbers, words, strict=False)
    )
    slots = parse(message, ENGLISH, asked=asked).slots
    bounds = (slots.budget.min, slots.budget.max) if slots.budget else ()
    assert slots.bedrooms is None or slots.bedrooms not in bounds
