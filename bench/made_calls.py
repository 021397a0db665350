"""Calls by the million: some hundred shapes folded from the captured traces, told again of other people and times.

A shape is a call folded from real rows of Asterisk's (tests/captures) with IVR steps laid beside them, stretched,
given to other agents, and encoded as the store does it. What changes from call to call (ids, numbers, names, the
seconds of every time) are holes in its text. A made call decodes to a Call and encodes to the same text again; a test
holds that.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from pbx_bridge.calls.call import Call, CallId, Direction, Outcome, SegmentKind, call_id
from pbx_bridge.calls.fact_text import decode, step_fact
from pbx_bridge.calls.facts import Fact, StepKind
from pbx_bridge.calls.fold import fold
from pbx_bridge.store import call_body
from pbx_bridge.store.agenda import Agenda
from pbx_bridge.store.recorder import Recorder
from pbx_bridge.values.tracking import with_check_digit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "unit"))
from captured import SCENARIOS, boots_of, facts_of

NODE = "pbx1"
REGION = "IR"
DAY_S = 86_400
CLOCK = tuple(f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(DAY_S))

_VARIANTS = 24  # of each captured call
_AGENTS = tuple(str(extension) for extension in range(101, 141))
_HOLES = re.compile(r"~(?P<name>[a-z]+)~|(?P<day>\d{4}-\d\d-\d\d)T(?P<clock>\d\d:\d\d:\d\d)(?=(?:\.\d+)?Z\")")
# How often calls end which way: of a support line with a menu, and what its agents dial themselves.
_SHARES: Mapping[tuple[Direction, Outcome | None], float] = {
    (Direction.INBOUND, Outcome.ANSWERED): 46,
    (Direction.INBOUND, Outcome.SELF_SERVED): 18,
    (Direction.INBOUND, Outcome.ABANDONED_IVR): 9,
    (Direction.INBOUND, Outcome.ABANDONED_QUEUE): 8,
    (Direction.INBOUND, Outcome.MISSED): 4,
    (Direction.INBOUND, Outcome.VOICEMAIL): 2,
    (Direction.OUTBOUND, Outcome.ANSWERED): 9,
}
_OTHER_SHARE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody outside: the number as it comes, what it is found by, and the customer behind it, if known.

    `ticket` is the tracking number they ask for.
    """

    number: str
    key: str
    code: str = ""
    name: str = ""
    ticket: str = ""

    @classmethod
    def of(cls, number: str, code: str = "", name: str = "") -> Person:
        """With the key the store would make of the number."""
        return cls(number=number, key=call_body.number_key(number, REGION), code=code, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A call with holes.

    Attributes:
        known: it is a customer's.
        weight: how often it comes among all shapes.
        parts: its text; the holes are empty.
        clocks: the holes of times: place and seconds after the call's own second.
        names: the other holes: place and what goes there.
        columns: its row without the body, as the recorder makes it.
        times: those of its columns that are moved.
        told_columns: those that have a hole's value instead.
        base_s: the second, since 1970, in which it begins.
        length_s: whole seconds until it is over.
    """

    known: bool
    weight: float
    parts: Sequence[str]
    clocks: Sequence[tuple[int, int]]
    names: Sequence[tuple[int, str]]
    columns: Mapping[str, Any]
    times: Sequence[str]
    told_columns: Sequence[tuple[str, str]]
    base_s: int
    length_s: int

    def told(
        self,
        *,
        at_s: int,
        days: tuple[str, str],
        second: int,
        person: Person,
        root: str,
        body: tuple[str, str] | None = None,
    ) -> dict[str, Any]:
        """The row of one call.

        Args:
            at_s: the second it begins in, since 1970.
            days: that day's date in UTC, `2026-11-21T`, and the next one's.
            second: the second within that day.
            person: who is outside.
            root: its channel.
            body: of another call of this shape, and its hash, where that will do.
        """
        values = {
            "caller": person.number,
            "key": person.key,
            "code": person.code,
            "name": person.name,
            "root": root,
            "id": call_id(NODE, root),
            "ticket": person.ticket,
        }
        row = dict(self.columns)
        moved_us = (at_s - self.base_s) * 1_000_000
        for column in self.times:
            row[column] += moved_us
        for column, name in self.told_columns:
            row[column] = values[name]
        row["body"], row["content_hash"] = body or self._body(days, second, values)
        return row

    def _body(self, days: tuple[str, str], second: int, values: Mapping[str, str]) -> tuple[str, str]:
        parts = list(self.parts)
        for place, after_s in self.clocks:
            moment = second + after_s
            parts[place] = days[0] + CLOCK[moment] if moment < DAY_S else days[1] + CLOCK[moment - DAY_S]
        for place, name in self.names:
            parts[place] = values[name]
        body = "".join(parts).encode()
        return call_body.shorten(body), blake2b(body, digest_size=16).hexdigest()


def columns_of(call: Call) -> dict[str, Any]:
    """A call's row as the recorder makes it, without the body."""
    return Recorder(Agenda(), region=REGION)._columns(call)


def shapes(seed: int = 1) -> list[Shape]:
    """Some hundred shapes; their weights together make the shares of a support line."""
    rng = random.Random(seed)
    bases = [call for scenario in SCENARIOS for call in _folded(scenario)]
    kinds = [(call.direction, call.outcome) for call in bases]
    made: list[Shape] = []
    for call, kind in zip(bases, kinds, strict=True):
        weight = _SHARES.get(kind, _OTHER_SHARE) / kinds.count(kind) / _VARIANTS
        made += [_shape(_varied(call, rng), known=number % 3 < 2, weight=weight) for number in range(_VARIANTS)]
    return made


def _folded(scenario: str) -> Iterator[Call]:
    """The capture's call, and with a menu the same with what the flow tells of it."""
    facts = facts_of(scenario)
    plain = fold(facts, boots_of(scenario))
    if plain is None or plain.ended_at is None:
        return
    ivr = next((segment for segment in plain.segments if segment.kind is SegmentKind.IVR), None)
    if ivr is None or ivr.ended_at is None:
        yield plain
        return
    queued = any(segment.kind is SegmentKind.WAIT for segment in plain.segments)
    for hears_all in (False,) if queued else (False, True):
        steps = _steps(plain.root, ivr.started_at, ivr.ended_at, queued=queued, hears_all=hears_all)
        told = fold([*facts, *steps], boots_of(scenario))
        if told is not None:
            yield told


_MENU = "برای پیگیری تیکت کلید ۱، برای پشتیبانی کلید ۲، و برای صحبت با اپراتور کلید ۰ را فشار دهید."
_STATUS = "تیکت شمارهٔ ۴۷۱، ۲۰۸ در دست انجام است. آخرین تغییر: بیست‌وهفتم آبان. تاریخ وعده: پنجم آذر."
_TICKET = with_check_digit("471208")


def _steps(root: str, start: datetime, end: datetime, *, queued: bool, hears_all: bool) -> list[Fact]:
    said = {"prompt": "menu", "language": "fa", "text": _MENU, "playback": "p-1"}
    told: list[tuple[StepKind, str, dict[str, Any]]] = [
        (StepKind.STARTED, "who", {"flow": "support", "version": "c0ffee", "called": "1000"}),
        (StepKind.CUSTOMER, "who", {"code": "~code~", "name": "~name~", "by": "number"}),
        (StepKind.LANGUAGE, "language", {"language": "fa", "by": "record"}),
        (StepKind.SAID, "menu", said),
        (StepKind.KEYS, "menu", {"keys": "2" if queued else "1", "result": "match"}),
    ]
    if queued:
        told.append((StepKind.QUEUE, "to_support", {"queue": "support", "reason": "valid"}))
    if hears_all:
        found = {"what": "tracking", "result": "found", "seconds": 0.18, "tracking_number": _TICKET}
        status = {"prompt": "ticket_status", "language": "fa", "text": _STATUS, "playback": "p-2"}
        told += [
            (StepKind.LOOKUP, "ask_tracking", found),
            (StepKind.SAID, "status", status),
            (StepKind.HEARD, "status", {"prompt": "ticket_status", "playback": "p-2", "serves": True}),
            (StepKind.ENDED, "status", {"by": "caller"}),
        ]
    gap = (end - start) / (len(told) + 1)
    return [
        decode(
            step_fact(
                node=NODE, channel=root, sequence=n, at=start + gap * (n + 1), kind=kind, flow_node=where, data=data
            )
        )
        for n, (kind, where, data) in enumerate(told)
    ]


def _varied(call: Call, rng: random.Random) -> Call:
    """The call slower or faster, at another fraction of a second, with other agents."""
    factor = rng.choice((1.0, 3.0, 8.0, 20.0)) * rng.uniform(0.6, 1.8)
    start = call.started_at.replace(microsecond=rng.randrange(1_000_000))
    agents = dict(zip(("101", "102"), rng.sample(_AGENTS, 2), strict=True))

    def walk(value: Any, name: str = "") -> Any:
        match value:
            case datetime():
                return start + (value - call.started_at) * factor
            case dict():
                return {key: walk(inner, key) for key, inner in value.items()}
            case list() | tuple():
                return [walk(inner, name) for inner in value]
            case str() if name in ("party", "agents", "by", "to", "destination"):
                return re.sub("10[12]$", lambda found: agents[found[0]], value)
            case int() if name.endswith("_us"):
                return round(value * factor)
        return value

    return msgspec.convert(walk(msgspec.to_builtins(call, builtin_types=(datetime,))), Call)


def _shape(call: Call, *, known: bool, weight: float) -> Shape:
    outside = "called" if call.direction is Direction.OUTBOUND else "caller"
    who: dict[str, Any] = {outside: "~caller~", "customer_code": "~code~" if known else ""}
    if not known:
        who["steps"] = tuple(step for step in call.steps if step.kind != StepKind.CUSTOMER)
    call = replace(call, call_id=CallId("~id~"), root="~root~", customer_by="number" if known else "", **who)
    return shape_of(call, known=known, weight=weight)


def shape_of(call: Call, *, known: bool, weight: float) -> Shape:
    """The shape of a call in which `~id~`, `~root~`, `~caller~` and the like stand for what differs."""
    base = call.started_at.replace(microsecond=0)
    columns = columns_of(call)
    text = msgspec.json.encode(call).decode()
    parts: list[str] = []
    clocks: list[tuple[int, int]] = []
    names: list[tuple[int, str]] = []
    at = 0
    for hole in _HOLES.finditer(text):
        parts += [text[at : hole.start()], ""]
        at = hole.end()
        if name := hole["name"]:
            names.append((len(parts) - 1, name))
        else:
            moment = datetime.fromisoformat(hole[0]).replace(tzinfo=UTC)
            clocks.append((len(parts) - 1, (moment - base) // timedelta(seconds=1)))
    return Shape(
        known=known,
        weight=weight,
        parts=[*parts, text[at:]],
        clocks=clocks,
        names=names,
        columns=columns,
        times=[name for name, value in columns.items() if name.endswith("_at_us") and value is not None],
        told_columns=[(name, _hole_of(name, value)) for name, value in columns.items() if str(value)[:1] == "~"],
        base_s=int(base.timestamp()),
        length_s=max((after for _, after in clocks), default=0),
    )


def _hole_of(column: str, value: str) -> str:
    # What a number is found by stands in a column of its own, and only there.
    return "key" if column.endswith("_number") else value.strip("~")
