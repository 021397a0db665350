"""The dashboard and the alert rules ask for metrics that there are; and docs tell of each metric."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from live_line import LiveLine
from web_visitor import Parts, visiting

from pbx_bridge.calls.call import Outcome
from pbx_bridge.health import Mishaps, Tally
from pbx_bridge.services.client import ServiceMeters
from pbx_bridge.spool.sizes import SpoolSize
from pbx_bridge.store.reached import NOWHERE
from pbx_bridge.store.size import StoreSize
from pbx_bridge.web.metrics import exposition, gauges
from pbx_bridge.web.vitals import Disk, FlowUse, Sizes

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "tools" / "monitoring"
_NAME = re.compile(r"\b((?:pbx_bridge|process)_[a-z_]+)\b")
_ENDS = re.compile(r"_(bucket|sum|count)$")


async def told() -> set[str]:
    """Every metric that the daemon tells, with everything known."""
    async with visiting(Parts(), signed_in=False) as visitor:
        lines = (await (await visitor.get("/metrics")).text()).splitlines()
    line = LiveLine()
    line.member("101")
    line.calls("1.1")
    line.waits_in("1.1")
    line.connect()
    sizes = Sizes(
        spools=(SpoolSize(source="cel", files=1, on_disk=1, unread=0),),
        store=StoreSize(engine="SQLite", bytes=1, calls=1, oldest=None, worked_out=NOWHERE),
        disks=(Disk(path="/", free=1, total=2),),
    )
    meters = ServiceMeters()
    behind = Parts().health
    behind.report("spool", behind.links()[0].state, lag_s=1.0)
    lines += gauges.queues(line.feed, line.now)
    lines += gauges.callers(line.feed, [FlowUse(name="support", version="v1", callers=1, newest=True)])
    lines += [*gauges.sizes(sizes), *gauges.links(behind.links())]
    for tally in (Mishaps().counts, meters.requests):
        assert isinstance(tally, Tally)
        lines += exposition.counter(tally)
    lines += exposition.histogram(meters.seconds)
    return {line.split()[2] for line in lines if line.startswith("# TYPE")} | {"pbx_bridge_key_to_play_seconds"}


def expressions(told: Any) -> Iterator[str]:
    """Every `expr` of a dashboard or a rule file."""
    match told:
        case dict():
            for key, value in told.items():
                if key == "expr":
                    yield value
                yield from expressions(value)
        case list():
            for value in told:
                yield from expressions(value)
        case _:
            pass


def asked(text: str) -> set[str]:
    return {_ENDS.sub("", name) for name in _NAME.findall(re.sub(r'"[^"]*"', "", text))}


async def test_the_dashboard_asks_for_what_there_is() -> None:
    board = json.loads((MONITORING / "grafana.json").read_text())
    wanted = set[str]().union(*map(asked, expressions(board)))
    assert wanted <= await told(), wanted - await told()
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


async def test_the_rules_ask_for_what_there_is() -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    wanted = set[str]().union(*map(asked, expressions(rules)))
    assert wanted <= await told(), wanted - await told()
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("warning", "critical")
    used = set(re.findall(r'outcome="(\w+)"', (MONITORING / "alerts.yaml").read_text()))
    assert used <= {outcome.value for outcome in Outcome}


async def test_the_docs_tell_of_each_metric() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    assert {name for name in await told() if f"`{name}`" not in text} == set()
