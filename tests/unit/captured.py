"""The captures as facts, and a call as `expected.json` has it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.fact_text import cel_fact, decode, queue_fact, step_fact
from pbx_bridge.calls.facts import Fact, RawFact, StepKind
from pbx_bridge.calls.keys import keys_of
from pbx_bridge.spool.record import split_cel, split_lines

CAPTURES = Path(__file__).parent.parent / "captures"
ALL = tuple(sorted(path.parent.name for path in CAPTURES.glob("*/cel.csv")))
# Two ways of telling what must come out: to the microsecond, and as people at the phones told it (harness.scenes).
SCENES = tuple(name for name in ALL if "about_s" in json.loads((CAPTURES / name / "expected.json").read_text()))
SCENARIOS = tuple(name for name in ALL if name not in SCENES)
NODE = "pbx1"


def raw_facts(scenario: str) -> list[RawFact]:
    """What the spool gives for a capture, in file order."""
    cel = split_cel((CAPTURES / scenario / "cel.csv").read_bytes(), 1000).records
    queue = split_lines((CAPTURES / scenario / "queue_log.txt").read_bytes(), 1000).records
    return [
        *(cel_fact(node=NODE, file=f"cel:{scenario}", offset=r.offset, body=r.text) for r in cel),
        *(queue_fact(node=NODE, file=f"queue:{scenario}", offset=r.offset, body=r.text) for r in queue),
    ]


def facts_of(scenario: str) -> list[Fact]:
    """A capture's facts that belong to a call."""
    return [fact for fact in map(decode, raw_facts(scenario)) if keys_of(fact)]


def expected_of(scenario: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((CAPTURES / scenario / "expected.json").read_text())
    return told


def boots_of(scenario: str) -> list[datetime]:
    return [datetime.fromtimestamp(second, UTC) for second in expected_of(scenario).get("boots", [])]


def steps(root: str, begun: datetime, *told: tuple[float, StepKind, dict[str, Any]]) -> list[Fact]:
    """Steps of one channel, each `(seconds after begun, kind, data)`."""
    return [
        decode(
            step_fact(
                node=NODE,
                channel=root,
                sequence=number,
                at=begun + timedelta(seconds=after_s),
                kind=kind,
                flow_node="status",
                data=data,
            )
        )
        for number, (after_s, kind, data) in enumerate(told)
    ]


def as_expected(call: Call) -> dict[str, Any]:
    """A call as `expected.json` tells it."""

    def after(at: datetime | None) -> float | None:
        return None if at is None else round((at - call.started_at).total_seconds(), 6)

    return {
        "node": call.node,
        "root": call.root,
        "direction": call.direction,
        "outcome": call.outcome,
        "started_at": call.started_at.isoformat(),
        "answered_s": after(call.answered_at),
        "ended_s": after(call.ended_at),
        "end_estimated": call.end_estimated,
        "caller": call.caller,
        "caller_name": call.caller_name,
        "called": call.called,
        "talk_s": call.talk_us / 1e6,
        "wait_s": call.wait_us / 1e6,
        "ivr_s": call.ivr_us / 1e6,
        "ended_by": call.ended_by,
        "fallback": call.fallback,
        "segments": [[s.kind, after(s.started_at), after(s.ended_at), s.party, s.result] for s in call.segments],
    }
