"""A flow file's values held against the types they must have: every fault, with its place and what to write. Pure.

msgspec alone names the first fault, and not the key in which it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from pbx_bridge.ivr.nodes.arguments import Told
from pbx_bridge.ivr.nodes.base import Key, Language, NodeName, PromptKey, QueueName
from pbx_bridge.ivr.reading.finding import Finding
from pbx_bridge.ivr.reading.tree import quoted, shown

_MOST_NAMES = 500  # held against a wrong one: no file may take minutes
_NAME = "small letters, digits and _, the first one a letter"
_WORDS: tuple[tuple[Any, str], ...] = (
    (NodeName, f"the name of a node: {_NAME}"),
    (PromptKey, f"the name of a prompt: {_NAME}"),
    (Told, "the name of a value, e.g. customer.code, a number, true or false, or text in quotes: \"'phone'\""),
    (QueueName, "the name of a queue: letters, digits, _ and -, in quotes if it is a number"),
    (Language, "a language of two small letters, e.g. fa"),
    (Key, "one key: 0 to 9, * or #"),
    (str, "text"),
    (bool, "true or false"),
)
_TYPES = (
    ("`object`", "lines of name: value"),
    ("`array`", "a list"),
    ("`str`", "text"),
    ("`null`", "nothing"),
    ("`bool`", "true or false"),
    ("`int`", "a whole number"),
    ("`float`", "a number"),
)
_NUMBERS = {int: "a whole number", float: "a number"}


def faults(value: Any, hint: Any, at: str = "") -> Iterator[Finding]:
    """Everything that keeps a value from being of a type. None: msgspec converts it."""
    reason = _refusal(value, hint)
    inside = list(_parts(value, hint, at)) if reason else ()
    yield from inside
    if reason and not inside:
        yield _wrong(value, hint, at, reason)


def did_you_mean(name: object, known: Collection[str]) -> str:
    """The nearest of the known names as a proposal, else all of them if they are few."""
    if near := nearest(name, known):
        return near
    return f"there are: {', '.join(sorted(known))}" if 0 < len(known) <= 12 else ""


def nearest(name: object, known: Collection[str]) -> str:
    """The nearest of the known names as a proposal, if any is near."""
    near = get_close_matches(str(name)[:60], sorted(known)[:_MOST_NAMES], n=1)
    return f"did you mean {quoted(near[0])}?" if near else ""


def _parts(value: Any, hint: Any, at: str) -> Iterator[Finding]:
    """The faults inside a value that is made of others."""
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if inner := _only_choice(bare):
        yield from faults(value, inner, at)
    elif isinstance(value, dict) and (structs := _structs(bare)):
        yield from _struct(value, structs, at)
    elif isinstance(value, dict) and get_origin(bare) in (dict, Mapping):
        yield from _dict(value, get_args(bare), at)
    elif isinstance(value, list) and get_origin(bare) in (tuple, list, frozenset):
        for i, item in enumerate(value):
            yield from faults(item, get_args(bare)[0], f"{at}.{i}")


def _dict(told: dict[Any, Any], types: tuple[Any, ...], at: str) -> Iterator[Finding]:
    key, inner = types
    for name, value in told.items():
        place = f"{at}.{name}"
        if reason := _refusal(name, key):
            yield _wrong(name, key, place, reason)
        yield from faults(value, inner, place)


def _struct(told: dict[Any, Any], kinds: Mapping[str, Any], at: str) -> Iterator[Finding]:
    tag_field = next(iter(kinds.values())).__struct_config__.tag_field
    if tag_field is None:
        yield from _fields(told, next(iter(kinds.values())), at)
    elif (tag := told.get(tag_field)) is None:
        do = f"write {tag_field}: and one of {', '.join(sorted(kinds))}"
        yield Finding(code="missing-field", text=f"{tag_field!r} is missing", do=do, at=shown(at))
    elif not isinstance(tag, str) or tag not in kinds:
        text, place = f"no node is of the kind {_named(tag)}", f"{at}.{tag_field}"
        yield Finding(code="unknown-kind", text=text, do=did_you_mean(tag, tuple(kinds)), at=shown(place))
    else:
        yield from _fields({name: v for name, v in told.items() if name != tag_field}, kinds[tag], at)


def _fields(told: dict[Any, Any], kind: Any, at: str) -> Iterator[Finding]:
    hints = get_type_hints(kind, include_extras=True)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, value in told.items():
        place = f"{at}.{name}" if at else str(name)
        if name in fields:
            yield from faults(value, hints[fields[name].name], place)
        else:
            do = did_you_mean(name, tuple(fields.keys() - told.keys()) or tuple(fields))
            yield Finding(code="unknown-field", text=f"there is no field {quoted(name)}", do=do, at=shown(place))
    for name, field in fields.items():
        if field.required and name not in told:
            what = "the way out" if hints[field.name] == NodeName and at else "the field"
            yield Finding(code="missing-field", text=f"{what} {name!r} is missing", at=shown(at))


def _structs(hint: Any) -> dict[str, Any]:
    """The structs a value may be, by tag."""
    several = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return {
        str(kind.__struct_config__.tag): kind
        for kind in several
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    }


def _only_choice(hint: Any) -> Any:
    """X of `X | None`; else None."""
    several = [part for part in get_args(hint) if part is not NoneType]
    return several[0] if get_origin(hint) in (Union, UnionType) and len(several) == 1 else None


def _refusal(value: Any, hint: Any) -> str:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        return str(error).partition(" - at ")[0]
    return ""


def _wrong(value: Any, hint: Any, at: str, reason: str) -> Finding:
    if get_origin(hint) is Literal:
        text, do = f"{_named(value)} is not known here", did_you_mean(value, get_args(hint))
        return Finding(code="wrong-type", text=text, do=do, at=shown(at))
    words = _words(hint)
    text = f"expected {words}, got {_named(value)}" if words else _plain(reason)
    return Finding(code="wrong-type", text=text, do=_way_to_write(value, hint), at=shown(at))


def _words(hint: Any) -> str:
    """What a type takes, in words; empty where we have none."""
    known = next((words for each, words in _WORDS if each == hint), "")
    if known or get_origin(hint) is not Annotated:
        return known or _NUMBERS.get(hint, "")
    bare, meta = get_args(hint)[:2]
    if meta.description:
        return str(meta.description)
    low = f"above {meta.gt:g}" if meta.gt is not None else f"from {meta.ge:g}" if meta.ge is not None else ""
    high = f"to {meta.le:g}" if meta.le is not None else ""
    return " ".join(part for part in (_NUMBERS[bare], low, high) if part) if bare in _NUMBERS else ""


def _way_to_write(value: Any, hint: Any) -> str:
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if bare is str and isinstance(value, bool | int | float):
        return f'write it in quotes: "{str(value).lower()}"'
    if bare is bool and str(value).lower() in {"yes", "on", "no", "off"}:
        return f"write {str(str(value).lower() in {'yes', 'on'}).lower()}"
    return ""


def _named(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "lines of name: value"
        case list():
            return "a list"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case _:
            return quoted(value)


def _plain(reason: str) -> str:
    """msgspec's reason with the words that people know."""
    for theirs, ours in _TYPES:
        reason = reason.replace(theirs, ours)
    reason = reason[:1].lower() + reason[1:]
    return reason if reason.isprintable() else repr(reason)
