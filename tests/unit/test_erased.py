"""Facts without a person, on real traces: the record of each call but who it was with is as before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from captured import SCENARIOS, boots_of, raw_facts
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls.call import Call, Direction
from pbx_bridge.calls.erased import MARK, NUMBER, Person, erased, names_in
from pbx_bridge.calls.fact_text import decode
from pbx_bridge.calls.facts import FactKind, RawFact
from pbx_bridge.calls.fold import fold

SINCE = datetime(2026, 11, 22, tzinfo=UTC)
MOBILE = "+989121234567"
SOMEBODY = Person(numbers=frozenset({MOBILE}), names=frozenset({"Ali Rezaei"}))


def outside(call: Call) -> str:
    return call.called if call.direction is Direction.OUTBOUND else call.caller


def nameless(call: Call, number: str) -> Call:
    """What of a call must be as before: all but who was outside, and what was keyed and said."""

    def party(told: str) -> str:
        return "" if told in (NUMBER, number) else told

    return replace(
        call,
        caller=party(call.caller),
        caller_name="",
        called=party(call.called),
        destination=party(call.destination),
        customer_code="",
        tracking_numbers=(),
        segments=tuple(replace(one, party=party(one.party)) for one in call.segments),
        transfers=tuple(replace(one, by=party(one.by), to=party(one.to)) for one in call.transfers),
        steps=tuple(type(one)(at=one.at, flow_node=one.flow_node, kind=one.kind, data={}) for one in call.steps),
    )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_real_call_keeps_all_but_the_person(scenario: str) -> None:
    raws = raw_facts(scenario)
    facts, boots = [decode(raw) for raw in raws], boots_of(scenario)
    call = fold(facts, boots)
    assert call is not None
    number, person = outside(call), Person().calling(outside(call))
    person = person.also(names=names_in(facts, person))

    now = [erased(raw, person) for raw in raws]

    told = fold([decode(raw) for raw in now], boots)
    assert told is not None
    assert nameless(told, number) == nameless(call, number)
    assert outside(told) == (NUMBER if person != Person() else number)
    assert [replace(raw, body="") for raw in now] == [replace(raw, body="", told=None) for raw in raws]
    assert [erased(raw, person) for raw in now] == now


@given(
    st.sampled_from(("", "0", "+98", "0098", "98", "90", "9")),
    st.text(alphabet="/@<>: -x", max_size=3),
    st.sampled_from(list(FactKind)),
    st.text(max_size=20),
)
def test_no_number_stays_in_whatever_stands_there(before: str, beside: str, kind: FactKind, rest: str) -> None:
    body = f"{rest}{beside}x{before}9121234567{beside}"
    raw = RawFact(node="n", file="f", offset=0, kind=kind, at=SINCE, channel="1.0", body=body)
    assert "9121234567" not in (erased(raw, SOMEBODY).body if kind is not FactKind.BOOT else "")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("۰۹۱۲۱۲۳۴۵۶۷", NUMBER),
        ("PJSIP/909121234567@trunk", f"PJSIP/{NUMBER}@trunk"),
        ("09121234568", "09121234568"),
        ("1712345678.12", "1712345678.12"),
        ("Mr Ali Rezaei, 09121234567", f"Mr {MARK}, {NUMBER}"),
    ],
)
def test_what_a_text_becomes(text: str, left: str) -> None:
    assert SOMEBODY.text(text) == left
