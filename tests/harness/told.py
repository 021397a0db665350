"""A call as a person tells it, and how a folded one differs: the form of `expected.json` in tests/captures.

Only the keys that stand in an expectation are compared. Lengths (`…_s`) may differ by its `about_s`: they were
measured at the phones. Segments are `[kind, party, result]` in the order they began, phones that begin to ring
together by number. Calls that belong to the scene, yet are calls of their own, stand under `also`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pbx_bridge.calls.call import Call, Segment, SegmentKind
from pbx_bridge.calls.fact_text import cel_fact, live_fact, queue_fact
from pbx_bridge.calls.facts import Fact, LiveKind, RawFact
from pbx_bridge.calls.fold import fold
from pbx_bridge.calls.keys import keys_of

Told = dict[str, Any]
_LIVE = {"Hold": LiveKind.HOLD, "Unhold": LiveKind.UNHOLD, "ParkedCall": LiveKind.PARKED}
_APART = ("what", "rows", "about_s", "also")


def raw_facts(
    node: str, name: str, cel: Sequence[str], queue_log: Sequence[str], live: Sequence[Told]
) -> list[RawFact]:
    """The facts of a scene's lines: as the spool gives them, and as the daemon notes what AMI told."""
    return [
        *(cel_fact(node=node, file=f"cel:{name}", offset=n, body=line) for n, line in enumerate(cel)),
        *(queue_fact(node=node, file=f"queue:{name}", offset=n, body=line) for n, line in enumerate(queue_log)),
        *(
            live_fact(
                node=node,
                channel=event["uniqueid"],
                at=datetime.fromtimestamp(event["t"], UTC),
                event=_LIVE[event["event"]],
                data={"slot": event["slot"]} if "slot" in event else {},
            )
            for event in live
        ),
    ]


def told(call: Call) -> Told:
    """A folded call in the form of an expectation."""
    return {
        "direction": call.direction.value,
        "outcome": call.outcome.value if call.outcome else None,
        "caller": call.caller,
        "caller_name": call.caller_name,
        "called": call.called,
        "destination": call.destination,
        "agents": list(call.agents),
        "transfer": call.transfer,
        "left_voicemail": call.left_voicemail,
        "ended_by": call.ended_by,
        "talk_s": call.talk_us / 1e6,
        "wait_s": call.wait_us / 1e6,
        "ring_s": call.ring_us / 1e6,
        "hold_s": call.hold_us / 1e6,
        "ivr_s": call.ivr_us / 1e6,
        "park_s": _spent(call, SegmentKind.PARK),
        "consult_s": _spent(call, SegmentKind.CONSULT),
        "segments": [[segment.kind.value, segment.party, segment.result] for segment in _in_order(call)],
    }


def _in_order(call: Call) -> list[Segment]:
    """The segments as they began; rings of one moment by their party, for Asterisk rings them in any order."""
    ordered: list[Segment] = []
    for segment in call.segments:
        place = len(ordered)
        while place and _together(ordered[place - 1], segment) and segment.party < ordered[place - 1].party:
            place -= 1
        ordered.insert(place, segment)
    return ordered


def _together(one: Segment, other: Segment) -> bool:
    rings = one.kind is other.kind is SegmentKind.RING
    return rings and other.started_at - one.started_at < timedelta(seconds=0.1)


def _spent(call: Call, kind: SegmentKind) -> float:
    spans = [(s.started_at, s.ended_at) for s in call.segments if s.kind is kind and s.ended_at is not None]
    return sum((end - start).total_seconds() for start, end in spans)


def differences(expected: Told, call: Call) -> list[str]:
    """Where a folded call is not what was expected, in words; empty when it is."""
    seen, found = told(call), []
    for key, wanted in expected.items():
        if key in _APART:
            continue
        near = key.endswith("_s") and abs(seen[key] - wanted) <= expected["about_s"]
        if not near and seen[key] != wanted:
            found.append(f"{key}: expected {wanted!r}, seen {seen[key]!r}")
    return found


def lines(records: Sequence[Told]) -> str:
    """Records in one line, for people."""
    return " + ".join(map(_line, records))


def _line(record: Told) -> str:
    lengths = [f"{key[:-2]} {record.get(key, 0.0):.1f}" for key in ("wait_s", "talk_s", "hold_s") if record.get(key)]
    way = " > ".join(" ".join(filter(None, segment)) for segment in record["segments"])
    transfer = f", {record['transfer']}" if record["transfer"] else ""
    return f"{record['direction']} {record['outcome']}{transfer} ({', '.join(lengths) or 'no talk'}): {way}"


def table(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """Lines for people: each scene with the record expected, and the one seen where its words differ."""
    lines = []
    for name, expected, seen in rows:
        lines += [name, f"  expected  {expected}", f"  seen      {seen}"]
    return lines


def calls_of(facts: Sequence[Fact]) -> list[Call]:
    """The calls of some facts, earliest first: facts that share a key are of one call."""
    groups: list[tuple[set[str], list[Fact]]] = []
    for fact in facts:
        keys = set(keys_of(fact))
        mine = [group for group in groups if group[0] & keys]
        groups = [group for group in groups if not group[0] & keys]
        groups.append((keys.union(*(g[0] for g in mine)), [*(f for g in mine for f in g[1]), fact]))
    calls = [call for _, members in groups if (call := fold(members)) is not None]
    return sorted(calls, key=lambda call: call.started_at)


def all_told(expected: Told) -> list[Told]:
    """Every call an expectation speaks of, earliest first."""
    return [expected, *({"about_s": expected["about_s"]} | other for other in expected.get("also", []))]


def to_json(expected: Told) -> str:
    """An expectation as it is kept: a key a line, a segment a line."""
    lines = []
    for key, value in expected.items():
        if key == "segments" and value:
            rows = ",\n".join(f"    {json.dumps(row)}" for row in value)
            lines.append(f'  "segments": [\n{rows}\n  ]')
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def page_row(name: str, expected: Told) -> str:
    """A scene's row of docs/scenarios.md: agents as 101, 102, 103, whatever stage it was played on; no lengths."""
    records = all_told(expected)
    cells = (f"`{name}`", expected["what"], " + ".join(map(_outcome, records)), " + ".join(map(_way, records)))
    return f"| {' | '.join(cells)} |"


def _outcome(record: Told) -> str:
    left = "left a message" if record["left_voicemail"] else ""
    return ", ".join(filter(None, (f"{record['direction']} {record['outcome']}", record["transfer"], left)))


def _way(record: Told) -> str:
    told = ((kind, _plain(party), result) for kind, party, result in record["segments"])
    return ", ".join(" ".join(filter(None, words)) for words in told)


def _plain(party: str) -> str:
    if party.startswith("0"):
        return "outside"
    if len(party) == 3 and party.startswith("1"):
        return f"10{party[2]}"
    if party.startswith("70"):
        return "701"
    return party if party.isdigit() else party.rstrip("0123456789")
