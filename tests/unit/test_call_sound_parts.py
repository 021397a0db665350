"""Where the parts of a call are in its recording; and the drawing of its waveform."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

import pytest
from demo_history import NOON, make_call
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls.call import Call, Direction, Segment, SegmentKind
from pbx_bridge.spool.sounds import Sound
from pbx_bridge.spool.waveform import Waveform
from pbx_bridge.store import RecordingState
from pbx_bridge.web.call.own import took_part
from pbx_bridge.web.call.position import stretches
from pbx_bridge.web.call.wave import WIDTH, drawing


def part(kind: SegmentKind, start: float, end: float | None, party: str = "102", result: str = "") -> Segment:
    return Segment(
        kind=kind,
        started_at=NOON + timedelta(seconds=start),
        ended_at=None if end is None else NOON + timedelta(seconds=end),
        party=party,
        result=result,
    )


def sound(length_s: float, *, message: bool = False, start: float = 0.0) -> Sound:
    return Sound(
        key="0" * 16,
        message=message,
        file="a.wav",
        path="a.wav",
        state=RecordingState.PRESENT,
        started_at=NOON + timedelta(seconds=start),
        length_us=round(length_s * 1_000_000),
        sha256="",
    )


def places(call: Call, of: Sound) -> list[tuple[str, float, float]]:
    found = stretches(call, of, NOON + timedelta(hours=1))
    return [(one.segment.kind.value, one.start_us / 1e6, one.end_us / 1e6) for one in found]


def test_what_is_before_the_talk_is_not_in_the_recording() -> None:
    call = make_call(
        1,
        started_at=NOON,
        segments=[
            part(SegmentKind.IVR, 0, 20),
            part(SegmentKind.WAIT, 20, 50),
            part(SegmentKind.RING, 40, 50),
            part(SegmentKind.TALK, 50, 80),
            part(SegmentKind.HOLD, 80, 90),
            part(SegmentKind.TALK, 90, 100),
        ],
    )
    assert places(call, sound(50)) == [("talk", 0, 30), ("hold", 30, 40), ("talk", 40, 50)]


def test_a_wait_between_two_talks_is_not_in_it_either() -> None:
    talks = [part(SegmentKind.TALK, 10, 20), part(SegmentKind.WAIT, 20, 60), part(SegmentKind.TALK, 60, 70, "103")]
    assert places(make_call(1, started_at=NOON, segments=talks), sound(20)) == [("talk", 0, 10), ("talk", 10, 20)]


def test_talks_at_the_same_time_are_heard_once() -> None:
    talks = [part(SegmentKind.TALK, 0, 20), part(SegmentKind.TALK, 10, 30, "103")]
    assert places(make_call(1, started_at=NOON, segments=talks), sound(30)) == [("talk", 0, 20), ("talk", 20, 30)]


def test_a_second_recording_holds_what_came_after_it_began() -> None:
    talks = [part(SegmentKind.TALK, 0, 20), part(SegmentKind.TALK, 25, 40, "103")]
    assert places(make_call(1, started_at=NOON, segments=talks), sound(15, start=22)) == [("talk", 0, 15)]


@pytest.mark.parametrize(("length_s", "told"), [(100, 1), (96, 1), (109, 1), (60, 0), (200, 0)])
def test_a_recording_that_was_paused_or_holds_something_else_is_not_parted(length_s: float, told: int) -> None:
    call = make_call(1, started_at=NOON, segments=[part(SegmentKind.TALK, 0, 100)])
    assert len(places(call, sound(length_s))) == told


def test_a_message_holds_no_part_of_the_call() -> None:
    call = make_call(1, started_at=NOON, segments=[part(SegmentKind.TALK, 0, 20)])
    assert places(call, sound(20, message=True)) == []


moments = st.floats(0, 500)


@given(
    st.lists(st.tuples(st.sampled_from(SegmentKind), moments, moments), max_size=8),
    st.floats(0.001, 1000),
    st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=2),
)
def test_every_part_is_within_the_recording_and_the_drawing(
    told: list[tuple[SegmentKind, float, float]], length_s: float, rows: list[bytes]
) -> None:
    of = sound(length_s)
    call = make_call(1, started_at=NOON, segments=[part(kind, start, end) for kind, start, end in told])
    parts = stretches(call, of, NOON + timedelta(hours=1))
    assert all(0 <= one.start_us < of.length_us and one.start_us <= one.end_us <= of.length_us for one in parts)
    assert [one.start_us for one in parts] == sorted(one.start_us for one in parts)
    root = ElementTree.fromstring(drawing(Waveform(channels=tuple(rows)), parts, of.length_us))  # noqa: S314 - ours
    assert len(root.findall("{*}path")) == len(rows)
    assert all(float(rect.get("x") or 0) <= WIDTH for rect in root.findall("{*}rect"))


@pytest.mark.parametrize(
    ("extension", "direction", "theirs"),
    [
        ("102", Direction.INBOUND, True),  # talked
        ("101", Direction.INBOUND, True),  # rang
        ("103", Direction.INBOUND, False),
        ("", Direction.INBOUND, False),
        ("support", Direction.INBOUND, False),  # a queue is nobody's phone
        ("7", Direction.OUTBOUND, True),  # made it
        ("7", Direction.INBOUND, False),  # whoever calls from outside may say so
    ],
)
def test_whose_call_it_is(extension: str, direction: Direction, theirs: bool) -> None:
    segments = [
        part(SegmentKind.WAIT, 0, 10, "support"),
        part(SegmentKind.RING, 2, 5, "101", "busy"),
        part(SegmentKind.TALK, 10, 20, "102"),
    ]
    call = make_call(1, started_at=NOON, caller="7", direction=direction, segments=segments)
    assert took_part(call, extension) is theirs
