"""How the daemon logs: structlog to standard error, for people on a terminal, as JSON lines otherwise.

A line about a call has its `channel`, and as `call` the id under which that is on record. Of phone numbers, wherever
they stand, also in what libraries and exceptions say, only the last digits are written.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, Literal, TextIO, cast

import structlog

from pbx_bridge.calls.call import call_id
from pbx_bridge.health import Mishaps
from pbx_bridge.values.hidden import hide_numbers

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
        event = f"{record.name}: {hide_numbers(str(record.msg))[:_LONGEST]}"
        self._mishaps.note(record.levelname.lower(), event, reason)


def _noting(mishaps: Mishaps) -> structlog.types.Processor:
    """Keeps each warning and error by its event and its reason alone: other fields may hold what is secret."""

    def note(_logger: object, method: str, told: structlog.types.EventDict) -> structlog.types.EventDict:
        level = str(told.get("level", method))
        if level in _TROUBLE:
            raised = told.get("exc_info")
            error = raised if isinstance(raised, BaseException) else sys.exc_info()[1] if raised else None
            reason = str(told.get("reason", type(error).__name__ if error is not None else ""))
            event = str(told.get("event", ""))
            mishaps.note(level, hide_numbers(event)[:_LONGEST], hide_numbers(reason)[:_LONGEST])
        return told

    return note


class _Masked(logging.Formatter):
    """What libraries log, tracebacks and all."""

    def format(self, record: logging.LogRecord) -> str:
        return hide_numbers(super().format(record))


class _Quietest:
    """Drops what is less than the level that counts now; loggers are made once, levels change."""

    level = logging.INFO

    def __call__(self, _logger: object, _method: str, told: structlog.types.EventDict) -> structlog.types.EventDict:
        if logging.getLevelNamesMapping()[str(told["level"]).upper()] < self.level:
            raise structlog.DropEvent
        return told


_quietest = _Quietest()


def set_level(level: str) -> None:
    """Log from now on what is as grave as that or graver."""
    _quietest.level = logging.getLevelNamesMapping()[level.upper()]


def _naming_calls(node: str) -> structlog.types.Processor:
    def name(_logger: object, _method: str, told: structlog.types.EventDict) -> structlog.types.EventDict:
        if "call" not in told and (channel := told.get("channel")):
            told["call"] = call_id(node, str(channel))
        return told

    return name


def _mask(_logger: object, _method: str, told: structlog.types.EventDict) -> structlog.types.EventDict:
    return {name: value if name == "exc_info" else _masked(value) for name, value in told.items()}


def _masked(value: Any) -> Any:
    match value:
        case str():
            return hide_numbers(value)
        case dict():
            return {_masked(name): _masked(one) for name, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_masked(one) for one in value]
        case None | bool() | int() | float():
            return value
        case _:
            return hide_numbers(str(value))


def _as_masked(renderer: structlog.dev.ConsoleRenderer) -> structlog.types.Processor:
    """A renderer that makes text of exceptions by itself."""
    return lambda logger, method, told: hide_numbers(str(renderer(logger, method, told)))


def configure(
    level: str, form: Literal["auto", "console", "json"], mishaps: Mishaps | None = None, *, node: str = ""
) -> None:
    """Set up logging for the process; called once, first.

    Args:
        level: of what is logged; `set_level` changes it.
        mishaps: told of every warning and error, too.
        node: the PBX, where lines about calls are named by their ids.
    """
    set_level(level)
    for_people = form == "console" or (form == "auto" and sys.stderr.isatty())
    # Tracebacks without local variables: those hold callers' numbers and, somewhere, a password.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer = _as_masked(plain) if for_people else structlog.processors.JSONRenderer(ensure_ascii=False)
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    trace = [] if for_people else [structlog.processors.ExceptionRenderer(frames)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _quietest,
            *([_naming_calls(node)] if node else []),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([_noting(mishaps)] if mishaps is not None else []),
            *trace,
            _mask,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    # Libraries that log by themselves (aiohttp, panoramisk) say only what is wrong.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Masked("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if mishaps is not None:
        logging.getLogger().addHandler(_ToMishaps(mishaps))
        _each_reason_once()


def _each_reason_once() -> None:
    """Links tell why they are down, once; stamina would tell it at every try."""
    from stamina import instrumentation  # of the daemon alone: no command waits for it

    instrumentation.set_on_retry_hooks(())
