"""How many sockets are open, so that a server that stops can wait until each has been told to come back."""

from collections.abc import Iterator
from contextlib import contextmanager

from api.wake_up import WakeUp


class OpenSockets:
    def __init__(self) -> None:
        self._open = 0
        self._news = WakeUp()

    @contextmanager
    def one(self) -> Iterator[None]:
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            self._news.everybody()

    async def all_closed(self) -> None:
        while self._open:
            await self._news.next.wait()
