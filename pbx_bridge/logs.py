"""How the daemon logs: structlog to standard error, for people on a terminal, as JSON lines otherwise."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Literal, TextIO, cast

import structlog


class _Unfailing:
    """A stream whose failing fails nobody: a log on a full disk must not end what copes with the full disk."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def configure(level: str, form: Literal["auto", "console", "json"]) -> None:
    """Set up logging for the process; called once, first."""
    for_people = form == "console" or (form == "auto" and sys.stderr.isatty())
    # Tracebacks without local variables: those hold callers' numbers and, somewhere, a password.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer = plain if for_people else structlog.processors.JSONRenderer(ensure_ascii=False)
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    trace = [] if for_people else [structlog.processors.ExceptionRenderer(frames)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *trace,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    # Libraries that log by themselves (aiohttp, panoramisk) say only what is wrong.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
