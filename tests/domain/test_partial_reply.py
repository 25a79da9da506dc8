"""The text shown so far: one rule for the workflow that keeps it and for whoever watches."""

from hypothesis import given
from hypothesis import strategies as st

from domain.reply import PartialReply, ReplyDelta


def piece(attempt: int, index: int, text: str = "x") -> ReplyDelta:
    return ReplyDelta(run_id="run", attempt=attempt, index=index, text=text)


attempts = st.lists(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=5), min_size=1, max_size=4)


@given(attempts, st.data())
def test_repeats_and_late_words_change_nothing(attempts: list[list[str]], data: st.DataObject) -> None:
    """However often pieces come again, and old attempts speak up: the text is that of the last attempt."""
    partial = PartialReply()
    sent: list[ReplyDelta] = []
    for number, texts in enumerate(attempts, start=1):
        for index, text in enumerate(texts):
            sent.append(piece(number, index, text))
            partial = partial.with_delta(sent[-1])
            for again in data.draw(st.lists(st.sampled_from(sent), max_size=3)):
                partial = partial.with_delta(again)
    assert partial.text == "".join(attempts[-1])


@given(attempts, st.integers(1, 9), st.integers(0, 9))
def test_nothing_is_taken_after_the_step_has_failed(attempts: list[list[str]], attempt: int, index: int) -> None:
    """The template's reply follows: a late word of any attempt, also of one that had shown nothing, is dropped."""
    partial = PartialReply()
    for number, texts in enumerate(attempts, start=1):
        for position, text in enumerate(texts):
            partial = partial.with_delta(piece(number, position, text))
    for failed in (partial.voided(), PartialReply().voided()):
        assert failed.with_delta(piece(attempt, index)).text == ""
