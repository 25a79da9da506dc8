"""Structured logs: one JSON object a line, for our own events and those of the libraries alike."""

import logging
import sys
import traceback
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

FRAMES: Final = 8


def log_as_json(level: int, *, stream: TextIO) -> None:
    """Configure structlog and the standard library once per process."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                exception_without_its_text,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # One line per request would name threads and turns on every poll; outcomes are logged where they are made.
    for noisy in ("httpx", "httpcore", "httpx2", "httpcore2", "uvicorn.access", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def exception_without_its_text(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Class and place of an exception: its text may quote what a user wrote or what a service answered."""
    exc_info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if exc_info is True else exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
        event["exception"] = type(error).__name__
        event["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    event.pop("exc_text", None)
    return event
