"""What one call adds to the counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from demo_history import NOON, morning, queued, self_served
from hypothesis import given
from hypothesis import strategies as st
from plain_call import plain_call

from pbx_bridge.calls.call import Call, CallStep, Direction, Outcome, Segment, SegmentKind, SurveyAnswer
from pbx_bridge.calls.contacts import WEEK_US, Contact, Standing, changes, standings
from pbx_bridge.calls.moments import Limits, MomentKind, moments_of
from pbx_bridge.calls.tally import WAIT_STEPS, Count, contact_count, contributions, day_of, part_of, words_of

TEHRAN = ZoneInfo("Asia/Tehran")


def counted(call: Call, name: str) -> dict[tuple[str, ...], Count]:
    found = contributions(call, TEHRAN)
    return {words_of(part): count for (of, _, part), count in found.items() if of == name}


def test_a_call_in_progress_adds_nothing() -> None:
    assert contributions(plain_call(NOON, ended_at=None, outcome=None), TEHRAN) == {}


def test_a_call_counts_on_the_local_day_and_hour_it_began() -> None:
    late = plain_call(datetime(2026, 11, 21, 20, 45, tzinfo=UTC))  # 00:15 in Tehran, on the 22nd
    days = {day for _, day, _ in contributions(late, TEHRAN)}
    assert days == {(datetime(2026, 11, 22, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days}
    assert counted(late, "hour") == {("inbound", "0"): (1, 0)}
    assert day_of(datetime(1970, 1, 1, 0, 0, tzinfo=UTC), ZoneInfo("UTC")) == 0


def test_an_answered_call() -> None:
    call = queued(1, NOON, "09121234567", wait=21.0, talk=60.0, agents=("102",))
    assert counted(call, "outcome") == {("inbound", "answered"): (1, call.talk_us)}
    ((queue, result, step),) = counted(call, "wait")
    assert (queue, result, step) == ("support", "answered", "20")
    assert counted(call, "agent")[("102", "answered")][0] == 1
    assert len(contributions(call, TEHRAN)) <= 20


def test_the_way_through_the_menus_begins_and_ends() -> None:
    edges = counted(self_served(1, NOON), "edge")
    assert ("support", "", "who", "") in edges
    assert ("support", "status", "", "served") in edges
    assert edges[("support", "menu", "ask_tracking", "")] == (1, 1)


def test_a_circle_counts_the_call_once_and_each_pass() -> None:
    steps = [
        CallStep(at=NOON, flow_node=node, kind=kind, data=data)
        for node, kind, data in (
            ("a", "started", {"flow": "f"}),
            ("b", "keys", {}),
            ("a", "said", {}),
            ("b", "keys", {}),
            ("b", "ended", {"by": "caller"}),
        )
    ]
    edges = counted(plain_call(NOON, steps=tuple(steps)), "edge")
    assert edges == {
        ("f", "", "a", ""): (1, 1),
        ("f", "a", "b", ""): (1, 2),
        ("f", "b", "a", ""): (1, 1),
        ("f", "b", "", "caller"): (1, 1),
    }


def test_a_caller_cannot_fill_the_counts() -> None:
    steps = tuple(CallStep(at=NOON, flow_node=f"n{n}" * 50, kind="keys", data={}) for n in range(5000))
    call = plain_call(NOON, steps=steps)
    assert len(contributions(call, TEHRAN)) <= 110
    assert all(len(part) < 800 for _, _, part in contributions(call, TEHRAN))


def test_a_number_outside_is_no_agent() -> None:
    ring = Segment(kind=SegmentKind.RING, started_at=NOON, ended_at=NOON, party="09121234567", result="no_answer")
    assert counted(plain_call(NOON, segments=(ring,)), "agent") == {}


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_words_are_the_same_after_their_part(words: list[str]) -> None:
    assert words_of(part_of(*words)) == tuple(words)


@given(st.integers(0, 10_000_000))
def test_a_wait_is_of_the_step_it_reached(ms: int) -> None:
    wait = Segment(
        kind=SegmentKind.WAIT,
        started_at=NOON,
        ended_at=NOON + timedelta(milliseconds=ms),
        party="q",
        result="answered",
    )
    ((words, (n, total)),) = counted(plain_call(NOON, segments=(wait,)), "wait").items()
    step = int(words[2])
    assert (n, total) == (1, ms * 1000)
    assert step * 1000 <= ms
    assert all(ms < later * 1000 for later in WAIT_STEPS if later > step)


# --- contacts -----------------------------------------------------------------------------------------------------

gaps = st.lists(
    st.sampled_from([0, 1, WEEK_US // 2, WEEK_US - 1, WEEK_US, WEEK_US + 1, 3 * WEEK_US]), min_size=1, max_size=12
)


def contacts_of(spans: list[int]) -> list[Contact]:
    found, at_us = [], 0
    for number, span in enumerate(spans):
        at_us += span
        found.append(Contact(at_us=at_us, call_id=f"{number:04}"))
    return found


def deltas(told: Mapping[Contact, tuple[Standing | None, Standing]]) -> dict[Contact, tuple[int, int, int]]:
    found: dict[Contact, tuple[int, int, int]] = {}
    for one, (before, now) in told.items():
        (n, again), (was_n, was_again) = contact_count(now), contact_count(before)
        third = now.third - (before.third if before else 0)
        if (n - was_n, again - was_again, third) != (0, 0, 0):
            found[one] = (n - was_n, again - was_again, third)
    return found


@given(gaps, st.integers(0, 11))
def test_what_a_call_changes_is_all_that_changes(spans: list[int], place: int) -> None:
    everybody = contacts_of(spans)
    place %= len(everybody)
    this, others = everybody[place], everybody[:place] + everybody[place + 1 :]
    with_it, without = standings(everybody), standings(others)
    truly = {one: (without.get(one), now) for one, now in with_it.items() if without.get(one) != now}
    near = [one for one in everybody[:place] if this.at_us - one.at_us <= 2 * WEEK_US][-3:]
    after = [one for one in everybody[place + 1 :] if one.at_us - this.at_us <= 2 * WEEK_US][:3]
    assert deltas(changes(near, this, after)) == deltas(truly)


def test_three_in_a_week() -> None:
    told = standings(contacts_of([0, WEEK_US // 2, WEEK_US // 4, 1]))
    assert [one.third for one in told.values()] == [False, False, True, False]
    assert [one.first for one in told.values()] == [True, False, False, False]
    assert [one.again for one in told.values()] == [True, True, True, False]


# --- moments ------------------------------------------------------------------------------------------------------


def kinds(call: Call) -> set[MomentKind]:
    return {one.kind for one in moments_of(call, Limits(long_wait_s=100))}


def test_nothing_went_wrong_in_a_good_call() -> None:
    assert kinds(plain_call(NOON, outcome=Outcome.ANSWERED, wait_us=99_999_999)) == set()


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"wait_us": 100_000_000}, MomentKind.LONG_WAIT),
        ({"outcome": Outcome.LOST}, MomentKind.CUT),
        ({"end_estimated": True}, MomentKind.CUT),
        ({"fallback": True}, MomentKind.FALLBACK),
        ({"left_voicemail": True}, MomentKind.VOICEMAIL),
        ({"steps": (CallStep(at=NOON, flow_node="a", kind="trouble", data={}),)}, MomentKind.TROUBLE),
    ],
)
def test_each_thing_that_goes_wrong(told: dict[str, Any], kind: MomentKind) -> None:
    assert kinds(plain_call(NOON, **told)) == {kind}
    assert kinds(plain_call(NOON, direction=Direction.OUTBOUND, **told)) == set()


@pytest.mark.parametrize(
    ("answer", "scale", "low"),
    [(2, 5, True), (3, 5, False), (2, 4, True), (1, 2, True), (1, 1, False), (None, 5, False)],
)
def test_the_lower_half_of_a_scale(answer: int | None, scale: int, low: bool) -> None:
    told = SurveyAnswer(question="served", answer=answer, scale=scale, queue="q", agent="101", at=NOON)
    found = moments_of(plain_call(NOON, survey=(told,)), Limits())
    assert [one.detail for one in found] == ([f"{answer}/{scale} served"] if low else [])


def test_the_counts_of_a_morning_are_few() -> None:
    rows = [len(contributions(call, TEHRAN)) for call in morning()]
    assert max(rows) <= 20
