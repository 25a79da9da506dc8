"""What a language model is told before it writes a reply. Pure; the reply activity calls it, never a workflow."""

from domain.turn import Speaker
from domain.value import Value


class PromptMessage(Value):
    """One message of a chat completion."""

    role: Speaker
    content: str
