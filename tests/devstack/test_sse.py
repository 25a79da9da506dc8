from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from devstack.sse import ServerSentEvent, SSEParser

LINE = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=12)
WORD = st.text("abcçğış", min_size=1, max_size=6)
EVENT = st.tuples(
    WORD, st.lists(LINE, min_size=1, max_size=3), st.from_regex(r"[0-9a-f]{4}\.[0-9]{1,3}\.[0-9]", fullmatch=True)
)


@given(
    events=st.lists(EVENT, max_size=6),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    size=st.integers(min_value=1, max_value=60),
    cuts=st.lists(st.integers(min_value=0, max_value=400)),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_events_arrive_whole_however_the_bytes_are_cut(events, newline, size, cuts, mark):
    """No cut, inside a letter or a line end, changes, loses or doubles an event."""
    stream = mark + "".join(_written(event, newline) for event in events).encode()
    edges = sorted({*range(0, len(stream), size), len(stream), *(cut for cut in cuts if cut < len(stream))})
    parser = SSEParser()
    received = [event for start, end in pairwise(edges) for event in parser.feed(stream[start:end])]
    assert received == [ServerSentEvent(name, "\n".join(data), event_id) for name, data, event_id in events]


def _written(event: tuple[str, list[str], str], newline: str) -> str:
    name, data, event_id = event
    lines = [
        ": ping",
        f"event: {name}",
        *(f"data: {line}" for line in data),
        f"id: {event_id}",
        "retry: 1000",
        "",
        "",
    ]
    return newline.join(lines)


def test_pings_are_no_events():
    """A quiet stream's comments and empty blocks tell the caller nothing."""
    assert list(SSEParser().feed(b": ping\n\n\nevent: step\n\n")) == []


def test_the_last_id_stays_until_another_comes():
    """A client that resumes sends the last id named, although later events carried none."""
    parser = SSEParser()
    assert [event.id for event in parser.feed(b"id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n")] == ["7", "7", ""]


def test_an_unfinished_event_is_not_told():
    """What a cut connection left half is not an event."""
    assert list(SSEParser().feed(b"event: result\ndata: {}\n")) == []
