"""One message to the running stack, shown at the terminal until its reply is there."""

from rich.console import Console

from devstack.chat_client import AcceptedTurn, ChatClient
from devstack.chat_screen import print_result, screen_for
from devstack.errors import ChatFailed
from domain.progress import Failed, Result
from domain.turn import ChatTurnResult

# The public user of the embedded stack.
DEMO_USER, DEMO_PASSWORD = "demo", "demo"


def chat(url: str, message: str, *, thread: str | None, language: str | None) -> None:
    """Raises ChatFailed when there is no reply to show."""
    console = Console(highlight=False)
    client = ChatClient(url)
    try:
        client.sign_in(DEMO_USER, DEMO_PASSWORD)
        turn = client.send(message, thread=thread, language=language)
        result = _watch(client, turn, console)
    finally:
        client.close()
    print_result(console, result, turn.links.temporal_ui)


def _watch(client: ChatClient, turn: AcceptedTurn, console: Console) -> ChatTurnResult:
    with screen_for(console) as screen:
        for event in client.watch(turn):
            screen.show(event)
            if isinstance(event, Result):
                return event.result
            if isinstance(event, Failed):
                raise ChatFailed(event.message)
    raise ChatFailed("The turn ended without a result.")
