"""Memory that keeps what each thread was told and refuses to hear one thing in two versions."""

from collections import defaultdict

from domain.memory import MemoryContext, MemoryMessage
from tests.fakes import Script


class RecordingMemory:
    """Implements domain.ports.Memory. An id that comes again must say the same; `conflicts` has the others."""

    def __init__(self) -> None:
        self.writes = Script()
        self.conflicts: list[str] = []
        self._stored: dict[str, dict[str, MemoryMessage]] = defaultdict(dict)

    def of_thread(self, thread_id: str) -> list[MemoryMessage]:
        return list(self._stored[thread_id].values())

    async def fetch_context(self, user_id: str, thread_id: str, *, budget: float) -> MemoryContext:
        return MemoryContext(messages=tuple(self.of_thread(thread_id)))

    async def append(
        self, user_id: str, thread_id: str, messages: tuple[MemoryMessage, ...], *, budget: float
    ) -> None:
        await self.writes.run()
        for message in messages:
            if self._stored[thread_id].setdefault(message.id, message) != message:
                self.conflicts.append(message.id)
