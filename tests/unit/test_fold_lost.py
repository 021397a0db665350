"""The fold when the PBX dies with the call: closed at the last sign of it, and marked so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from captured import NODE, facts_of, steps
from made_facts import T0, cel, ending, folded, in_queue, queue_event, root_of

from pbx_bridge.calls.call import Outcome
from pbx_bridge.calls.fact_text import boot_fact, decode
from pbx_bridge.calls.facts import Boot, Fact, StepKind


def cut(facts: Iterable[Fact], at_s: float) -> list[Fact]:
    return [fact for fact in facts if fact.at <= T0 + timedelta(seconds=at_s)]


def test_a_call_cut_in_the_queue_is_lost_and_says_so() -> None:
    facts = [*cut(in_queue(9), 5), queue_event(1, "ENTERQUEUE")]
    assert folded(facts).outcome is None
    call = folded(facts, [T0 + timedelta(seconds=20)])
    assert (call.outcome, call.end_estimated, call.ended_by) == (Outcome.LOST, True, "")
    assert call.ended_at == T0 + timedelta(seconds=1.001)
    assert all(segment.ended_at is not None for segment in call.segments)


def test_a_boot_of_before_the_call_ends_nothing() -> None:
    assert folded(cut(in_queue(9), 5), [T0 - timedelta(seconds=1)]).outcome is None


def test_a_boot_told_in_whole_seconds_ends_a_call_that_began_before_that_second() -> None:
    boot = (T0 + timedelta(seconds=1)).replace(microsecond=0)
    facts = cut(in_queue(9), 5)  # last fact at 1.001 s + 0.25, after the whole second of the boot
    assert root_of(facts).at < boot < max(fact.at for fact in facts)
    assert folded(facts, [boot]).outcome is Outcome.LOST


def test_boots_may_come_among_the_facts() -> None:
    boot = decode(boot_fact(node=NODE, at=T0 + timedelta(seconds=30)))
    assert isinstance(boot, Boot)
    assert folded([*cut(in_queue(9), 5), boot]).outcome is Outcome.LOST


def test_what_the_daemon_says_after_the_death_does_not_lengthen_the_call() -> None:
    facts = cut(in_queue(9), 0.5)
    told = steps(
        "PJSIP/trunk-00000000", T0, (2.5, StepKind.SAID, {"prompt": "menu"}), (60, StepKind.ENDED, {"by": "lost"})
    )
    call = folded([*facts, *told], [T0 + timedelta(seconds=30)])
    assert (call.outcome, call.ended_at) == (Outcome.LOST, T0 + timedelta(seconds=2.5))
    assert call.ivr_us == 2_400_000


def test_a_call_that_was_served_before_the_death_stays_served() -> None:
    told = steps("PJSIP/trunk-00000000", T0, (0.4, StepKind.HEARD, {"serves": True}))
    call = folded([*cut(in_queue(9), 0.5), *told], [T0 + timedelta(seconds=30)])
    assert (call.outcome, call.end_estimated) == (Outcome.SELF_SERVED, True)


def test_a_finished_call_is_not_touched_by_a_later_boot() -> None:
    facts = facts_of("queue_answered")
    assert folded(facts, [T0 + timedelta(days=1)]) == folded(facts)


def test_an_outbound_call_cut_while_ringing_is_lost() -> None:
    facts = [
        cel(0, "CHAN_START", "PJSIP/101-1", exten="09121234567", context="from-agents"),
        cel(1, "CHAN_START", "PJSIP/trunk-2", linked="PJSIP/101-1"),
    ]
    assert folded(facts, [T0 + timedelta(seconds=30)]).outcome is Outcome.LOST


def test_an_agent_who_hangs_up_before_anything_rang_cancelled() -> None:
    start = cel(0, "CHAN_START", "PJSIP/101-1", exten="09121234567", context="from-agents")
    assert folded([start, *ending(2, "PJSIP/101-1", by="PJSIP/101-1")]).outcome is Outcome.CANCELLED
    assert folded([start, *ending(2, "PJSIP/101-1")]).outcome is Outcome.FAILED
