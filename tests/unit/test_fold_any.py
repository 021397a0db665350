"""The fold is total and deterministic: on any facts at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from captured import steps
from hypothesis import given, settings
from hypothesis import strategies as st
from made_facts import T0, cel, queue_event

from pbx_bridge.calls.facts import CelRow, Fact, StepKind
from pbx_bridge.calls.fold import fold

_EVENTS = (
    "CHAN_START",
    "CHAN_END",
    "ANSWER",
    "HANGUP",
    "BRIDGE_ENTER",
    "BRIDGE_EXIT",
    "APP_START",
    "APP_END",
    "NEWS",
)
_CHANNELS = ("PJSIP/trunk-0", "PJSIP/101-1", "PJSIP/101-2", "Local/x@y-3;1", "weird", "")
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x, max_size=2), max_leaves=3
)


@st.composite
def any_rows(draw: Callable[..., Any]) -> CelRow:
    return cel(
        draw(st.integers(0, 40)) / 4,
        draw(st.sampled_from(_EVENTS)),
        draw(st.sampled_from(_CHANNELS)),
        linked=draw(st.sampled_from(_CHANNELS)),
        app=draw(st.sampled_from(("Stasis", "Queue", "VoiceMail", "Dial", ""))),
        app_data=draw(st.sampled_from(("support,x", "", ",", "pbx_bridge,in"))),
        context=draw(st.sampled_from(("from-trunk", "from-agents", ""))),
        extra=draw(
            st.dictionaries(
                st.sampled_from(("bridge_id", "bridge_technology", "hangupcause", "hangupsource", "extra")), _JSON
            )
        ),
    )


_STEPS = st.builds(
    lambda at, kind, data: steps("PJSIP/trunk-0", T0, (at, kind, data))[0],
    st.floats(-10, 10),
    st.sampled_from(StepKind),
    st.dictionaries(
        st.sampled_from(("serves", "by", "code", "language", "flow", "result", "tracking_number")), _JSON
    ),
)
_QUEUE = st.builds(
    queue_event,
    st.integers(0, 10),
    st.sampled_from(("ENTERQUEUE", "ABANDON", "EXITEMPTY", "CONNECT", "RINGNOANSWER", "X")),
    st.sampled_from(("101", "NONE")),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(any_rows() | _STEPS | _QUEUE, max_size=25, unique_by=lambda f: (f.file, f.offset)),
    st.lists(st.sampled_from([T0 + timedelta(seconds=s) for s in (-5, 5, 20)]), max_size=2),
    st.randoms(use_true_random=False),
)
def test_any_facts_at_all_fold_to_one_sound_call(facts: list[Fact], boots: list[datetime], rng: Any) -> None:
    call = fold(facts, boots)
    shuffled = facts * 2
    rng.shuffle(shuffled)
    assert fold(shuffled, boots) == call
    if call is None:
        return
    assert (call.outcome is None) == (call.ended_at is None)
    assert min(call.talk_us, call.wait_us, call.ivr_us) >= 0
    assert all(s.ended_at is None or s.started_at <= s.ended_at for s in call.segments)
    json.dumps([step.data for step in call.steps])
