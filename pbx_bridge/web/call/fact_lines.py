"""Everything that was told of a call as lines of a table: when, by what, of which channel, and what. Pure.

Nothing here is trusted to be as its kind promises; what cannot be read is shown as it came.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from pbx_bridge.calls.fact_text import Undecodable, decode
from pbx_bridge.calls.facts import Boot, CdrRow, CelRow, Fact, Live, QueueEvent, RawFact, Step
from pbx_bridge.store.times import iso
from pbx_bridge.values.hostile import clean

_LONGEST = 400  # letters of one value
_CEL = ("name", "num", "ani", "dnid", "exten", "context", "app", "app_data", "peer", "account", "user_field")
_CDR = ("clid", "src", "dst", "did", "context", "channel_name", "peer_name", "app", "app_data", "disposition")


@dataclass(frozen=True, slots=True, kw_only=True)
class FactLine:
    """One fact. Texts are clean, not escaped.

    Attributes:
        source: `cel`, `queue`, `step`, `live`, `boot` or `cdr`.
        what: the event's own name; empty if it cannot be read.
        whose: the channel's name, or its id.
        told: names and values, none of them empty.
    """

    at: datetime
    source: str
    what: str
    whose: str
    told: tuple[tuple[str, str], ...]


def fact_lines(facts: Iterable[RawFact], private: Callable[[str, int], str]) -> Iterator[FactLine]:
    """The lines. `private` cleans a text, and hides numbers from who may not see them."""
    for raw in facts:
        try:
            what, whose, told = _told(decode(raw))
        except Undecodable:
            what, whose, told = "", raw.channel, {"": raw.body}
        yield FactLine(
            at=raw.at,
            source=raw.kind.value,
            what=clean(what, 60),
            whose=private(whose, 120),
            told=tuple((clean(name, 40), private(text, _LONGEST)) for name, text in _texts(told)),
        )


def _told(fact: Fact) -> tuple[str, str, Mapping[str, Any]]:
    match fact:
        case CelRow():
            return _event(fact), fact.channel_name or fact.uniqueid, {**_fields(fact, _CEL), **fact.extra}
        case QueueEvent():
            told = {"queue": fact.queue, "agent": fact.agent, "data": " | ".join(fact.args)}
            return fact.event, fact.uniqueid, told
        case Step():
            return str(fact.kind), fact.uniqueid, {"node": fact.flow_node, **fact.data}
        case Live():
            return str(fact.event), fact.uniqueid, fact.data
        case Boot():
            return "boot", "", {}
        case CdrRow():
            return "cdr", fact.uniqueid, _fields(fact, _CDR)
        case _ as never:
            assert_never(never)


def _event(row: CelRow) -> str:
    return row.user_type if row.event == "USER_DEFINED" and row.user_type else row.event


def _fields(fact: object, names: Iterable[str]) -> Mapping[str, Any]:
    return {name: getattr(fact, name) for name in names}


def _texts(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in told.items():
        text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
        if text:
            yield str(name), text


def as_json(raw: RawFact, veil: Callable[[str], str]) -> str:
    """One fact for programs, as it was journaled; pure ASCII. `veil` hides numbers from who may not see them."""
    told = {
        "at": iso(raw.at),
        "node": raw.node,
        "kind": raw.kind.value,
        "file": veil(raw.file),
        "offset": raw.offset,
        "channel": veil(raw.channel),
        "linkedid": veil(raw.linkedid),
        "body": veil(raw.body),
    }
    return json.dumps(told)
