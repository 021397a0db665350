"""The fields of a service's answer that a flow keeps: found by their paths, read by their sorts. Pure.

The answer was made by others: whatever does not fit is told by the field's name, never by what stood in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Annotated, Any, assert_never, get_args

import msgspec

from pbx_bridge.ivr.grammar import LARGEST
from pbx_bridge.ivr.known import Kept, KeptSort
from pbx_bridge.values import digits
from pbx_bridge.values.hostile import MAX_TEXT, clean

SORTS: tuple[KeptSort, ...] = get_args(KeptSort)

_PART = r"[A-Za-z0-9_-]{1,60}"
_AT = " at "
Field = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^({'|'.join(SORTS)})( at {_PART}(\.{_PART}){{0,7}})?$",
        description=f"one of {', '.join(SORTS)}, and where the field has another name that: toman at account.balance",
    ),
]

_MOST_DIGITS = 40
_MISSING = object()


class ServiceAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a service said: the values asked for, by the names that the flow keeps them under, or what went wrong."""

    values: Mapping[str, Kept] = {}
    trouble: str = ""


def read_fields(body: object, gives: Mapping[str, str]) -> ServiceAnswer:
    """The fields of an answer, or the first that is missing or of another sort. `gives`: `Field`s by kept name."""
    if not isinstance(body, Mapping):
        return ServiceAnswer(trouble="the answer is no JSON object")
    values: dict[str, Kept] = {}
    for name, told in gives.items():
        sort, path = _sort_and_path(name, told)
        found = _at(body, path)
        if found is _MISSING or found is None:
            return ServiceAnswer(trouble=f"field {path} is missing")
        text = text_of(found, sort)
        if text is None:
            return ServiceAnswer(trouble=f"field {path} is no {sort}")
        values[name] = Kept(sort, text)
    return ServiceAnswer(values=values)


def told_by(body: object, at: str = "", deepest: int = 8) -> Iterator[tuple[str, object, tuple[KeptSort, ...]]]:
    """Every plain field of an answer by its path, and the sorts it can be kept as."""
    if isinstance(body, Mapping):
        for name, value in body.items() if deepest else ():
            yield from told_by(value, f"{at}.{name}" if at else str(name), deepest - 1)
    elif body is not None and not isinstance(body, list):
        yield at, body, tuple(sort for sort in SORTS if text_of(body, sort) is not None)


def text_of(value: object, sort: KeptSort) -> str | None:
    """What is kept of a JSON value; None if it is not of the sort."""
    match sort:
        case "text":
            return clean(value, MAX_TEXT) if isinstance(value, str) else None
        case "digits":
            return _digits(value)
        case "count" | "toman" | "rial":
            return _whole(value)
        case "date":
            return _iso(value, date)
        case "time":
            return _iso(value, time)
        case "yes":
            return str(int(value)) if isinstance(value, bool) else None
        case _:
            assert_never(sort)


def _sort_and_path(name: str, told: str) -> tuple[KeptSort, str]:
    word, _, path = told.partition(_AT)
    return next(sort for sort in SORTS if sort == word), path or name


def _at(body: Any, path: str) -> object:
    for part in path.split("."):
        if isinstance(body, Mapping) and part in body:
            body = body[part]
        elif isinstance(body, list) and part.isdigit() and int(part) < len(body):
            body = body[int(part)]
        else:
            return _MISSING
    found: object = body
    return found


def _digits(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        value = str(value)
    plain = digits.to_ascii(value) if isinstance(value, str) and len(value) <= _MOST_DIGITS else ""
    return plain if plain.isascii() and plain.isdigit() else None


def _whole(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(int(value)) if -LARGEST <= value <= LARGEST and value == int(value) else None


def _iso(value: object, kind: type[date] | type[time]) -> str | None:
    """ISO 8601 to the day, or to the minute without a zone: whatever else there is, is for the service to settle."""
    try:
        read = kind.fromisoformat(value) if isinstance(value, str) and len(value) <= 15 else None
    except ValueError:
        return None
    if isinstance(read, time):
        return None if read.tzinfo else f"{read:%H:%M}"
    return None if read is None else read.isoformat()
