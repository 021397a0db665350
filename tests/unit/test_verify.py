"""The comparison of records with Asterisk's files: real captures agree, and each kind of fault is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from captured import ALL, boots_of, facts_of

from pbx_bridge.calls.call import Call, SegmentKind
from pbx_bridge.calls.facts import CelRow, Fact, QueueEvent
from pbx_bridge.calls.fold import fold
from pbx_bridge.calls.keys import keys_of
from pbx_bridge.calls.verify import Cdr, Check, Disagreement, Evidence, Window, compare, unsupported


def evidence(facts: Sequence[Fact]) -> Evidence:
    told = Evidence(node="pbx1")
    for fact in facts:
        told.keys |= keys_of(fact)
        if isinstance(fact, CelRow):
            told.take_row(fact)
        elif isinstance(fact, QueueEvent):
            told.events.append(fact)
            told.span(fact.at)
    return told


def both(scenario: str) -> tuple[Evidence, Call]:
    facts = facts_of(scenario)
    call = fold(facts, boots_of(scenario))
    assert call is not None
    return evidence(facts), call


def never_together(call: Call) -> Call:
    """The same, had nobody spoken with the caller."""
    return replace(call, answered_at=None, segments=tuple(s for s in call.segments if s.kind is not SegmentKind.TALK))


def brief(found: Sequence[Disagreement]) -> list[tuple[Check, bool]]:
    return [(one.check, bool(one.explained)) for one in found]


@pytest.mark.parametrize("scenario", ALL)
def test_what_was_folded_from_a_capture_agrees_with_it(scenario: str) -> None:
    told, call = both(scenario)
    assert [one for one in compare(told, [call]) if not one.explained] == []


def test_a_killed_call_is_told_and_explained() -> None:
    told, call = both("asterisk_killed")
    [found] = compare(told, [call])
    assert (found.check, found.explained) == (Check.END, "the end is estimated")
    assert "no end" in found.evidence


def test_no_call_two_calls() -> None:
    told, call = both("queue_answered")
    assert brief(compare(told, [])) == [(Check.EXISTS, False)]
    assert brief(compare(told, [call, replace(call, root="other")])) == [(Check.ONCE, False)]
    assert compare(told, [])[0].channel == call.root


def test_what_explains_a_missing_call() -> None:
    told, call = both("queue_answered")
    hour = timedelta(hours=1)
    gap = Window(since=call.started_at - hour, until=None, why="gap: a file is gone")
    past = Window(since=call.started_at - 2 * hour, until=call.started_at - hour, why="gap")
    assert compare(told, [], windows=[past, gap])[0].explained == "gap: a file is gone"
    assert compare(told, [], windows=[past])[0].explained == ""
    assert compare(told, [], folding=True)[0].explained == "being put together"
    told.unread = True
    assert compare(told, [])[0].explained == "not read yet"


def test_a_call_that_never_ended_on_record() -> None:
    told, call = both("queue_answered")
    assert (Check.END, False) in brief(compare(told, [replace(call, ended_at=None, outcome=None)]))
    assert call.ended_at is not None
    early = replace(call, ended_at=call.ended_at - timedelta(seconds=1))
    assert brief(compare(told, [early])) == [(Check.END, False)]
    late = replace(call, started_at=call.started_at + timedelta(seconds=1))
    assert brief(compare(told, [late])) == [(Check.START, False)]


def test_an_answer_that_queue_log_tells() -> None:
    told, call = both("queue_answered")
    assert brief(compare(told, [never_together(call)])) == [(Check.CONNECT, False), (Check.COMPLETE, False)]
    other = replace(call, segments=tuple(replace(s, party=s.party.replace("101", "109")) for s in call.segments))
    assert (Check.CONNECT, False) in brief(compare(told, [other]))


def test_a_caller_who_left_as_the_agent_answered() -> None:
    told, call = both("queue_answered")
    alone = never_together(call)
    told.events = [
        replace(one, args=(one.args[0], "0", *one.args[2:])) if one.event.startswith("COMPLETE") else one
        for one in told.events
    ]
    assert brief(compare(told, [alone])) == [(Check.CONNECT, True), (Check.COMPLETE, True)]
    assert compare(told, [alone])[0].explained == "the caller left as the agent answered"
    unrung = replace(alone, segments=tuple(s for s in alone.segments if s.kind is not SegmentKind.RING))
    assert (Check.CONNECT, False) in brief(compare(told, [unrung]))


def test_a_talk_of_another_length() -> None:
    told, call = both("queue_answered")
    longer = tuple(
        replace(s, started_at=s.started_at - timedelta(seconds=5)) if s.kind is SegmentKind.TALK else s
        for s in call.segments
    )
    assert brief(compare(told, [replace(call, segments=longer)])) == [(Check.COMPLETE, False)]


@pytest.mark.parametrize(
    ("scenario", "word"), [("queue_abandoned", "abandoned"), ("queue_timeout_voicemail", "timeout")]
)
def test_a_wait_that_ended_otherwise(scenario: str, word: str) -> None:
    told, call = both(scenario)
    segments = tuple(replace(s, result="answered" if s.result == word else s.result) for s in call.segments)
    [found] = compare(told, [replace(call, segments=segments)])
    assert (found.check, found.evidence) == (Check.EXIT, f"queue_log: {word}")


def cdr(call: Call, **fields: object) -> Cdr:
    plain = Cdr(
        uniqueid=call.root,
        linkedid=call.root,
        channel="PJSIP/trunk-00000000",
        other="PJSIP/agent101-00000001",
        app="Queue",
        disposition="ANSWERED",
        billed_s=12,
        started_at=call.started_at,
        ended_at=call.ended_at,
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


def test_cdrs() -> None:
    told, call = both("queue_answered")
    assert call.ended_at is not None
    far = timedelta(seconds=3)
    told.cdrs = [cdr(call)]
    assert compare(told, [call]) == []
    told.cdrs = [cdr(call, started_at=call.started_at - far)]
    assert brief(compare(told, [call])) == [(Check.CDR, False)]
    told.cdrs = [cdr(call, ended_at=call.ended_at + far)]
    assert brief(compare(told, [call])) == [(Check.CDR, False)]


def test_a_cdr_of_an_unanswered_call_promises_no_talk() -> None:
    told, call = both("queue_abandoned")
    told.cdrs = [
        cdr(call, disposition="NO ANSWER", billed_s=8),
        cdr(call, other="", app="Stasis"),
        cdr(call, other="Local/101@x-1;1"),
        cdr(call, billed_s=0),
    ]
    assert compare(told, [call]) == []
    told.cdrs = [cdr(call)]
    assert brief(compare(told, [call])) == [(Check.CDR, False)]


def test_plumbing_alone_is_no_call() -> None:
    told, call = both("queue_answered")
    told.began, told.events, told.plumbing, told.cdrs = {}, [], {"1.9"}, [cdr(call)]
    assert compare(told, []) == []


def test_a_call_whose_beginning_is_in_no_file_any_more() -> None:
    facts = [f for f in facts_of("queue_answered") if not isinstance(f, CelRow) or f.event != "CHAN_START"]
    _, call = both("queue_answered")
    told = evidence(facts)
    assert (told.whole, told.ended_at) == (False, None)
    assert compare(told, [call]) == []


def test_a_call_no_file_tells_of() -> None:
    _, call = both("queue_answered")
    assert unsupported(call).explained == ""
    gap = Window(since=datetime(2020, 1, 1, tzinfo=UTC), until=None, why="gap")
    assert unsupported(call, [gap]).explained == "gap"
