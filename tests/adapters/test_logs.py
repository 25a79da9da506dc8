"""What a log line tells, and what it never tells."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from adapters.logs import log_as_json


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The configured log, put back as it was after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    log_as_json(logging.INFO, stream=stream)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_a_line_is_one_json_object(lines: io.StringIO) -> None:
    """Our own events and those of libraries come as JSON, with level, logger and time."""
    structlog.get_logger("islanders.test").info("turn_accepted", turn_id="t")
    logging.getLogger("temporalio.test").warning("slow", extra={"attempt": 2})
    first, second = (json.loads(line) for line in lines.getvalue().splitlines())
    assert (first["event"], first["turn_id"], first["level"]) == ("turn_accepted", "t", "info")
    assert (second["event"], second["attempt"], second["logger"]) == ("slow", 2, "temporalio.test")


def test_an_exception_is_logged_without_its_text(lines: io.StringIO) -> None:
    """Its class and place are told; its text may be somebody's message."""
    try:
        int("my phone is 0533 850 12 34")
    except ValueError:
        logging.getLogger("temporalio.activity").warning("Completing activity as failed", exc_info=True)
    line = json.loads(lines.getvalue())
    assert line["exception"] == "ValueError"
    assert "test_logs.py" in line["frames"][-1]
    assert "0533" not in lines.getvalue()
