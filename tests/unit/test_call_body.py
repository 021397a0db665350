"""A Call goes into JSON and comes back as it was."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls.call import Call, CallId, CallStep, Direction, Outcome, Segment, SegmentKind, SurveyAnswer
from pbx_bridge.store import CallRow, call_json
from pbx_bridge.store.call_body import decode, encode, number_key
from pbx_bridge.store.times import from_us

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
HOSTILE = st.text(st.sampled_from("a\ud800\udfff\x00ب'\"\\"), max_size=12)
MOMENTS = st.integers(0, 2**53).map(from_us)
LENGTHS = st.integers(0, 10**12)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
SEGMENTS = st.builds(
    Segment,
    kind=st.sampled_from(SegmentKind),
    started_at=MOMENTS,
    ended_at=st.none() | MOMENTS,
    party=TEXTS,
    result=TEXTS,
)
STEPS = st.builds(CallStep, at=MOMENTS, flow_node=TEXTS, kind=TEXTS, data=st.dictionaries(TEXTS, VALUES, max_size=3))
ANSWERS = st.builds(
    SurveyAnswer, question=TEXTS, answer=st.none() | LENGTHS, scale=LENGTHS, queue=TEXTS, agent=TEXTS, at=MOMENTS
)


def calls(caller: st.SearchStrategy[str]) -> st.SearchStrategy[Call]:
    return st.builds(
        Call,
        call_id=TEXTS.map(CallId),
        node=TEXTS,
        root=caller,
        direction=st.sampled_from(Direction),
        outcome=st.none() | st.sampled_from(Outcome),
        started_at=MOMENTS,
        answered_at=st.none() | MOMENTS,
        ended_at=st.none() | MOMENTS,
        end_estimated=st.booleans(),
        caller=caller,
        caller_name=caller,
        called=TEXTS,
        customer_code=TEXTS,
        tracking_numbers=st.lists(TEXTS, max_size=3).map(tuple),
        language=TEXTS,
        talk_us=LENGTHS,
        wait_us=LENGTHS,
        ivr_us=LENGTHS,
        ended_by=TEXTS,
        fallback=st.booleans(),
        segments=st.lists(SEGMENTS, max_size=3).map(tuple),
        steps=st.lists(STEPS, max_size=3).map(tuple),
        survey=st.lists(ANSWERS, max_size=2).map(tuple),
    )


@given(calls(TEXTS))
def test_round_trip(call: Call) -> None:
    kept, body, content_hash = encode(call)
    assert kept == call
    assert decode(body) == call
    assert encode(decode(body)) == (call, body, content_hash)


@given(calls(HOSTILE))
def test_whatever_a_caller_is_called(call: Call) -> None:
    kept, body, _ = encode(call)
    assert decode(body) == kept
    assert len(kept.caller_name) == len(call.caller_name)
    body.encode()


@given(calls(TEXTS))
def test_for_people(call: Call) -> None:
    told = json.loads(json.dumps(call_json(CallRow(call=call, revision=7))))
    assert datetime.fromisoformat(told["started_at"]) == call.started_at
    assert timedelta(seconds=told["talk_s"]) == timedelta(microseconds=call.talk_us)
    assert told["revision"] == 7
    assert len(told["segments"]) == len(call.segments)
    assert [step["data"] for step in told["steps"]] == [step.data for step in call.steps]
    issue = "call_id revision node direction outcome started_at answered_at ended_at caller called customer_code"
    assert set(issue.split()) <= set(told)
    assert {"tracking_numbers", "language", "talk_s", "wait_s", "segments", "steps"} <= set(told)


def test_what_a_number_is_found_by() -> None:
    assert number_key("09121234567", "IR") == "+989121234567"
    assert number_key(" 101 ", "IR") == "101"
    assert number_key("anonymous", "IR") == "anonymous"
