import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import app


@pytest.fixture
def islanders(monkeypatch, tmp_path):
    """Runs the command line with a home of its own and the given settings."""
    for name in list(os.environ):
        if name.startswith(("ISLANDERS_", "TEMPORAL_", "ZEP_", "DATABASE_URL", "JWT_SECRET", "LISTINGS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ISLANDERS_HOME", str(tmp_path))

    def run(*arguments: str, **settings: str):
        return CliRunner().invoke(app, arguments, env=settings)

    return run


def test_chat_says_how_to_start_when_nothing_runs(islanders):
    """Whoever chats before starting the stack reads the command that starts it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    told = islanders("chat", "hello", ISLANDERS_PORT=str(port))
    assert told.exit_code == 1
    assert f"Nothing answers on http://127.0.0.1:{port}" in told.stderr
    assert "make dev" in told.stderr
    assert told.stdout == ""


@pytest.mark.parametrize("variable", ["ISLANDERS_PORT", "ISLANDERS_TEMPORAL_PORT", "ISLANDERS_TEMPORAL_UI_PORT"])
def test_dev_names_the_variable_of_a_taken_port(islanders, variable):
    """A taken port is one line on stderr, exit code 1, and nothing was started."""
    free = {}
    for name in ("ISLANDERS_PORT", "ISLANDERS_TEMPORAL_PORT", "ISLANDERS_TEMPORAL_UI_PORT"):
        with socket.create_server(("127.0.0.1", 0)) as server:
            free[name] = str(server.getsockname()[1])
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = str(holder.getsockname()[1])
        told = islanders("dev", **{**free, variable: taken})
    assert told.exit_code == 1
    assert told.stderr == f"port {taken} is taken: set {variable} to a free one\n"
    assert not list(Path(os.environ["ISLANDERS_HOME"]).glob("**/*.log"))


@pytest.mark.parametrize("command", [("dev",), ("chat", "hello")])
def test_a_wrong_setting_is_named_without_a_traceback(islanders, command):
    """A setting that cannot be read is told by its environment name; its value is not repeated."""
    told = islanders(*command, ISLANDERS_PORT="s3cret")
    assert told.exit_code == 1
    assert told.stderr.startswith("ISLANDERS_PORT: ")
    assert len(told.stderr.splitlines()) == 1
    assert "Traceback" not in told.stderr
