"""The understanding step."""

from temporalio import activity

from domain.grammar.understand import understand
from domain.understanding import Understanding, UnderstandMessageInput


class UnderstandingActivities:
    @activity.defn
    async def understand_message(self, input: UnderstandMessageInput) -> Understanding:
        """By the grammar: milliseconds and no I/O, so it runs as a local activity."""
        return understand(input)
