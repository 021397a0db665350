"""What the fold decides, rule by rule, on traces changed by hand or made up where no capture has the case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from captured import facts_of, steps
from made_facts import T0, cel, ending, folded, in_queue, queue_event, root_of

from pbx_bridge.calls.call import Call, Direction, Outcome, SegmentKind
from pbx_bridge.calls.facets import rung_in_vain
from pbx_bridge.calls.facts import CelRow, Fact, Step, StepKind
from pbx_bridge.calls.fold import fold
from pbx_bridge.web.desk.last import lost_at

# --- the menus ------------------------------------------------------------------------------------------------


def test_heard_to_the_end_is_self_served_whoever_hangs_up() -> None:
    for scenario in ("ivr_only", "hangup_in_prompt"):
        facts = facts_of(scenario)
        root = root_of(facts)
        told = steps(
            root.uniqueid,
            root.at,
            (0.01, StepKind.STARTED, {"flow": "support", "version": "1", "called": "1000"}),
            (0.02, StepKind.CUSTOMER, {"code": "C-17", "name": "Sara", "by": "number"}),
            (0.03, StepKind.LANGUAGE, {"language": "en", "by": "default"}),
            (0.04, StepKind.LANGUAGE, {"language": "fa", "by": "key"}),
            (0.30, StepKind.LOOKUP, {"what": "ticket", "result": "none", "tracking_number": "111"}),
            (0.40, StepKind.LOOKUP, {"what": "ticket", "result": "found", "tracking_number": "1234567"}),
            (0.45, StepKind.LOOKUP, {"what": "ticket", "result": "found", "tracking_number": "1234567"}),
            (0.50, StepKind.SAID, {"prompt": "status", "language": "fa", "text": "…", "playback": "p"}),
            (0.90, StepKind.HEARD, {"prompt": "status", "playback": "p", "serves": True}),
        )
        call = folded([*told, *facts])
        assert call.outcome is Outcome.SELF_SERVED
        assert (call.customer_code, call.language, call.tracking_numbers) == ("C-17", "fa", ("1234567",))
        assert [segment.party for segment in call.segments] == ["support"]
        assert [step.kind for step in call.steps] == [step.kind.value for step in told if isinstance(step, Step)]


def test_hung_up_while_it_was_read_is_abandoned() -> None:
    facts = facts_of("hangup_in_prompt")
    root = root_of(facts)
    told = steps(
        root.uniqueid,
        root.at,
        (0.5, StepKind.SAID, {"prompt": "status"}),
        (0.6, StepKind.HEARD, {"prompt": "welcome", "serves": False}),
    )
    call = folded([*facts, *told])
    assert (call.outcome, call.ended_by, call.talk_us) == (Outcome.ABANDONED_IVR, "caller", 0)


def test_hung_up_while_the_dialplan_took_over_gave_up_the_wait_for_a_person() -> None:
    facts = facts_of("hangup_in_prompt")
    root = root_of(facts)
    word = {"extra": "fallback"}
    told = msgspec.structs.replace(root, event="USER_DEFINED", offset=10_000, user_type="PBXB", extra=word)
    call = folded([*facts, told])
    assert (call.outcome, call.fallback) == (Outcome.ABANDONED_QUEUE, True)


def test_self_served_counts_for_nothing_once_a_person_answered() -> None:
    facts = facts_of("ivr_queue_answered")
    root = root_of(facts)
    told = steps(root.uniqueid, root.at, (0.5, StepKind.HEARD, {"serves": True}))
    assert folded([*facts, *told]).outcome is Outcome.ANSWERED


@pytest.mark.parametrize("scenario", ["direct_busy", "direct_cancelled"])
def test_after_self_service_a_phone_that_rang_in_vain_decides(scenario: str) -> None:
    facts = facts_of(scenario)
    root = root_of(facts)
    told = steps(root.uniqueid, root.at, (0.1, StepKind.HEARD, {"serves": True}))
    assert folded([*facts, *told]).outcome is Outcome.MISSED


def _dialled(at_s: float, data: str, over_s: float, **more: Any) -> list[Fact]:
    dial = {"app": "Dial", "app_data": data, **more}
    return [cel(at_s, "APP_START", **dial), cel(over_s, "APP_END", **dial)]


def test_a_phone_that_is_not_registered_was_dialled_in_vain() -> None:
    rang = cel(1.01, "CHAN_START", "PJSIP/102-00000001", linked="PJSIP/trunk-00000000")
    facts = [
        cel(0, "CHAN_START"),
        *_dialled(1, "PJSIP/101&PJSIP/102,20,igt", 1.2),
        rang,
        *ending(1.2, rang.channel_name, cause=16),
        *_dialled(2, "PJSIP/09121234567@trunk,60,i", 2.1),  # a number outside is nobody of ours
        *ending(3),
    ]
    call = folded(facts)
    assert [(one.kind, one.party, one.result) for one in call.segments] == [
        (SegmentKind.RING, "101", "unreachable"),
        (SegmentKind.RING, "102", "no_answer"),
    ]
    assert call.outcome is Outcome.MISSED
    assert list(rung_in_vain(call)) == ["101", "102"]
    assert lost_at(call, "101") == "unreachable"
    # While it is dialled, its channel may come yet.
    assert [one.result for one in folded(facts[:2]).segments] == []


@pytest.mark.parametrize(("cause", "result"), [(20, "unreachable"), (27, "unreachable"), (38, "unreachable")])
def test_a_phone_that_is_registered_and_not_there_was_out_of_reach(cause: int, result: str) -> None:
    phone = "PJSIP/101-00000001"
    rang = cel(1.01, "CHAN_START", phone, linked="PJSIP/trunk-00000000")
    facts = [cel(0, "CHAN_START"), *_dialled(1, "PJSIP/101,20", 2), rang, *ending(2, phone, cause=cause), *ending(3)]
    assert [(one.party, one.result) for one in folded(facts).segments] == [("101", result)]


def test_after_self_service_the_queue_decides() -> None:
    facts = facts_of("queue_abandoned")
    root = root_of(facts)
    told = steps(root.uniqueid, root.at, (0.5, StepKind.HEARD, {"serves": True}))
    assert folded([*facts, *told]).outcome is Outcome.ABANDONED_QUEUE


def test_steps_alone_are_no_call_yet() -> None:
    assert fold(steps("pbx1-1.0", T0, (0, StepKind.STARTED, {"flow": "support"}))) is None


def test_a_call_of_60_ms_is_a_call() -> None:
    call = folded([cel(0, "CHAN_START"), *ending(0.06, by="PJSIP/trunk-00000000")])
    assert (call.outcome, call.direction) == (Outcome.ABANDONED_IVR, Direction.INBOUND)
    assert call.ended_at == T0 + timedelta(seconds=0.060001)


def test_a_call_the_dialplan_never_took_is_rejected() -> None:
    assert folded([cel(0, "CHAN_START"), *ending(0.06, cause=1)]).outcome is Outcome.REJECTED


def test_a_call_that_goes_on_has_no_outcome_and_no_end() -> None:
    facts = [fact for fact in facts_of("ivr_queue_answered") if not _after(fact, 4.0)]
    call = folded(facts)
    assert (call.outcome, call.ended_at, call.ended_by) == (None, None, "")
    assert [segment.kind for segment in call.segments if segment.ended_at is None] == [SegmentKind.TALK]
    assert call.answered_at is not None


def _after(fact: Fact, seconds: float) -> bool:
    return fact.at > datetime.fromtimestamp(1795293642.631854 + seconds, UTC)


# --- the queue ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "result", "outcome"),
    [
        ("EXITWITHTIMEOUT", "timeout", Outcome.MISSED),
        ("EXITEMPTY", "empty", Outcome.MISSED),
        ("EXITWITHKEY", "key", Outcome.MISSED),
        ("ABANDON", "abandoned", Outcome.ABANDONED_QUEUE),
    ],
)
def test_four_ways_out_of_a_queue(event: str, result: str, outcome: Outcome) -> None:
    call = folded([*in_queue(9), queue_event(1, "ENTERQUEUE"), queue_event(9, event)])
    wait = next(segment for segment in call.segments if segment.kind is SegmentKind.WAIT)
    assert (wait.result, wait.party, call.outcome) == (result, "support", outcome)
    assert call.wait_us == 7_999_000


def test_a_queue_that_lets_nobody_in_is_empty() -> None:
    call = folded(in_queue(1.002))
    assert [s.result for s in call.segments if s.kind is SegmentKind.WAIT] == ["empty"]
    assert call.outcome is Outcome.MISSED


def test_the_callers_own_hang_up_is_known_before_queue_log_is_read() -> None:
    call = folded(in_queue(5, by="PJSIP/trunk-00000000"))
    assert (call.outcome, call.ended_by) == (Outcome.ABANDONED_QUEUE, "caller")


def test_who_hung_up_as_the_queue_sent_them_away_was_sent_away() -> None:
    facts = [*in_queue(5, by="PJSIP/trunk-00000000"), queue_event(1, "ENTERQUEUE"), queue_event(5, "EXITEMPTY")]
    wait = next(segment for segment in folded(facts).segments if segment.kind is SegmentKind.WAIT)
    assert wait.result == "empty", "queue_log says so in so many words"


def test_two_queues_each_have_their_own_ending() -> None:
    again = [
        cel(9.5, "APP_START", app="Queue", app_data="services,cC,,,60"),
        cel(11, "APP_END", app="Queue", app_data="services,cC,,,60"),
    ]
    events = [
        queue_event(1, "ENTERQUEUE"),
        queue_event(9, "EXITWITHTIMEOUT"),
        queue_event(9, "ENTERQUEUE", queue="services"),
        queue_event(11, "ABANDON", queue="services"),
    ]
    call = folded([*in_queue(9), *again, *events])
    assert [s.result for s in call.segments if s.kind is SegmentKind.WAIT] == ["timeout", "abandoned"]
    assert call.outcome is Outcome.ABANDONED_QUEUE


def test_the_same_queue_twice_within_a_second() -> None:
    again = [
        cel(1.3, "APP_START", app="Queue", app_data="support,cC"),
        cel(4, "APP_END", app="Queue", app_data="support,cC"),
    ]
    events = [
        queue_event(1, "ENTERQUEUE"),
        replace(queue_event(1, "EXITEMPTY"), offset=101),
        replace(queue_event(1, "ENTERQUEUE"), offset=102, args=("", "0912", "1")),
        queue_event(4, "EXITWITHTIMEOUT"),
    ]
    call = folded([*in_queue(1.2), *again, *events])
    assert [s.result for s in call.segments if s.kind is SegmentKind.WAIT] == ["empty", "timeout"]


def test_a_holding_bridge_is_waiting() -> None:
    hold = {"bridge_id": "h", "bridge_technology": "holding_bridge"}
    facts = [
        *in_queue(9),
        cel(2, "BRIDGE_ENTER", extra=hold),
        cel(1.9, "CHAN_START", "PJSIP/x-1", linked="PJSIP/trunk-00000000"),
        cel(2.1, "BRIDGE_ENTER", "PJSIP/x-1", extra=hold),
        *ending(8, "PJSIP/x-1"),
    ]
    call = folded(facts)
    assert (call.talk_us, call.answered_at) == (0, None)


def test_plumbing_in_the_bridge_is_nobody() -> None:
    mixing = {"bridge_id": "m", "bridge_technology": "simple_bridge"}
    facts = [
        *in_queue(9),
        cel(1.9, "CHAN_START", "Local/1@x-1;1", linked="PJSIP/trunk-00000000"),
        cel(2, "BRIDGE_ENTER", extra=mixing),
        cel(2, "BRIDGE_ENTER", "Local/1@x-1;1", extra=mixing),
        *ending(8, "Local/1@x-1;1"),
    ]
    call = folded(facts)
    assert (call.talk_us, call.root) == (0, "PJSIP/trunk-00000000")


# --- agents' phones -------------------------------------------------------------------------------------------


def ringing(channel: str, start_s: float, stop_s: float, cause: int = 26) -> list[Fact]:
    return [
        cel(start_s, "CHAN_START", channel, linked="PJSIP/trunk-00000000", context="from-agents"),
        *ending(stop_s, channel, cause=cause),
    ]


def ring_results(facts: Iterable[Fact]) -> dict[str, str]:
    return {s.party: s.result for s in folded(facts).segments if s.kind is SegmentKind.RING}


def test_a_phones_ending_is_told_by_cause_queue_log_and_company() -> None:
    facts = [
        *in_queue(9),
        queue_event(1, "ENTERQUEUE"),
        *ringing("PJSIP/101-1", 1.1, 1.4, cause=17),
        *ringing("PJSIP/102-2", 1.1, 1.4, cause=21),
        *ringing("PJSIP/103-3", 1.1, 5.0),
        *ringing("PJSIP/104-4", 1.1, 5.0),
        *ringing("PJSIP/105-5", 1.1, 5.0),
        queue_event(1, "RINGNOANSWER", "101"),
        queue_event(5, "RINGNOANSWER", "PJSIP/103"),
        queue_event(5, "RINGCANCELED", "104"),
    ]
    assert ring_results(facts) == {
        "101": "busy",
        "102": "rejected",
        "103": "no_answer",
        "104": "cancelled",
        "105": "no_answer",
    }


def test_the_silent_phone_of_a_ring_all_is_cancelled_not_missed() -> None:
    facts = [
        *in_queue(9),
        *ringing("PJSIP/101-1", 1.1, 3.01),
        cel(1.1, "CHAN_START", "PJSIP/102-2", linked="PJSIP/trunk-00000000"),
        cel(3.0, "ANSWER", "PJSIP/102-2"),
        *ending(9, "PJSIP/102-2"),
    ]
    assert ring_results(facts) == {"101": "cancelled", "102": "answered"}


def test_a_phone_that_rings_into_the_hang_up_is_cancelled() -> None:
    facts = [*in_queue(5, by="PJSIP/trunk-00000000"), *ringing("PJSIP/101-1", 1.1, 4.9997)]
    assert ring_results(facts) == {"101": "cancelled"}


# --- without the daemon, and from the inside -------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {"event": "USER_DEFINED", "user_type": "PBXB", "extra": {"extra": "fallback"}},
        {"event": "PBXB", "extra": {"extra": "fallback"}},  # Asterisk 16
        {"event": "APP_START", "context": "pbxb-nobody"},
    ],
)
def test_fallback_is_told_by_the_dialplan(more: dict[str, Any]) -> None:
    facts = in_queue(9)
    assert not folded(facts).fallback
    assert folded([*facts, cel(2, **more)]).fallback


def test_a_queue_named_fallback_is_none() -> None:
    row = cel(2, "USER_DEFINED", user_type="PBXB", extra={"extra": "queue=fallback"})
    assert not folded([*in_queue(9), row]).fallback


def from_inside(called: str, far: str, *, answered: bool, cause: int = 16, by: str = "") -> Call:
    """Agent 101 dials; the far leg starts in `from-trunk` if it is the trunk's."""
    agent, bridge = "PJSIP/101-1", {"bridge_id": "b", "bridge_technology": "simple_bridge"}
    context = "from-trunk" if "trunk" in far else "from-agents"
    talk = [
        cel(3, "ANSWER", far),
        cel(3, "BRIDGE_ENTER", far, extra=bridge),
        cel(3.1, "BRIDGE_ENTER", agent, extra=bridge),
    ]
    return folded(
        [
            cel(0, "CHAN_START", agent, exten=called, context="from-agents", num="101"),
            cel(1, "CHAN_START", far, linked=agent, exten="s", context=context),
            *(talk if answered else []),
            *ending(9, far, cause=cause, by=by),
            *ending(9, agent, cause=cause, by=by),
        ]
    )


def test_directions() -> None:
    assert from_inside("102", "PJSIP/102-2", answered=True).direction is Direction.INTERNAL
    assert from_inside("09121234567", "PJSIP/x-2", answered=True).direction is Direction.OUTBOUND
    assert from_inside("s", "PJSIP/trunk-2", answered=True).direction is Direction.OUTBOUND


@pytest.mark.parametrize(
    ("cause", "by", "outcome"),
    [
        (17, "", Outcome.BUSY),
        (21, "", Outcome.REJECTED),
        (127, "PJSIP/101-1", Outcome.CANCELLED),
        (0, "PJSIP/101-1", Outcome.CANCELLED),
        (0, "", Outcome.NO_ANSWER),
        (34, "", Outcome.FAILED),
    ],
)
def test_outbound_outcomes(cause: int, by: str, outcome: Outcome) -> None:
    call = from_inside("09121234567", "PJSIP/trunk-2", answered=False, cause=cause, by=by)
    assert (call.outcome, call.answered_at) == (outcome, None)


def test_a_colleague_not_reached() -> None:
    assert from_inside("102", "PJSIP/102-2", answered=False, cause=0).outcome is Outcome.NO_ANSWER
    given_up = from_inside("102", "PJSIP/102-2", answered=False, cause=0, by="PJSIP/101-1")
    assert (given_up.outcome, given_up.ended_by) == (Outcome.CANCELLED, "caller")


def test_outbound_answered_ended_by_the_customer() -> None:
    call = from_inside("09121234567", "PJSIP/trunk-2", answered=True, by="PJSIP/trunk-2")
    assert (call.outcome, call.ended_by, call.talk_us) == (Outcome.ANSWERED, "caller", 5_900_001)


def test_an_agent_who_calls_the_menu_is_judged_like_a_caller() -> None:
    facts: list[Fact] = [
        msgspec.structs.replace(fact, context="from-agents", channel_name="PJSIP/101-1")
        for fact in in_queue(9)
        if isinstance(fact, CelRow)
    ]
    call = folded([*facts, queue_event(1, "ENTERQUEUE"), queue_event(9, "EXITWITHTIMEOUT")])
    assert (call.direction, call.outcome) == (Direction.INTERNAL, Outcome.MISSED)


def test_roots_are_ordered_by_time_not_by_id() -> None:
    early, late = "pbx1-858.10", "pbx1-858.9"
    facts = [
        cel(0, "CHAN_START", early),
        cel(1, "CHAN_START", late, linked=early),
        *ending(2, early),
        *ending(2, late),
    ]
    assert folded(facts).root == early
