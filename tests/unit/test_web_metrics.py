"""`/metrics`: numbers only, for programs of the networks that the settings name."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from demo_history import NOON, self_served
from live_line import LiveLine
from web_visitor import Parts, visiting

from pbx_bridge.ami.events import Presence
from pbx_bridge.calls.call import CallId, Outcome
from pbx_bridge.health import LinkState, Meter, Mishaps, Tally
from pbx_bridge.spool.sizes import SpoolSize
from pbx_bridge.web.memory import MemoryCalls
from pbx_bridge.web.metrics import exposition, gauges
from pbx_bridge.web.metrics.counted import EndedCalls
from pbx_bridge.web.metrics.page import HERE
from pbx_bridge.web.proxies import is_among
from pbx_bridge.web.vitals import Disk, Sizes

_WORD = r'"(?:[^"\\\n]|\\["\\n])*"'
_LINE = re.compile(rf"[a-z_]+(?:\{{[a-z_]+={_WORD}(?:,[a-z_]+={_WORD})*\}})? -?[0-9.e+-]+")


def test_a_histogram_is_cumulative_and_ends_with_everything() -> None:
    meter = Meter("m_seconds", "Help.")
    for seconds in (0.0005, 0.019, 99.0):
        meter.observe(seconds)
    lines = list(exposition.histogram(meter))
    assert lines[:3] == ["# HELP m_seconds Help.", "# TYPE m_seconds histogram", 'm_seconds_bucket{le="0.001"} 1']
    assert 'm_seconds_bucket{le="0.02"} 2' in lines
    assert lines[-3:] == ['m_seconds_bucket{le="+Inf"} 3', "m_seconds_sum 99.019500", "m_seconds_count 3"]


def test_a_label_is_escaped() -> None:
    tally = Tally("t_total", "Help.", ("word",))
    tally.count('a"b\\c\nd')
    assert list(exposition.counter(tally))[2] == 't_total{word="a\\"b\\\\c\\nd"} 1'


async def test_open_to_this_machine_without_a_sign_in() -> None:
    parts = Parts()
    parts.health.report("ari", LinkState.DEGRADED, "secret detail")
    parts.health.report("spool", LinkState.UP, lag_s=2.5)
    async with visiting(parts, signed_in=False) as visitor:
        answer = await visitor.get("/metrics")
        text = await answer.text()
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'pbx_bridge_link_up{link="ari"} 0.5' in text
    assert 'pbx_bridge_link_lag_seconds{link="spool"} 2.5' in text
    assert "secret" not in text
    told = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in told if not _LINE.fullmatch(line)] == []
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    ours = {"pbx_bridge_calls_total", "pbx_bridge_record_seconds"}
    assert {"process_cpu_seconds_total", "process_open_fds", *ours} <= names


@pytest.mark.parametrize(
    ("remote", "here"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("::ffff:192.0.2.1", False),
        ("", False),
        (None, False),
    ],
)
def test_only_this_machine(remote: str | None, here: bool) -> None:
    assert is_among(remote, HERE) is here


def test_networks_of_the_settings() -> None:
    assert is_among("192.0.2.9", [ipaddress.ip_network("192.0.2.0/28")])
    assert not is_among("192.0.2.19", [ipaddress.ip_network("192.0.2.0/28")])


def test_each_ended_call_counts_once() -> None:
    counted = EndedCalls(MemoryCalls(), clock=lambda: NOON)
    ended = replace(self_served(1, NOON - timedelta(minutes=3)), ended_at=NOON - timedelta(seconds=2))
    counted.take(replace(ended, ended_at=None, outcome=None))
    counted.take(ended)
    counted.take(replace(ended, outcome=Outcome.MISSED))  # a later revision
    counted.take(replace(ended, call_id=CallId("old"), ended_at=NOON - timedelta(days=2)))  # history, worked on anew
    assert counted.outcomes.counts == {("inbound", "self_served"): 1}
    assert sum(counted.behind.counts) == 1
    assert counted.behind.total_s == 2.0


def test_queues_are_told_while_they_are_known() -> None:
    line = LiveLine()
    line.member("101")
    line.member("102", Presence.UNAVAILABLE)
    line.member("103", paused=True)
    line.calls("1.1")
    line.waits_in("1.1")
    assert list(gauges.queues(line.feed, line.now)) == []  # a list is under way

    line.connect()
    line.later(40)
    told = list(gauges.queues(line.feed, line.now))
    assert 'pbx_bridge_queue_waiting{queue="support"} 1' in told
    assert 'pbx_bridge_queue_longest_wait_seconds{queue="support"} 40' in told
    agents = [text for text in told if text.startswith("pbx_bridge_queue_agents{")]
    assert agents == [
        f'pbx_bridge_queue_agents{{queue="support",state="{state}"}} 1' for state in ("away", "free", "paused")
    ]

    line.lose()
    assert list(gauges.queues(line.feed, line.now)) == []


def test_sizes_are_told_as_far_as_they_are_known() -> None:
    assert list(gauges.sizes(Sizes())) == []
    known = Sizes(
        spools=(SpoolSize(source="cel", files=2, on_disk=500, unread=20),),
        disks=(Disk(path="/data", free=5, total=10_000_000_000_000),),
    )
    lines = list(gauges.sizes(known))
    assert 'pbx_bridge_spool_unread_bytes{spool="cel"} 20' in lines
    assert 'pbx_bridge_disk_bytes{path="/data"} 10000000000000' in lines


def test_warnings_are_counted_by_what_happened() -> None:
    mishaps = Mishaps(clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    for number in range(3):
        mishaps.note("warning", "lookup_failed", f"reason {number}")
    mishaps.note("error", "aiohttp.server: Error handling request of 09121234567")
    assert mishaps.counts.counts == {("warning", "lookup_failed"): 3, ("error", "aiohttp.server"): 1}
    for number in range(300):
        mishaps.note("error", f"kind_{number}")
    assert len(mishaps.counts.counts) == 201
