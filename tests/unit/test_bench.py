"""What `make bench` reckons with: quantiles told conservatively, the output's form, scenarios SIPp can read."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from bench.customers import TRACKING_KEYS, customers
from bench.figure import Figure, Peer, rounded
from bench.metrics import Histogram
from bench.report import as_json, as_table
from bench.scenario import AwaitHangUp, HangUp, Keys, Pause, scenario
from pbx_bridge.values import tracking

INFINITE = float("inf")


@pytest.mark.parametrize(("share", "bound"), [(0.5, 0.002), (0.9, 0.005), (0.99, INFINITE), (1.0, INFINITE)])
def test_a_quantile_is_its_buckets_upper_bound(share: float, bound: float) -> None:
    before = Histogram(bounds_s=(0.002, 0.005, INFINITE), counts=(10, 10, 10))
    now = Histogram(bounds_s=(0.002, 0.005, INFINITE), counts=(60, 108, 110))
    assert now.since(before).count == 100
    assert now.since(before).quantile_s(share) == bound


def test_the_json_is_name_to_figure() -> None:
    figures = (
        Figure(name="a", value=2.345678, unit="ms", goal=3, peer=Peer(name="other", value=8.71)),
        Figure(name="b", value=1.0, unit="x", goal=2, better="higher", note="a note"),
    )
    told = json.loads(as_json(figures))
    peer = {"name": "other", "value": 8.71}
    assert told["a"] == {"value": 2.35, "unit": "ms", "goal": 3, "better": "lower", "peer": peer}
    assert told["b"]["peer"] is None
    assert [figure.met for figure in figures] == [True, False]
    table = as_table(figures, ("two cores",))
    assert "a note" in table
    assert "MISSED" in table


@pytest.mark.parametrize(("value", "short"), [(0.0123456, 0.0123), (78.93, 78.9), (1234.5, 1234), (3.0, 3), (0, 0)])
def test_three_digits_are_enough(value: float, short: float) -> None:
    assert rounded(value) == short


def test_a_scenario_is_xml_with_a_request_for_each_step() -> None:
    steps = (Pause(100), Pause(100, 200), Keys((*TRACKING_KEYS, "#")), HangUp())
    root = ElementTree.fromstring(scenario(steps))  # noqa: S314 - ours
    sends = [element.text or "" for element in root.iter("send")]
    assert [text.split()[0] for text in sends] == ["INVITE", "ACK", *["INFO"] * 8, "BYE"]
    assert [line for text in sends for line in text.splitlines() if line.startswith("CSeq")][-1] == "CSeq: 10 BYE"
    assert "Signal=#" in sends[-2]
    waiting = ElementTree.fromstring(scenario((AwaitHangUp(),)))  # noqa: S314 - ours
    assert waiting.find("recv[@request='BYE']") is not None


def test_every_customer_has_a_number_and_a_ticket_of_their_own() -> None:
    people = customers(420)
    assert len({person.phone for person in people}) == len({person.tracking for person in people}) == 420
    assert all(tracking.parse(person.tracking) == person.tracking for person in people)
    assert all(len(person.row) == 1 + len(TRACKING_KEYS) for person in people)
