"""The command line: `islanders dev` runs the whole stack, `islanders chat` talks to it."""

from typing import Annotated

import typer
from pydantic import ValidationError

from devstack.addresses import api_url
from devstack.errors import ChatFailed, StackError
from settings import Settings

app = typer.Typer(
    help="Islanders: the chat backend of Easy Islanders as durable workflows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # it prints local variables, and some hold keys
)


@app.command()
def dev() -> None:
    """Run the whole stack: Temporal with its Web UI, database, worker and API. Ctrl-C stops it."""
    from devstack.stack import run_stack  # keeps `islanders chat` from loading it

    try:
        run_stack(_settings(), typer.echo)
    except StackError as error:
        _fail(error)


@app.command()
def chat(
    text: Annotated[str, typer.Argument(help="The message.", show_default=False)],
    thread: Annotated[str | None, typer.Option(help="A thread's name or id; without: the active one.")] = None,
    url: Annotated[str | None, typer.Option(help="The API; without: the stack on this machine.")] = None,
    language: Annotated[
        str | None, typer.Option(help="en, tr, ru, de or pl; the replies are in English so far.")
    ] = None,
) -> None:
    """Send one message to the running stack and watch its turn until the reply is there."""
    from devstack.chat import chat as send_and_show  # rich and httpx, not needed to start a stack

    try:
        send_and_show(url or api_url(_settings()), text, thread=thread, language=language)
    except ChatFailed as error:
        _fail(error)


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_context=False):
            name = ".".join(str(part) for part in problem["loc"]).upper()
            sentence = problem["msg"].removeprefix("Value error, ")
            typer.echo(f"{name}: {sentence}" if name else sentence, err=True)
        raise typer.Exit(1) from error


def _fail(error: Exception) -> None:
    typer.echo(str(error), err=True)
    raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
