"""How the daemon logs: structlog to standard error, for people on a terminal, as JSON lines otherwise."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Literal, TextIO, cast

import structlog

from pbx_bridge.health import Mishaps

_TROUBLE = frozenset({"warning", "error", "critical"})
_LONGEST = 200  # letters


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


class _ToMishaps(logging.Handler):
    """What libraries log of trouble, without what they put into it: that may be a caller's."""

    def __init__(self, mishaps: Mishaps) -> None:
        super().__init__(logging.WARNING)
        self._mishaps = mishaps

    def emit(self, record: logging.LogRecord) -> None:
        reason = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        self._mishaps.note(record.levelname.lower(), f"{record.name}: {str(record.msg)[:_LONGEST]}", reason)


def _noting(mishaps: Mishaps) -> structlog.types.Processor:
    """Keeps each warning and error by its event and its reason alone: other fields may hold what is secret."""

    def note(_logger: object, method: str, told: structlog.types.EventDict) -> structlog.types.EventDict:
        level = str(told.get("level", method))
        if level in _TROUBLE:
            raised = told.get("exc_info")
            error = raised if isinstance(raised, BaseException) else sys.exc_info()[1] if raised else None
            reason = str(told.get("reason", type(error).__name__ if error is not None else ""))
            mishaps.note(level, str(told.get("event", ""))[:_LONGEST], reason[:_LONGEST])
        return told

    return note


def configure(level: str, form: Literal["auto", "console", "json"], mishaps: Mishaps | None = None) -> None:
    """Set up logging for the process; called once, first. `mishaps` is told of every warning and error, too."""
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
            *([_noting(mishaps)] if mishaps is not None else []),
            *trace,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    # Libraries that log by themselves (aiohttp, panoramisk) say only what is wrong.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    if mishaps is not None:
        logging.getLogger().addHandler(_ToMishaps(mishaps))
