"""The two steps of a turn that need nobody else, run as Temporal runs them."""

import pytest
from temporalio.testing import ActivityEnvironment

from activities.reply import ReplyActivities
from activities.understanding import UnderstandingActivities
from domain.reply import GenerateReplyInput
from domain.thread import Agent, ThreadState
from domain.turn import Act, ReplyMode
from domain.understanding import Intent, UnderstandMessageInput
from tests.domain.spoken_thread import NOW, heard


async def test_a_message_is_understood_in_its_thread():
    """The activity answers what the grammar makes of message and thread."""
    asking = UnderstandMessageInput(message="a flat in Girne", started_at=NOW)
    understood = await ActivityEnvironment().run(UnderstandingActivities().understand_message, asking)
    assert (understood.intent, understood.agent) == (Intent.FIND, Agent.RE)
    assert understood == heard("a flat in Girne")


@pytest.mark.parametrize("mode", list(ReplyMode))
async def test_a_reply_comes_from_templates_in_either_mode(mode):
    """Without a configured model the template reply is given, and the result says so."""
    writing = GenerateReplyInput(
        turn_id="turn", message="hi", mode=mode, state=ThreadState(), understood=heard("need an apartment")
    )
    reply = await ActivityEnvironment().run(ReplyActivities().generate_reply, writing)
    assert reply.act is Act.ASK_SLOT
    assert reply.text
    assert reply.model == "template"
