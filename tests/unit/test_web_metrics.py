"""`/metrics`: numbers only, for programs of this machine."""

from __future__ import annotations

import pytest
from web_visitor import Parts, visiting

from pbx_bridge.health import LinkState, Meter
from pbx_bridge.web import metrics_page


def test_a_histogram_is_cumulative_and_ends_with_everything() -> None:
    meter = Meter("m_seconds", "Help.")
    for seconds in (0.0005, 0.019, 99.0):
        meter.observe(seconds)
    lines = list(metrics_page._histogram(meter))
    assert lines[:3] == ["# HELP m_seconds Help.", "# TYPE m_seconds histogram", 'm_seconds_bucket{le="0.001"} 1']
    assert 'm_seconds_bucket{le="0.02"} 2' in lines
    assert lines[-3:] == ['m_seconds_bucket{le="+Inf"} 3', "m_seconds_sum 99.019500", "m_seconds_count 3"]


async def test_open_to_this_machine_without_a_sign_in() -> None:
    parts = Parts()
    parts.health.report("ari", LinkState.DEGRADED, "secret detail")
    async with visiting(parts, signed_in=False) as visitor:
        answer = await visitor.get("/metrics")
        text = await answer.text()
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'pbx_bridge_link_up{link="ari"} 0.5' in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("remote", "here"), [("127.0.0.1", True), ("::1", True), ("192.0.2.1", False), ("", False), (None, False)]
)
def test_only_this_machine(remote: str | None, here: bool) -> None:
    assert metrics_page._is_here(remote) is here
