"""The soak's judge sees what it is there to see: each wrong record is named, a right one is not."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from captured import CAPTURES

from bench.soak.files import Told, read
from bench.soak.hearing import Hearing
from bench.soak.verdict import Evidence, problems, summary

CALL = Told(
    root="p-1.0", caller="0912", begun=1000.0, ended=1020.0, over=1020.5, queue=["ENTERQUEUE", "CONNECT"], talk=8
)


def at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def record(**changes: Any) -> dict[str, Any]:
    whole = {
        "call_id": "a",
        "caller": "0912",
        "started_at": at(1000.0),
        "ended_at": at(1020.2),
        "outcome": "answered",
        "end_estimated": False,
        "fallback": False,
        "talk_s": 8.4,
    }
    return whole | changes


def evidence(*records: dict[str, Any], **changes: Any) -> Evidence:
    whole = Evidence(
        calls={CALL.root: CALL},
        records=records,
        dialled=["0912"],
        answered=["0912"],
        strangers=(),
        silences={CALL.root: 1.0},
        unserved={CALL.root: 1.0},
        silence_limit_s=10.0,
        farewell_s=2.0,
    )
    return dataclasses.replace(whole, **changes)


def test_a_right_record_is_no_problem() -> None:
    assert problems(evidence(record())) == []
    assert summary(evidence(record()))["outcomes"] == {"answered": 1}


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (evidence(), "LOST: 0912 called 1 times, 0 on record"),
        (evidence(record(), record(call_id="b")), "DOUBLED: 0912"),
        (evidence(record(), record()), "DOUBLED: a stands 2 times"),
        (evidence(record(caller="0999")), "LOST: 0912"),
        (evidence(record(started_at=at(1000.5))), "no record of 0912 begins"),
        (evidence(record(ended_at=None)), "still open"),
        (evidence(record(end_estimated=True)), "end_estimated is True"),
        (evidence(record(ended_at=at(1021.0))), "ended"),
        (evidence(record(outcome="abandoned_queue")), "outcome abandoned_queue"),
        (evidence(record(talk_s=12.0)), "talk 12.0 s"),
        (evidence(record(fallback=True)), "fallback is True"),
        (evidence(record(), answered=["0912", "0913"]), "LOST: 0913 was answered"),
        (evidence(record(), dialled=[]), "who did not dial"),
        (evidence(record(), strangers=["p-1.7"]), "p-1.7 belongs to no call"),
        (evidence(record(), unserved={"p-1.0": 11.0}), "DEAD AIR: p-1.0 heard nothing for 11.0 s"),
        (evidence(record(), calls={"p-1.0": dataclasses.replace(CALL, left=[3.0])}), "DEAD AIR: p-1.0 stood 3.0 s"),
        (evidence(record(), calls={"p-1.0": dataclasses.replace(CALL, farewell=[3.1])}), "was let go 3.1 s after"),
    ],
)
def test_what_is_wrong_is_named(found: Evidence, word: str) -> None:
    assert any(word in problem for problem in problems(found)), problems(found)


@pytest.mark.parametrize(
    ("queue", "ended", "outcome"),
    [
        (["ENTERQUEUE", "ABANDON"], 1020.0, "abandoned_queue"),
        (["ENTERQUEUE", "EXITEMPTY"], 1020.0, "missed"),
        ([], 1020.0, "self_served"),
        ([], None, "lost"),
        (["ENTERQUEUE", "CONNECT"], None, "answered"),
    ],
)
def test_each_way_a_call_may_go(queue: list[str], ended: float | None, outcome: str) -> None:
    call = dataclasses.replace(CALL, queue=queue, ended=ended, talk=None)
    kept = record(outcome=outcome, end_estimated=ended is None)
    assert problems(evidence(kept, calls={CALL.root: call})) == []


def test_the_files_are_read_as_asterisk_writes_them() -> None:
    folder = CAPTURES / "queue_answered"
    (call,) = read(folder / "cel.csv", folder / "queue_log.txt", 0.0).values()
    assert (call.caller, call.queue, call.talk) == ("09121234567", ["ENTERQUEUE", "CONNECT", "COMPLETECALLER"], 11)
    assert (call.begun, call.ended, call.over) == (1795293626.278701, 1795293638.28723, 1795293638.28723)
    assert read(folder / "cel.csv", Path("/nowhere"), 1795293627.0) == {}


def test_files_that_were_set_aside_meanwhile_are_read_too(tmp_path: Path) -> None:
    folder = CAPTURES / "queue_answered"
    whole = read(folder / "cel.csv", folder / "queue_log.txt", 0.0)
    for name, source in (("cel.csv", "cel.csv"), ("queue_log", "queue_log.txt")):
        rows = (folder / source).read_bytes().splitlines(keepends=True)
        for place, part in (("20261122T031500Z", rows[:2]), ("20261122T041500Z", rows[2:5])):
            (tmp_path / f"{name}.{place}").write_bytes(b"".join(part))
        (tmp_path / name).write_bytes(b"".join(rows[5:]))
    assert read(tmp_path / "cel.csv", tmp_path / "queue_log", 0.0) == whole


@pytest.mark.parametrize(("context", "left", "farewell"), [("pbxb-nobody", [], [1.5]), ("from-trunk", [1.5], [])])
def test_the_end_after_the_flow_is_a_farewell_where_the_dialplan_speaks(
    tmp_path: Path, context: str, left: list[float], farewell: list[float]
) -> None:
    rows = [
        ("CHAN_START", 10.0, ""),
        ("APP_START", 10.0, "Stasis"),
        ("APP_END", 12.0, "Stasis"),
        ("HANGUP", 13.5, ""),
    ]
    file = tmp_path / "cel.csv"
    lines = [
        [event, f"{time}", "", "", "0912", *[""] * 4, context, "PJSIP/trunk-1", app, "", "", "1.0", "1.0"]
        for event, time, app in rows
    ]
    file.write_text("".join(f"{','.join(line)}\n" for line in lines))
    (call,) = read(file, Path("/nowhere"), 0.0).values()
    assert (call.left, call.farewell) == (left, farewell)


def test_a_farewell_may_last_as_long_as_it_is() -> None:
    assert problems(evidence(record(), calls={"p-1.0": dataclasses.replace(CALL, farewell=[2.9])})) == []


def playback(kind: str, number: int, second: float) -> dict[str, Any]:
    told = {"id": f"p{number}", "target_uri": "channel:p-1.0"}
    return {"type": kind, "timestamp": at(second), "playback": told}


def test_silence_is_what_lies_between_playbacks() -> None:
    heard = Hearing()
    heard.hears(900.0)
    for number, (begun, ended) in enumerate([(1001.0, 1004.0), (1004.5, 1006.0), (1011.0, 1012.0)]):
        heard.take(playback("PlaybackStarted", number, begun))
        heard.take(playback("PlaybackFinished", number, ended))
    call = dataclasses.replace(CALL, waiting=[(1000.0, 1013.0)], last=1020.0)
    assert heard.longest_silence(call) == pytest.approx(5.0)
    assert heard.longest_silence(call, [1008.0]) == pytest.approx(3.0), "a menu waited for a key when a fault began"
    assert heard.longest_silence(call, [1003.0, 1012.5]) == pytest.approx(5.0), "a fault does not excuse another gap"
    heard.lost(1015.0)
    assert heard.longest_silence(call) is None, "nobody listened to its end"
