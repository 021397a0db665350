"""Talk from the customer's side: holds, consultations, parking, Local channels; made up where no capture has it."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from captured import NODE, facts_of
from hypothesis import given
from hypothesis import strategies as st
from made_facts import T0, cel, ending, folded, queue_event, root_of

from pbx_bridge.calls.call import Call, Outcome, SegmentKind, TransferKind
from pbx_bridge.calls.fact_text import decode, live_fact
from pbx_bridge.calls.facts import CelRow, Fact, LiveKind
from pbx_bridge.calls.spans import length_us, overlaps, union, without

ROOT = "PJSIP/trunk-00000000"
BOB, CHARLIE = "PJSIP/101-1", "PJSIP/102-2"


def enter(at_s: float, channel: str, bridge: str, technology: str = "simple_bridge") -> CelRow:
    return cel(
        at_s, "BRIDGE_ENTER", channel, linked=ROOT, extra={"bridge_id": bridge, "bridge_technology": technology}
    )


def leave(at_s: float, channel: str, bridge: str) -> CelRow:
    return cel(at_s, "BRIDGE_EXIT", channel, linked=ROOT, extra={"bridge_id": bridge})


def phone(at_s: float, channel: str, **more: Any) -> CelRow:
    return cel(at_s, "CHAN_START", channel, linked=ROOT, **more)


def _channel(fact: Fact) -> str:
    return fact.channel_name if isinstance(fact, CelRow) else ""


def talking() -> list[Fact]:
    """Bob takes the call at 1 s; the caller hangs up at 11 s."""
    return [
        cel(0, "CHAN_START"),
        phone(0.5, BOB),
        cel(1, "ANSWER", BOB),
        enter(1, ROOT, "b1"),
        enter(1, BOB, "b1"),
        leave(11, ROOT, "b1"),
        leave(11, BOB, "b1"),
        *ending(11.01, BOB),
        *ending(11.02, by=ROOT),
    ]


def live(at_s: float, channel: str, event: LiveKind, **data: Any) -> Fact:
    at = T0 + timedelta(seconds=at_s)
    return decode(live_fact(node=NODE, channel=channel, at=at, event=event, data=data))


def parts(call: Call, kind: SegmentKind) -> list[tuple[float, float, str]]:
    def after(at: datetime | None) -> float:
        assert at is not None
        return round((at - call.started_at).total_seconds(), 3)

    return [(after(s.started_at), after(s.ended_at), s.party) for s in call.segments if s.kind is kind]


@pytest.mark.parametrize("holder", [BOB, ROOT])
def test_a_hold_is_no_talk_whoever_holds(holder: str) -> None:
    call = folded([*talking(), live(3, holder, LiveKind.HOLD), live(5, holder, LiveKind.UNHOLD)])
    assert parts(call, SegmentKind.TALK) == [(1, 3, "101"), (5, 11, "101")]
    assert [(start, end) for start, end, _ in parts(call, SegmentKind.HOLD)] == [(3, 5)]
    assert (call.talk_us, call.hold_us) == (8_000_000, 2_000_000)


def test_a_hold_that_never_ends_ends_with_the_bridge() -> None:
    call = folded([*talking(), live(3, BOB, LiveKind.HOLD)])
    assert parts(call, SegmentKind.HOLD) == [(3, 11, "101")]


def test_an_unhold_alone_is_nothing() -> None:
    assert folded([*talking(), live(5, BOB, LiveKind.UNHOLD)]) == folded(talking())


def test_live_facts_heard_twice_change_nothing() -> None:
    told = [live(3, BOB, LiveKind.HOLD), live(5, BOB, LiveKind.UNHOLD)]
    assert folded([*talking(), *told, *told]) == folded([*told[::-1], *talking()])


def test_a_consultation_that_comes_to_nothing_is_no_transfer() -> None:
    line = "PJSIP/101-3"
    facts = [
        *talking(),
        cel(3, "CHAN_START", line, exten="102"),
        cel(3.1, "CHAN_START", CHARLIE, linked=line, exten="s"),
        cel(4, "ANSWER", CHARLIE, linked=line),
        enter(4, CHARLIE, "b2"),
        enter(4, line, "b2"),
        leave(6, CHARLIE, "b2"),
        leave(6, line, "b2"),
        *ending(6.01, CHARLIE),
        *ending(6.01, line),
    ]
    call = folded(facts)
    assert parts(call, SegmentKind.CONSULT) == [(4, 6, "102")]
    assert parts(call, SegmentKind.TALK) == [(1, 4, "101"), (6, 11, "101")]
    assert (call.transfers, call.agents, call.destination) == ((), ("101",), "101")


def test_what_ours_say_after_the_caller_left_is_no_consultation() -> None:
    facts = [
        *(row for row in talking() if row.at < T0 + timedelta(seconds=10) or _channel(row) == ROOT),
        phone(2, CHARLIE),
        cel(2.5, "ANSWER", CHARLIE),
        enter(2.5, CHARLIE, "b1", "softmix"),
        leave(15, BOB, "b1"),
        leave(15, CHARLIE, "b1"),
        *ending(15.1, BOB),
        *ending(15.1, CHARLIE),
    ]
    call = folded(facts)
    assert parts(call, SegmentKind.CONSULT) == []
    assert parts(call, SegmentKind.TALK) == [(1, 11, "101"), (2.5, 11, "102")]
    assert call.talk_us == 10_000_000  # a union: never more than the customer's own time


def test_a_local_channel_carries_the_talk_and_is_never_shown() -> None:
    one, two = "Local/101@from-agents-7;1", "Local/101@from-agents-7;2"
    facts = [
        cel(0, "CHAN_START"),
        phone(0.5, one),
        phone(0.5, two),
        phone(0.6, BOB),
        cel(1, "ANSWER", BOB),
        enter(1, BOB, "b2"),
        enter(1, two, "b2"),
        cel(1.1, "ANSWER", one),
        enter(1.1, ROOT, "b1"),
        enter(1.1, one, "b1"),
        *(leave(9, channel, bridge) for channel, bridge in ((ROOT, "b1"), (one, "b1"), (two, "b2"), (BOB, "b2"))),
        *(row for channel in (one, two, BOB) for row in ending(9.1, channel)),
        *ending(9.1, by=ROOT),
    ]
    call = folded(facts)
    assert parts(call, SegmentKind.TALK) == [(1.1, 9, "101")]
    assert not any("Local" in segment.party for segment in call.segments)
    assert call.agents == ("101",)


def test_parked_is_not_talk_and_not_a_transfer() -> None:
    extra = {"extension": "700", "context": "parked", "transferee_channel_uniqueid": ROOT}
    facts = [
        *(fact for fact in talking() if fact.at < T0 + timedelta(seconds=3)),
        cel(4, "BLINDTRANSFER", BOB, linked=ROOT, extra=extra),
        leave(4, ROOT, "b1"),
        cel(4.01, "PARK_START"),
        *ending(4.02, BOB),
        live(4.015, ROOT, LiveKind.PARKED, slot="701"),
        cel(9, "PARK_END"),
        phone(8.5, CHARLIE, exten="701"),
        enter(9.1, ROOT, "b3"),
        enter(9.1, CHARLIE, "b3"),
        leave(12, ROOT, "b3"),
        *ending(12.1, CHARLIE),
        *ending(12.1, by=ROOT),
    ]
    call = folded(facts)
    assert parts(call, SegmentKind.PARK) == [(4.01, 9, "701")]
    assert parts(call, SegmentKind.TALK) == [(1, 4, "101"), (9.1, 12, "102")]
    assert (call.transfers, call.agents) == ((), ("101", "102"))


def test_transfers_name_who_and_how() -> None:
    (blind,) = folded(facts_of("blind_transfer")).transfers
    (attended,) = folded(facts_of("attended_transfer")).transfers
    assert (blind.kind, blind.by, blind.to) == (TransferKind.BLIND, "agent101", "102")
    assert (attended.kind, attended.by, attended.to) == (TransferKind.ATTENDED, "agent101", "agent102")


def test_an_originated_call_is_named_by_what_was_asked_for() -> None:
    facts = facts_of("click_to_call")
    root = root_of(facts)
    asked = decode(
        live_fact(
            node=NODE,
            channel=root.uniqueid,
            at=root.at - timedelta(milliseconds=5),
            event=LiveKind.ORIGINATE,
            data={"dialled": "09120001111", "agent": "agent101"},
        )
    )
    call = folded([asked, *facts])
    assert (call.called, call.destination, call.agents) == ("09120001111", "09120001111", ("agent101",))
    assert [s.party for s in call.segments if s.kind is SegmentKind.RING] == ["agent101", "09120001111"]
    assert (call.outcome, call.ended_by) == (Outcome.ANSWERED, "caller")


def test_queue_directly_after_queue_is_told_apart_by_queue_log() -> None:
    facts: list[Fact] = [
        cel(0, "CHAN_START"),
        cel(1, "APP_START", app="Queue", app_data="support,cC,,,4"),
        queue_event(1, "ENTERQUEUE"),
        queue_event(5, "EXITWITHTIMEOUT"),
        queue_event(6, "ENTERQUEUE", queue="services"),
        queue_event(9, "ABANDON", queue="services"),
        *ending(9.5, by=ROOT),
    ]
    waits = [segment for segment in folded(facts).segments if segment.kind is SegmentKind.WAIT]
    assert [(wait.party, wait.result) for wait in waits] == [("support", "timeout"), ("services", "abandoned")]


moments = st.integers(0, 50).map(lambda s: T0 + timedelta(seconds=s))
spans = st.lists(st.tuples(moments, moments).map(lambda two: (min(two), max(two))), max_size=6)
END = T0 + timedelta(seconds=60)


@given(spans, spans)
def test_cutting_and_covering_add_up(some: Any, others: Any) -> None:
    both, rest = overlaps(some, others), without(some, others)
    assert length_us(rest, END) + length_us(both, END) == length_us(some, END)
    assert length_us([*rest, *others], END) == length_us([*some, *others], END)
    assert overlaps(rest, others) == [] or length_us(overlaps(rest, others), END) == 0


@given(spans)
def test_a_union_is_in_order_and_covers_the_same(some: Any) -> None:
    joined = union(some)
    assert all(one[1] is not None and one[1] < other[0] for one, other in pairwise(joined))
    assert length_us(joined, END) == length_us(some, END)


def test_a_phone_long_gone_did_not_end_the_call() -> None:
    facts = [
        *(row for row in talking() if row.at < T0 + timedelta(seconds=3)),
        leave(4, BOB, "b1"),
        leave(4, ROOT, "b1"),
        *ending(4.1, BOB, by=BOB),
        phone(4.2, CHARLIE),
        cel(5, "ANSWER", CHARLIE),
        enter(5, CHARLIE, "b2"),
        enter(5, ROOT, "b2"),
        leave(9, ROOT, "b2"),
        *ending(9.01, CHARLIE, by=ROOT),
        *ending(9.02, by=BOB),  # put down when Bob hung up, and never changed
    ]
    assert folded(facts).ended_by == "caller"
