"""Every call scenario on a real Asterisk with real SIP phones: the rows it writes, and the record that comes of them.

With SAVE_CAPTURES set, what was written replaces tests/captures/<scene>, which is replayed without an
Asterisk by tests/unit/test_scene_captures.py.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import harness.scene_others
import harness.scene_queues
import harness.scene_talks  # noqa: F401 - each adds its scenes
import pytest
from harness.scene_kit import SCENES
from harness.scene_lab import NODE
from harness.scene_trace import Trace
from harness.scenes import Played, theatre
from harness.told import all_told, calls_of, differences, lines, raw_facts, to_json, told
from private_pbx import REPOSITORY, PbxUnderTest
from store_facts import quick_store

from pbx_bridge.calls.fact_text import decode
from pbx_bridge.calls.facts import CelRow, Fact, RawFact

# All play side by side on one Asterisk: one of the workers of `make test` has this file.
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

Plays = dict[str, Played | BaseException]


@pytest.fixture(scope="module")
def plays(scene_house: PbxUnderTest, request: pytest.FixtureRequest) -> Plays:
    """The scenes that this run asks for, played side by side."""
    asked = [item.callspec.params.get("scene") for item in request.session.items if hasattr(item, "callspec")]
    chosen = [name for name in SCENES if name in asked] or list(SCENES)
    played = asyncio.run(_play(scene_house, chosen))
    if os.environ.get("SAVE_CAPTURES"):
        for scene in played.values():
            if isinstance(scene, Played):
                _save(scene)
    return played


async def _play(pbx: PbxUnderTest, names: Sequence[str]) -> Plays:
    async with theatre(pbx) as house:
        scenes = await asyncio.gather(*(house.play(SCENES[name]) for name in names), return_exceptions=True)
    return dict(zip(names, scenes, strict=True))


def _save(scene: Played) -> None:
    folder = REPOSITORY / "tests" / "captures" / scene.name
    scene.trace.save(folder)
    what = (SCENES[scene.name].script.__doc__ or "").strip()
    (folder / "expected.json").write_text(to_json({"what": what} | scene.expected), encoding="utf-8")


def _played(plays: Plays, name: str) -> Played:
    scene = plays[name]
    if isinstance(scene, BaseException):
        raise scene
    return scene


def _raw(name: str, trace: Trace) -> list[RawFact]:
    return raw_facts(NODE, name, trace.cel, trace.queue_log, trace.live)


def _events(facts: Sequence[Fact]) -> Counter[str]:
    return Counter(fact.event for fact in facts if isinstance(fact, CelRow))


@pytest.mark.parametrize("scene", SCENES)
def test_the_rows_of_a_scene(plays: Plays, scene: str) -> None:
    """What the scene is named for stands in Asterisk's files, and every channel is told from its start to its end."""
    trace = _played(plays, scene).trace
    seen = _events([decode(raw) for raw in _raw(scene, trace)])
    assert seen["CHAN_START"] == seen["HANGUP"] == seen["CHAN_END"] > 0
    assert seen["BRIDGE_ENTER"] == seen["BRIDGE_EXIT"]
    written = "\n".join([*trace.cel, *trace.queue_log, *(event["event"] for event in trace.live)])
    assert [mark for mark in SCENES[scene].rows if mark not in written] == []


@pytest.mark.parametrize("scene", SCENES)
def test_the_record_of_a_scene(plays: Plays, scene: str, record_property: Callable[[str, object], None]) -> None:
    """One record a call, as the people at the phones would tell it."""
    played = _played(plays, scene)
    calls = calls_of([decode(raw) for raw in _raw(scene, played.trace)])
    expected = all_told(played.expected)
    record_property("scene", (scene, lines(expected), lines([told(call) for call in calls])))
    assert len(calls) == len(expected), [call.root for call in calls]
    assert [found for one, call in zip(expected, calls, strict=True) for found in differences(one, call)] == []


async def test_all_scenes_at_once_through_the_store(plays: Plays, tmp_path: Path) -> None:
    """Every row of the whole play, in Asterisk's order, gives exactly the calls that were made."""
    scenes = [_played(plays, name) for name in plays]
    wanted = [call for scene in scenes for call in calls_of([decode(raw) for raw in _raw(scene.name, scene.trace)])]
    wanted.sort(key=lambda call: call.started_at, reverse=True)
    raws = sorted((raw for scene in scenes for raw in _raw(scene.name, scene.trace)), key=lambda raw: raw.at)
    async with asyncio.timeout(60), quick_store(tmp_path / "s.db") as store, store.calls.watch() as news:
        for start in range(0, len(raws), 50):
            await store.journal.add(raws[start : start + 50])
        while [row.call async for row in store.calls.since()] != wanted:
            await news.get()
