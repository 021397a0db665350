"""Conditions on what a run knows, e.g. `contract.days_left < 30 and customer.tier == 'gold'`. Pure.

The syntax is jinja2's and so is the parser, but only names, constants, comparisons, `in` a list of constants, `and`,
`or` and `not` are accepted, and nothing of jinja2 evaluates them: a flow file can ask, not do. What is not known, or
is of another sort than what it is compared with, makes a comparison false and is no error.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Literal, assert_never

from jinja2 import Environment, TemplateError, nodes
from jinja2.parser import Parser

from pbx_bridge.ivr.grammar import Money
from pbx_bridge.values import dates

LONGEST = 300  # letters
MOST_BRACKETS, DEEPEST, MOST_PARTS = 20, 20, 60

Constant = str | int | float | bool
Sign = Literal["==", "!=", "<", "<=", ">", ">="]

_ENVIRONMENT = Environment(autoescape=True)  # only ever parses
_SIGNS: Mapping[str, Sign] = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}
_HOLDS: Mapping[Sign, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST_DOTTED = 3  # parts of a name; `ticket.promised_on` has 2


@dataclass(frozen=True, slots=True)
class Value:
    """A constant."""

    constant: Constant


@dataclass(frozen=True, slots=True)
class Name:
    """A value of the run, e.g. `contract.days_left`."""

    name: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Two values, held against each other."""

    left: Value | Name
    sign: Sign
    right: Value | Name


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value that is among these; `negated`: that is known, and is none of them."""

    value: Value | Name
    choices: tuple[Constant, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Condition


@dataclass(frozen=True, slots=True)
class AllOf:
    """Both."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of them, or more."""

    parts: tuple[Condition, ...]


Condition = Value | Name | Compared | OneOf | Not | AllOf | AnyOf


@lru_cache(maxsize=4096)  # a flow asks the same ones for every caller
def parse(text: str) -> Condition:
    """The condition of a text. Raises ValueError saying what cannot be read."""
    if len(text) > LONGEST:
        raise ValueError(f"a condition has at most {LONGEST} letters")
    if "\\" in text or not text.isprintable():
        raise ValueError("a condition may hold no backslash and no control characters")
    if sum(map(text.count, "([{")) > MOST_BRACKETS:
        raise ValueError(f"a condition has at most {MOST_BRACKETS} brackets")
    try:
        parser = Parser(_ENVIRONMENT, text, state="variable")
        node = parser.parse_expression()
        whole = parser.stream.eos
    except (TemplateError, RecursionError) as error:
        raise ValueError(f"not a condition: {_reason(error)}") from None
    if not whole:
        raise ValueError("not a condition: something stands behind its end")
    condition = _condition(node, 0)
    if sum(1 for _ in _parts(condition)) > MOST_PARTS:
        raise ValueError(f"a condition has at most {MOST_PARTS} parts")
    return condition


def holds(condition: Condition, values: Mapping[str, Any]) -> bool:
    """Whether it is true of these values, which are as `Run.values` gives them. Never raises."""
    match condition:
        case Value(constant):
            return bool(constant)
        case Name():
            return _is_something(_value(condition, values))
        case Compared(left, sign, right):
            return _compare(_value(left, values), sign, _value(right, values))
        case OneOf(value, choices, negated):
            return _is_one_of(_value(value, values), choices, negated=negated)
        case Not(part):
            return not holds(part, values)
        case AllOf(parts):
            return all(holds(part, values) for part in parts)
        case AnyOf(parts):
            return any(holds(part, values) for part in parts)
        case _:
            assert_never(condition)


def is_known(name: str, values: Mapping[str, Any]) -> bool:
    """Whether there is such a value."""
    return _value(Name(name), values) is not None


def names(condition: Condition) -> tuple[str, ...]:
    """The values that it looks at, each once."""
    return tuple(dict.fromkeys(part.name for part in _parts(condition) if isinstance(part, Name)))


def implied(condition: Condition) -> frozenset[str]:
    """The values that are known wherever it is true."""
    match condition:
        case Name(name):
            return frozenset({name})
        case Compared() | OneOf():
            return frozenset(names(condition))
        case AllOf(parts):
            return frozenset().union(*map(implied, parts))
        case AnyOf(parts):
            return frozenset.intersection(*map(implied, parts))
        case Value() | Not():
            return frozenset()
        case _:
            assert_never(condition)


def settled(condition: Condition) -> bool | None:
    """What it always is, whatever is known; None: that depends, or takes more than a look."""
    match condition:
        case AllOf(parts):
            known = [settled(part) for part in parts]
            return False if False in known else None if None in known else True
        case AnyOf(parts):
            known = [settled(part) for part in parts]
            return True if True in known else None if None in known else False
        case Not(part):
            inner = settled(part)
            return None if inner is None else not inner
        case _:
            return None if names(condition) else holds(condition, {})


def pairs(condition: Condition) -> Iterable[tuple[Name, Sign, Constant]]:
    """Every value that is held against a constant; of two constants or two values, none."""
    for part in _parts(condition):
        match part:
            case Compared(Name() as name, sign, Value(constant)) | Compared(Value(constant), sign, Name() as name):
                yield name, sign, constant
            case OneOf(Name() as name, choices, _):
                yield from ((name, "==", choice) for choice in choices)
            case _:
                pass


def could_hold(value: Any, sign: Sign, constant: Constant) -> bool:
    """Whether a value of this one's sort can be held against this constant at all."""
    return _alike(value, constant, ordered=sign not in {"==", "!="}) is not None


# --- reading ------------------------------------------------------------------------------------------------------


def _condition(node: nodes.Expr, depth: int) -> Condition:
    if depth > DEEPEST:
        raise ValueError(f"a condition is at most {DEEPEST} deep")
    match node:
        case nodes.And(left=left, right=right):
            return AllOf(tuple(_flat(AllOf, (left, right), depth)))
        case nodes.Or(left=left, right=right):
            return AnyOf(tuple(_flat(AnyOf, (left, right), depth)))
        case nodes.Not(node=inner):
            return Not(_condition(inner, depth + 1))
        case nodes.Compare(expr=expr, ops=operands):
            return _comparison(expr, operands)
        case nodes.Const(value=bool(constant)):
            return Value(constant)
        case nodes.Name() | nodes.Getattr():
            return Name(_name(node))
        case nodes.Const():
            raise ValueError("a number or a text alone is no condition: hold it against something")
        case _:
            raise ValueError(f"only names, ==, !=, <, <=, >, >=, in, and, or, not may stand here: {_kind(node)}")


def _flat(kind: type[AllOf | AnyOf], sides: tuple[nodes.Expr, ...], depth: int) -> Iterable[Condition]:
    """`a and b and c` is three parts, not two of which one is two; so a long one is not deep."""
    for side in sides:
        made = _condition(side, depth if isinstance(side, nodes.And | nodes.Or) else depth + 1)
        yield from made.parts if isinstance(made, kind) else (made,)


def _comparison(expr: nodes.Expr, operands: list[nodes.Operand]) -> Condition:
    """`1 < x < 5` is two comparisons."""
    made: list[Condition] = []
    for operand in operands:
        if operand.op in {"in", "notin"}:
            made.append(OneOf(_side(expr), _choices(operand.expr), operand.op == "notin"))
        else:
            made.append(Compared(_side(expr), _SIGNS[operand.op], _side(operand.expr)))
        expr = operand.expr
    return made[0] if len(made) == 1 else AllOf(tuple(made))


def _side(node: nodes.Expr) -> Value | Name:
    match node:
        case nodes.Name() | nodes.Getattr():
            return Name(_name(node))
        case _:
            return Value(_constant(node))


def _choices(node: nodes.Expr) -> tuple[Constant, ...]:
    if not isinstance(node, nodes.List | nodes.Tuple):
        raise ValueError("after in there must be a list of constants, e.g. ['gold', 'silver']")
    return tuple(_constant(item) for item in node.items)


def _constant(node: nodes.Expr) -> Constant:
    match node:
        case nodes.Const(value=None):
            raise ValueError("none is no value: write `not ticket.promised_on` for what is not known")
        case nodes.Const(value=str() | bool() as constant):
            return constant
        case nodes.Const(value=int() | float() as number) if math.isfinite(number):
            return number
        case nodes.Neg(node=nodes.Const(value=int() | float() as number)) if not isinstance(number, bool):
            return -number
        case _:
            raise ValueError(f"a name, a number, true, false or 'text' must stand here: {_kind(node)}")


def _name(node: nodes.Expr) -> str:
    parts: list[str] = []
    while isinstance(node, nodes.Getattr):
        parts.append(node.attr)
        node = node.node
    if not isinstance(node, nodes.Name):
        raise ValueError(f"only a name may stand before a dot: {_kind(node)}")
    parts.append(node.name)
    if len(parts) > _MOST_DOTTED or not all(map(_WORD.fullmatch, parts)):
        raise ValueError("a name is small letters, digits and _, with a dot between, e.g. contract.days_left")
    return ".".join(reversed(parts))


def _kind(node: nodes.Node) -> str:
    """What jinja2 calls it, in small letters."""
    return type(node).__name__.lower()


def _reason(error: Exception) -> str:
    text = error.message if isinstance(error, TemplateError) and error.message else "it is too deep"
    return text if text.isprintable() else repr(text)


def _parts(condition: Condition) -> Iterable[Condition]:
    yield condition
    match condition:
        case Compared(left, _, right):
            yield from (left, right)
        case OneOf(value, _, _):
            yield value
        case Not(part):
            yield from _parts(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _parts(part)
        case _:
            pass


# --- holding against each other -----------------------------------------------------------------------------------


def _value(side: Value | Name, values: Mapping[str, Any]) -> Any:
    if isinstance(side, Value):
        return side.constant
    value: Any = values
    for name in side.name.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _is_something(value: Any) -> bool:
    """Known, and neither empty nor 0 nor false."""
    return value.amount != 0 if isinstance(value, Money) else isinstance(value, time) or bool(value)


def _is_one_of(value: Any, choices: tuple[Constant, ...], *, negated: bool) -> bool:
    if value is None or isinstance(value, Mapping):
        return False
    return negated is not any(_compare(value, "==", choice) for choice in choices)


def _compare(left: Any, sign: Sign, right: Any) -> bool:
    alike = _alike(left, right, ordered=sign not in {"==", "!="})
    return alike is not None and _HOLDS[sign](*alike)


def _alike(left: Any, right: Any, *, ordered: bool) -> tuple[Any, Any] | None:
    """Both as values that can be compared; None: they cannot."""
    match left, right:
        case (bool(), _) | (_, bool()):
            same = isinstance(left, bool) and isinstance(right, bool) and not ordered
            return (left, right) if same else None
        case (int() | float() | Money(), int() | float() | Money()):
            return _amounts(left, right)
        case (str(), str()):
            return None if ordered else (left, right)  # whatever order letters have, a caller's business it is not
        case (date() | time(), str()) | (str(), date() | time()) | (date(), date()) | (time(), time()):
            return _moments(left, right)
        case _:
            return None


def _amounts(left: float | Money, right: float | Money) -> tuple[float, float]:
    """Two of money in rial; one of money and a number as they stand."""
    if isinstance(left, Money) and isinstance(right, Money):
        return _rial(left), _rial(right)
    return _plain(left), _plain(right)


def _plain(number: float | Money) -> float:
    return number.amount if isinstance(number, Money) else number


def _rial(money: Money) -> int:
    return money.amount * (10 if money.currency == "toman" else 1)


def _moments(left: Any, right: Any) -> tuple[Any, Any] | None:
    sort = time if isinstance(left, time) or isinstance(right, time) else date
    both = tuple(_moment(one, sort) if isinstance(one, str) else one for one in (left, right))
    if None in both or any(isinstance(one, datetime) for one in both):
        return None
    return both[0], both[1]


@lru_cache(maxsize=1024)
def _moment(text: str, sort: type[date] | type[time]) -> date | time | None:
    try:
        return dates.parse_date(text) if sort is date else time.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
