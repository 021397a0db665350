"""CDRs alone: the call they tell, against what CEL tells of the same call."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from captured import expected_of
from cdr_files import CAPTURES, captured_cdrs, freepbx_csv, master_csv
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls.call import Call, Direction, Outcome, SegmentKind
from pbx_bridge.calls.cdr import fold_cdr
from pbx_bridge.calls.fact_text import decode
from pbx_bridge.calls.facts import CdrRow
from pbx_bridge.store.cdr_rows import fact_of, find_layout
from pbx_bridge.values.dates import TEHRAN

SCENARIOS = sorted(path.parent.name for path in CAPTURES.glob("*/cdr.csv") if path.stat().st_size)
UNKNOWN = {  # what a CDR says less of
    # It does not tell who hung up, so not why a menu ended.
    "ivr_only": "abandoned_ivr",
    "ivr_only_rfc4733": "abandoned_ivr",
    # Busy apart, every refusal is "NO ANSWER".
    "outbound_cancelled": "no_answer",
    "outbound_rejected": "no_answer",
    # Commands after the hang-up stand where the mailbox stood.
    "queue_voicemail": "missed",
    "voicemail_not_left": "abandoned_ivr",
}
NOON = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


def rows_of(text: str, zone: ZoneInfo = TEHRAN) -> list[CdrRow]:
    lines = text.splitlines()
    layout = find_layout(lines)
    assert layout is not None
    decoded = [decode(fact_of(layout.cells(line), "pbx1", zone)) for line in lines[layout.headed :]]
    return [row for row in decoded if isinstance(row, CdrRow)]


def main_call(rows: list[CdrRow], expected: dict[str, Any]) -> Call:
    """The call of the linkedid that CEL's record begins with; a consultation may have one of its own."""
    told = sorted(rows, key=lambda row: row.at)
    root = expected.get("root") or next((row.linkedid for row in told if row.src == expected["caller"]), "")
    call = fold_cdr(row for row in rows if row.linkedid == root)
    assert call is not None
    return call


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("form", ["master", "freepbx", "bare"])
def test_a_capture_agrees_with_its_cel(scenario: str, form: str) -> None:
    cdrs = captured_cdrs(scenario)
    if form == "master":
        text = master_csv(cdrs, TEHRAN, "uniqueid", "userfield", "peeraccount", "linkedid", "sequence")
    else:
        text = freepbx_csv(cdrs, TEHRAN, header=form == "freepbx")
    expected = expected_of(scenario)
    call = main_call(rows_of(text), expected)
    assert (call.source, call.direction) == ("cdr", expected["direction"])
    assert call.outcome == UNKNOWN.get(scenario, expected["outcome"])
    assert (call.answered_at is None) == (call.outcome != "answered")
    if "caller" in expected:
        assert (call.caller, call.caller_name) == (expected["caller"], expected.get("caller_name", call.caller_name))
    if "root" in expected:
        assert call.root == expected["root"]
        assert abs((call.started_at - datetime.fromisoformat(expected["started_at"])).total_seconds()) < 1.01
        assert call.ended_at is not None
        assert abs((call.ended_at - call.started_at).total_seconds() - expected["ended_s"]) < 2


# --- rules, each on small calls -----------------------------------------------------------------------------------


def cdr(start: float, end: float, **told: Any) -> CdrRow:
    answered = told.pop("answered", None)
    values: dict[str, Any] = {
        "clid": '"Sara" <09121234567>',
        "src": "09121234567",
        "dst": "600",
        "context": "ext-queues",
        "channel_name": "PJSIP/provider-00000001",
        "peer_name": "",
        "app": "Queue",
        "app_data": "600,t,,,60",
        "disposition": "NO ANSWER" if answered is None else "ANSWERED",
        "uniqueid": "1.1",
        "linkedid": "1.1",
        "did": "02191001000",
        "user_field": "",
    }
    told = values | told
    name = "|".join(f"{value}" for value in (start, end, *told.values()))
    return CdrRow(
        node="pbx1",
        file=f"cdr:{name}",
        offset=0,
        at=NOON + timedelta(seconds=start),
        answered_at=None if answered is None else NOON + timedelta(seconds=answered),
        ended_at=NOON + timedelta(seconds=end),
        **told,
    )


def folded(*rows: CdrRow) -> Call:
    call = fold_cdr(rows)
    assert call is not None
    return call


def queue_call(answered_by: str = "") -> list[CdrRow]:
    """A queue that rings two members through Local channels: five CDRs, as FreePBX has them."""
    rows = []
    for member in ("101", "102"):
        took = member == answered_by
        local = f"Local/{member}@from-queue-000000{member}"
        until = 40 if took or not answered_by else 9
        rows.append(cdr(0, until, answered=1 if took else None, peer_name=f"{local};1"))
        plumbing = {"channel_name": f"{local};2", "peer_name": f"PJSIP/{member}-00000002", "uniqueid": f"1.{member}"}
        rows.append(cdr(1, 40, answered=9 if took else None, app="Dial", **plumbing))
    return [*rows, cdr(40, 41, answered=40, dst="h", app="Hangup", app_data="")]


def test_five_cdrs_of_a_queue_are_one_line() -> None:
    call = folded(*queue_call(answered_by="102"))
    assert (call.direction, call.outcome, call.called) == (Direction.INBOUND, Outcome.ANSWERED, "02191001000")
    assert (call.agents, call.destination, call.talk_us) == (("102",), "102", 39_000_000)
    assert [(s.party, s.result) for s in call.segments if s.kind is SegmentKind.RING] == [("101", "no_answer")]
    assert call.wait_us == 0


def test_a_queue_that_nobody_took() -> None:
    left = folded(*queue_call())
    assert (left.outcome, left.wait_us, left.talk_us, left.agents) == (Outcome.ABANDONED_QUEUE, 40_000_000, 0, ())
    assert [s.result for s in left.segments if s.kind is SegmentKind.WAIT] == ["abandoned"]
    assert left.destination == ""
    timed_out = folded(cdr(0, 60, peer_name="PJSIP/101-00000001"))
    assert timed_out.outcome == Outcome.MISSED
    went_on = folded(cdr(0, 30, app_data="600"), cdr(30, 35, answered=30, app="Playback", app_data="nobody-here"))
    assert went_on.outcome == Outcome.MISSED


def test_answered_by_the_menu_alone_is_not_answered_by_a_person() -> None:
    menu = folded(cdr(0, 20, answered=1, app="BackGround", app_data="welcome"))
    assert (menu.outcome, menu.answered_at, menu.talk_us, menu.ivr_us) == (Outcome.ABANDONED_IVR, None, 0, 19_000_000)
    billed = folded(cdr(0, 40, answered=1, disposition="NO ANSWER", peer_name="PJSIP/101-00000001", app="Dial"))
    assert (billed.outcome, billed.talk_us) == (Outcome.MISSED, 0)
    away = folded(cdr(0, 5, app="Hangup", app_data=""))
    assert away.outcome == Outcome.REJECTED


def test_talk_is_a_union_on_the_callers_side() -> None:
    first = cdr(0, 60, answered=10, app="Dial", peer_name="PJSIP/101-00000001")
    second = cdr(50, 100, answered=50, app="Dial", peer_name="PJSIP/102-00000002")
    consult = cdr(
        30,
        50,
        answered=35,
        app="Dial",
        channel_name="PJSIP/101-00000003",
        peer_name="PJSIP/102-00000002",
        uniqueid="1.3",
    )
    call = folded(first, second, consult)
    assert (call.talk_us, call.agents, call.ring_us) == (90_000_000, ("101", "102"), 10_000_000)


def test_voicemail() -> None:
    call = folded(
        cdr(0, 20, app="Dial", app_data="PJSIP/101", peer_name="PJSIP/101-00000001"),
        cdr(20, 50, answered=20, app="VoiceMail", app_data="101@default,u"),
    )
    assert (call.outcome, call.left_voicemail, call.talk_us) == (Outcome.VOICEMAIL, True, 0)
    assert call.destination == "101"


OUT: dict[str, Any] = {
    "channel_name": "PJSIP/101-00000001",
    "peer_name": "PJSIP/provider-00000002",
    "src": "02191001000",
    "dst": "09121234567",
    "context": "from-internal",
    "app": "Dial",
    "did": "",
}


@pytest.mark.parametrize(
    ("disposition", "outcome"),
    [("ANSWERED", "answered"), ("BUSY", "busy"), ("NO ANSWER", "no_answer"), ("FAILED", "failed"),
     ("CONGESTION", "failed"), ("CANCEL", "cancelled"), ("", "failed")],
)  # fmt: skip
def test_outbound(disposition: str, outcome: str) -> None:
    answered = 9 if disposition == "ANSWERED" else None
    call = folded(cdr(0, 30, answered=answered, **OUT, disposition=disposition))
    assert (call.direction, call.outcome, call.called) == (Direction.OUTBOUND, outcome, "09121234567")
    assert call.agents == (("101",) if answered else ())
    assert call.destination == "09121234567"


def test_internal() -> None:
    told = OUT | {"src": "101", "dst": "102", "peer_name": "PJSIP/102-00000002"}
    call = folded(cdr(0, 30, answered=5, **told))
    assert (call.direction, call.outcome, call.caller, call.agents) == ("internal", "answered", "101", ("101", "102"))
    assert folded(cdr(0, 30, **told)).outcome == Outcome.NO_ANSWER


def test_a_trunk_called_like_a_phone() -> None:
    trunk = cdr(
        0, 30, channel_name="SIP/trunk01-00000001", did="", dst="600", peer_name="SIP/101-00000002", answered=2
    )
    assert folded(trunk).direction == Direction.INBOUND


def test_none_of_none() -> None:
    assert fold_cdr([]) is None


@pytest.mark.parametrize(
    "clid", ["", "Sara", '"=cmd|calc" <09>', "<img src=x onerror=1>", '"سارا" <09>', "\u202e<9>"]
)
def test_hostile_names_stay_text(clid: str) -> None:
    assert folded(cdr(0, 1, clid=clid, src=clid, dst=clid, app=clid, app_data=clid)).caller == clid


texts = st.sampled_from(
    ["", "101", "PJSIP/101-1", "PJSIP/trunk-1", "Local/1@x;1", "s", "h", "Queue", "VoiceMail", "x,,,,9"]
)
rows = st.builds(
    cdr,
    st.integers(0, 100),
    st.integers(0, 100),
    answered=st.none() | st.integers(0, 100),
    **{
        name: texts
        for name in ("src", "dst", "context", "channel_name", "peer_name", "app", "app_data", "did", "clid")
    },
    disposition=st.sampled_from(["ANSWERED", "NO ANSWER", "BUSY", "FAILED", ""]),
    uniqueid=st.sampled_from(["1.1", "1.2", "1.3"]),
)


@given(st.lists(rows, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_give_the_same_call(told: list[CdrRow], random: Any) -> None:
    call = folded(*told)
    again = [*told, *told]
    random.shuffle(again)
    assert folded(*again) == call
    assert call.outcome is not None
    assert (
        0 <= call.talk_us <= sum((r.ended_at - r.at) / timedelta(microseconds=1) for r in told if r.ended_at > r.at)
    )
    for segment in call.segments:
        assert segment.ended_at is not None
        assert segment.ended_at >= segment.started_at


def test_every_order_of_a_queue_call() -> None:
    told = queue_call(answered_by="101")
    calls = [folded(*order) for order in itertools.permutations(told)]
    assert all(call == calls[0] for call in calls)
