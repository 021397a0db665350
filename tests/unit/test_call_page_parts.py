"""Parts of one call's page that need no store: raw facts as lines, marks on the time line, numbers in the steps."""

from __future__ import annotations

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from demo_history import NOON, make_call, queued, talking
from hypothesis import given
from hypothesis import strategies as st
from store_facts import NODE, begun, step

from pbx_bridge.calls.call import CallStep, Transfer, TransferKind
from pbx_bridge.calls.facts import FactKind, RawFact, StepKind
from pbx_bridge.store import Role
from pbx_bridge.web import timeline
from pbx_bridge.web.call.fact_lines import as_json, fact_lines
from pbx_bridge.web.permits import SignedIn
from pbx_bridge.web.show import Language, Show
from pbx_bridge.web.transcript import transcript
from pbx_bridge.web.viewer import Viewer

SHOW = Show(language=Language.EN, zone=ZoneInfo("Asia/Tehran"))


def viewer(role: Role) -> Viewer:
    return Viewer(show=SHOW, now=NOON, account=SignedIn(name="x", role=role))


def raw(kind: FactKind, body: str, channel: str = "1.1") -> RawFact:
    return RawFact(node=NODE, file="f", offset=0, kind=kind, at=NOON, channel=channel, body=body)


# --- raw facts ---


def test_each_source_tells_its_own() -> None:
    queue = raw(FactKind.QUEUE, "1795250000|1.1|support|PJSIP/102|CONNECT|12|1.2|4")
    facts = [*begun("1.1"), step("1.1", 0, 2.0, keys="1", result="match"), queue]
    lines = list(fact_lines(facts, viewer(Role.LEAD).private))
    assert [(line.source, line.what) for line in lines] == [
        ("cel", "CHAN_START"),
        ("cel", "ANSWER"),
        ("step", "keys"),
        ("queue", "CONNECT"),
    ]
    assert ("num", "09121234567") in lines[0].told
    assert ("keys", "1") in lines[2].told
    assert lines[3].told == (("queue", "support"), ("agent", "PJSIP/102"), ("data", "12 | 1.2 | 4"))


def test_what_cannot_be_read_is_shown_as_it_came() -> None:
    (line,) = fact_lines([raw(FactKind.STEP, "{torn")], viewer(Role.LEAD).private)
    assert (line.what, line.whose, line.told) == ("", "1.1", (("", "{torn"),))


@given(kind=st.sampled_from(FactKind), body=st.text(max_size=200), channel=st.text(max_size=40))
def test_no_fact_breaks_the_table_or_the_file(kind: FactKind, body: str, channel: str) -> None:
    fact = raw(kind, body, channel)
    for line in fact_lines([fact], viewer(Role.LEAD).private):
        text = "".join((line.what, line.whose, *(part for pair in line.told for part in pair)))
        assert not set("\x00\x07\x1b\r\n\u202e\u2066").intersection(text)
    told = as_json(fact, str)
    assert told.isascii()
    assert json.loads(told)["body"] == body


def test_numbers_are_hidden_from_who_may_not_see_them() -> None:
    (line, _) = fact_lines(begun("1.1"), viewer(Role.READ_ONLY).private)
    assert ("num", "0912•••4567") in line.told


# --- the time line ---


def test_transfers_are_marked_where_they_were() -> None:
    call = queued(1, NOON, "09121234567", wait=10, talk=80)
    assert call.ended_at is not None
    middle = call.started_at + (call.ended_at - call.started_at) / 2
    moved = Transfer(kind=TransferKind.BLIND, at=middle, by="102", to="103")
    told = make_call(1, started_at=NOON, segments=call.segments, transfers=(moved,))
    (mark,) = timeline.marks(told, NOON, mirrored=False)
    (mirrored,) = timeline.marks(told, NOON, mirrored=True)
    assert mark.x == pytest.approx(500, abs=1)
    assert mirrored.x == pytest.approx(1000 - mark.x)
    assert mark.offset_us == (middle - call.started_at) // timedelta(microseconds=1)


def test_a_transfer_told_out_of_time_stays_on_the_drawing() -> None:
    late = Transfer(kind=TransferKind.ATTENDED, at=NOON + timedelta(days=1), by="", to="")
    early = Transfer(kind=TransferKind.BLONDE, at=NOON - timedelta(days=1), by="", to="")
    call = make_call(1, started_at=NOON, transfers=(late, early))
    assert [mark.x for mark in timeline.marks(call, NOON, mirrored=False)] == [0, 1000]


def test_now_is_shown_while_a_call_goes_on() -> None:
    call = talking(1, NOON - timedelta(minutes=5))
    assert timeline.now_place(call, NOON, mirrored=False) == 1000
    assert timeline.now_place(call, NOON, mirrored=True) == 0
    assert timeline.now_place(queued(1, NOON, "1", wait=1, talk=1), NOON, mirrored=False) is None


# --- the steps ---


@pytest.mark.parametrize(("role", "shown"), [(Role.LEAD, "09121234567"), (Role.READ_ONLY, "0912•••4567")])
def test_a_number_in_a_step_is_shown_to_who_may_see_it(role: Role, shown: str) -> None:
    steps = [
        CallStep(at=NOON, flow_node="n", kind=StepKind.KEYS, data={"keys": "09121234567", "result": "match"}),
        CallStep(at=NOON, flow_node="n", kind=StepKind.CALLBACK_ASKED, data={"number": "09121234567", "queue": "q"}),
        CallStep(at=NOON, flow_node="n", kind=StepKind.SAID, data={"text": "We call you at 09121234567."}),
    ]
    lines = transcript(make_call(1, started_at=NOON, steps=steps), viewer(role))
    assert all(shown in line.text for line in lines)
