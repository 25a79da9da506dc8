"""Server-sent events as the WHATWG standard has them: bytes in any pieces to whole events."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerSentEvent:
    """`id` is the last one the stream has named, on this event or an earlier one; empty: none yet."""

    event: str
    data: str
    id: str


class SSEParser:
    """Feed it what arrives; an event comes out with the blank line that ends it.

    What was fed of an unfinished event when the stream ends is void, as the standard demands.
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")(errors="replace").decode
        self._unfinished_line = ""
        self._after_cr = False
        self._event = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, piece: bytes) -> Iterator[ServerSentEvent]:
        for line in self._lines(self._decode(piece)):
            if line:
                self._field(line)
            elif self._data:
                yield ServerSentEvent(self._event or "message", "\n".join(self._data), self._id)
            if not line:
                self._event, self._data = "", []

    def _lines(self, text: str) -> list[str]:
        """A line ends with LF, CR or CRLF; a CRLF may be cut in its middle."""
        if not text:
            return []
        if self._after_cr:
            text = text.removeprefix("\n")
        self._after_cr = text.endswith("\r")
        text = self._unfinished_line + text.replace("\r\n", "\n").replace("\r", "\n")
        *lines, self._unfinished_line = text.split("\n")
        return lines

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case _:
                pass  # comments, `retry`, and fields of a later version
