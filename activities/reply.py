"""The reply step."""

from temporalio import activity

from domain.reply import GenerateReplyInput, Reply
from domain.sentences.compose import compose_reply


class ReplyActivities:
    @activity.defn
    async def generate_reply(self, input: GenerateReplyInput) -> Reply:
        """Compose the reply from templates, also when a model was asked for: none is configured."""
        return compose_reply(input)
