"""A language model that finishes no reply before it is told to, and remembers who was being answered when."""

import asyncio
from collections.abc import AsyncIterator

from temporalio import activity

from domain.errors import ModelUnavailable
from domain.prompt import PromptMessage

FIRST, SECOND = "There are flats ", "to rent in Girne."


class PacedModel:
    """Implements domain.ports.ReplyModel. Each permit lets one reply end."""

    name = "paced"

    def __init__(self) -> None:
        self.permits = asyncio.Semaphore(0)
        self.breaks = 0
        self.begun: list[str] = []
        self.writing: list[str] = []
        self.overlaps: list[tuple[str, ...]] = []

    async def write(self, prompt: tuple[PromptMessage, ...], *, budget: float) -> AsyncIterator[str]:
        workflow_id = activity.info().workflow_id or ""
        self.begun.append(workflow_id)
        self.writing.append(workflow_id)
        if len(self.writing) > 1:
            self.overlaps.append(tuple(self.writing))
        try:
            yield FIRST
            if self.breaks:
                self.breaks -= 1
                raise ModelUnavailable
            await self.permits.acquire()
            yield SECOND
        finally:
            self.writing.remove(workflow_id)
