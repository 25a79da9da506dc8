"""Folding: one spelling for comparison."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.folding import fold


@given(st.text())
def test_folding_twice_changes_nothing(text):
    """Folded text is its own folded form, and lower-case ASCII."""
    folded = fold(text)
    assert fold(folded) == folded
    assert folded.isascii()
    assert folded == folded.lower()


@given(st.text(alphabet="iıİIşŞğĞçÇöÖüÜabcKyrenia "))
def test_case_does_not_matter(text):
    """Turkish text folds to the same whether it is shouted or not."""
    assert fold(text.upper()) == fold(text)


@pytest.mark.parametrize("spelling", ["İSKELE", "Iskele", "ıskele", "iskele", "I\u0307skele"])
def test_every_turkish_i_is_one_letter(spelling):
    """Dotted, dotless, composed and decomposed i are all i."""
    assert fold(spelling) == "iskele"


def test_cyrillic_is_read_aloud():
    """Russian letters become the Latin ones they sound like."""
    assert fold("Фамагуста") == "famagusta"
