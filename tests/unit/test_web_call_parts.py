"""One call's parts as bars, and its steps as a conversation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from demo_history import NOON, in_menu, left_early, make_call, queued, self_served, talking
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls.call import Call, CallStep, Outcome, Segment, SegmentKind
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.store import CallRow
from pbx_bridge.store.lines import line_of
from pbx_bridge.web import timeline, words
from pbx_bridge.web.show import Language, Show
from pbx_bridge.web.transcript import Line, transcript
from pbx_bridge.web.viewer import CallView, Viewer, call_view

TEHRAN = ZoneInfo("Asia/Tehran")
EN = Viewer(show=Show(language=Language.EN, zone=TEHRAN), now=NOON)
FA = Viewer(show=Show(language=Language.FA, zone=TEHRAN), now=NOON)


def _segment(kind: SegmentKind, start: float, end: float | None) -> Segment:
    ended = None if end is None else NOON + timedelta(seconds=end)
    return Segment(kind=kind, started_at=NOON + timedelta(seconds=start), ended_at=ended)


def seen(call: Call) -> CallView:
    """A call's line as an English reader sees it."""
    return call_view(line_of(CallRow(call=call, revision=1)), EN)


def test_lanes_follow_the_segments_and_mirror_for_persian() -> None:
    call = make_call(
        1, started_at=NOON, segments=[_segment(SegmentKind.IVR, 0, 25), _segment(SegmentKind.TALK, 25, 100)]
    )
    ivr, talk = timeline.lanes(call, NOON, mirrored=False)
    assert (ivr.bars[0].x, ivr.bars[0].width, talk.bars[0].x, talk.bars[0].width) == (0, 250, 250, 750)
    ivr, talk = timeline.lanes(call, NOON, mirrored=True)
    assert (ivr.bars[0].x, talk.bars[0].x) == (750, 0)


def test_overlapping_parts_of_one_kind_are_counted_once() -> None:
    rings = [_segment(SegmentKind.RING, 0, 10), _segment(SegmentKind.RING, 5, 12)]
    (lane,) = timeline.lanes(make_call(1, started_at=NOON, segments=rings), NOON, mirrored=False)
    assert lane.total_us == 12_000_000


def test_a_part_that_goes_on_reaches_to_now() -> None:
    call = talking(1, NOON - timedelta(minutes=5))
    talk = timeline.lanes(call, NOON, mirrored=False)[-1]
    assert talk.kind is SegmentKind.TALK
    assert talk.bars[0].x + talk.bars[0].width == timeline.WIDTH


moments = st.floats(-100, 100_000)


@given(st.lists(st.tuples(st.sampled_from(SegmentKind), moments, moments), max_size=8), st.booleans())
def test_every_bar_is_on_the_drawing(parts: list[tuple[SegmentKind, float, float]], mirrored: bool) -> None:
    call = make_call(1, started_at=NOON, segments=[_segment(kind, start, end) for kind, start, end in parts])
    bars = [bar for lane in timeline.lanes(call, NOON, mirrored=mirrored) for bar in lane.bars]
    assert len(bars) == len(parts)
    assert all(bar.width > 0 and -0.02 <= bar.x <= timeline.WIDTH - bar.width + 0.02 for bar in bars)
    assert 1 <= len(timeline.ticks(call, NOON, mirrored=mirrored)) <= 8


def _lines(call: Any, viewer: Viewer = EN) -> list[Line]:
    return list(transcript(call, viewer))


def test_a_self_served_call_reads_as_a_conversation() -> None:
    lines = _lines(self_served(1, NOON))
    assert [line.side for line in lines] == [
        *("note", "note", "note", "menu", "caller", "menu", "caller", "menu", "caller", "note", "menu", "note"),
    ]
    assert lines[3].remark == "not heard to the end"
    assert (lines[4].text, lines[4].remark) == ("1", "accepted")
    assert (lines[6].remark, lines[6].tone) == ("not valid", "warn")
    assert lines[10].remark == "the answer, heard to the end"
    assert lines[10].language == "fa"
    assert lines[9].text == "\u2068Ticket\u2069: found \u2066471 20 88\u2069 in 0.2 s."
    assert [line.offset_us for line in lines] == sorted(line.offset_us for line in lines)


def test_the_same_call_in_persian() -> None:
    lines = _lines(self_served(1, NOON), FA)
    assert lines[4].text == "۱"
    assert lines[-1].text == "پایان منو (\u2068تماس‌گیرنده\u2069)."


def test_a_hurried_caller_and_a_queue() -> None:
    assert _lines(left_early(1, NOON))[-2].remark == "not heard to the end"
    queue = _lines(queued(1, NOON, "09121234567", wait=20, talk=60))[-1]
    assert queue.text == "Sent to the \u2068support\u2069 queue: \u2068contract valid\u2069."


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=2)
)


@pytest.mark.parametrize("viewer", [EN, FA])
@given(
    kind=st.sampled_from([*StepKind, "unheard_of", ""]),
    data=st.dictionaries(
        st.sampled_from(
            (
                *("flow", "code", "name", "by", "language", "prompt", "text", "playback", "serves", "keys", "result"),
                *("what", "seconds", "tracking_number", "customer_code", "queue", "reason", "status"),
            )
        ),
        anything,
    ),
)
def test_any_step_can_be_read(viewer: Viewer, kind: str, data: dict[str, Any]) -> None:
    step = CallStep(at=NOON, flow_node="n", kind=kind, data=data)
    lines = _lines(make_call(1, started_at=NOON, steps=[step]), viewer)
    assert len(lines) == (0 if kind == StepKind.HEARD else 1)
    assert all(line.text or line.side == "caller" for line in lines)


def test_every_kind_of_step_has_words_of_its_own() -> None:
    for kind in StepKind:
        step = CallStep(at=NOON, flow_node="n", kind=kind, data={})
        for line in _lines(make_call(1, started_at=NOON, steps=[step])):
            assert not line.text.startswith("Step “"), kind


def test_how_a_call_stands_is_told_by_word_tone_and_shape() -> None:
    shown = {}
    for outcome in Outcome:
        view = seen(make_call(1, started_at=NOON, outcome=outcome))
        shown[outcome] = (view.outcome, view.tone, view.icon)
    assert len({word for word, _, _ in shown.values()}) == len(Outcome)
    assert shown[Outcome.MISSED] == ("Missed", "bad", "missed")


def test_a_call_in_progress_says_what_goes_on() -> None:
    assert seen(in_menu(1, NOON)).outcome == words.word(Language.EN, "progress.ivr")
    view = seen(talking(1, NOON - timedelta(seconds=90)))
    assert (view.outcome, view.open, view.duration_us) == ("Talking", True, 90_000_000)


def test_the_customers_name_is_preferred_to_the_name_sent() -> None:
    known = self_served(1, NOON)
    assert seen(known).name == "شرکت آریا صنعت"
    assert seen(make_call(2, started_at=NOON, caller_name="\u202eeve")).name == "eve"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "just now"),
        (0, "just now"),
        (1, "1 second ago"),
        (61, "1 minute ago"),
        (7200, "2 hours ago"),
        (90_000, "1 day ago"),
    ],
)
def test_how_long_ago(seconds: int, shown: str) -> None:
    assert EN.ago(NOON - timedelta(seconds=seconds)) == shown
