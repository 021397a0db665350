"""What callers meet while flows are deployed: new ones the newest, those inside what they began with."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pbx_bridge.ari_handlers.repertoire import Deployer, LoadedFlow, Repertoire
from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.announcer import Announcer
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.releases import Deployment, Releases
from pbx_bridge.ivr.sounds.voice import Manifest, Voice
from pbx_bridge.tasks import beside

SUPPORT = flows.load("support")
TEXTS = PromptBook.load()
NOBODY = Announcer(TEXTS, Voice(Manifest(), Path("none")))


def loaded(version: str) -> LoadedFlow:
    return LoadedFlow(flow=msgspec.structs.replace(SUPPORT, version=version), texts=TEXTS, speaker=NOBODY)


@dataclass
class House:
    """A repertoire that begins with `first`, and who deploys into it. Versions that begin with x cannot be loaded."""

    releases: Releases
    repertoire: Repertoire = field(default_factory=lambda: Repertoire(loaded("first")))
    answered: threading.Event = field(default_factory=threading.Event)

    def load(self, version: str) -> LoadedFlow:
        if version.startswith("x"):
            raise FlowError("it cannot be met")
        return loaded(version)

    async def deploy(self, version: str, line: str = "") -> str:
        """The daemon's answer: the error, or nothing."""
        at = datetime.now(UTC)
        self.releases.take_into_use(Deployment(at=at, version=version, flow="support", what="deploy", line=line))
        async with asyncio.timeout(20):
            while (told := self.releases.answered(line)) is None:  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.01)
        assert told.version == version
        return told.error


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(Releases(tmp_path))
    async with beside(Deployer(made.repertoire, made.releases, made.load).run(), name="deployer"):
        yield made


async def test_new_callers_meet_the_newest_and_others_their_own(house: House) -> None:
    assert await house.deploy("second") == ""
    assert house.repertoire.newest.flow.version == "second"
    assert house.repertoire.of("first").flow.version == "first"
    assert await house.deploy("first") == "", "gone back to"
    assert house.repertoire.newest.flow.version == "first"


async def test_each_line_has_its_own(tmp_path: Path) -> None:
    house = House(Releases(tmp_path))
    lines = {"sales": loaded("shop")}
    house.repertoire = Repertoire(loaded("first"), lines, lambda called: {"0212": "sales"}.get(called, ""))
    async with beside(Deployer(house.repertoire, house.releases, house.load).run(), name="deployer"):
        assert await house.deploy("second", line="sales") == ""
        assert await house.deploy("x1", line="sales") == "it cannot be met"
        assert await house.deploy("third") == ""
    assert house.repertoire.answering("0212").flow.version == "second"
    assert house.repertoire.answering("0219").flow.version == house.repertoire.newest.flow.version == "third"
    assert house.repertoire.of("gone", "0212").flow.version == "second"
    for number in range(60):
        house.repertoire.add(loaded(str(number)), newest=False)
    assert house.repertoire.knows("second"), "in use"


async def test_one_that_cannot_be_loaded_changes_nothing(house: House) -> None:
    assert await house.deploy("x1") == "it cannot be met"
    assert house.repertoire.newest.flow.version == "first"
    assert await house.deploy("second") == ""


async def test_a_version_that_is_gone_is_the_newest(house: House) -> None:
    await house.deploy("second")
    assert house.repertoire.of("unheard of").flow.version == "second"


async def test_versions_of_an_earlier_life_are_loaded_where_they_are_kept(tmp_path: Path) -> None:
    releases = Releases(tmp_path)
    kept = releases.keep({"flow.yaml": b"flow: a\n"})
    house = House(releases)
    await Deployer(house.repertoire, releases, house.load).look_up({kept, "gone", "first"})
    assert house.repertoire.knows(kept)
    assert not house.repertoire.knows("gone")
    assert house.repertoire.newest.flow.version == "first"


def test_only_so_many_versions_are_remembered() -> None:
    repertoire = Repertoire(loaded("0"))
    for number in range(1, 60):
        repertoire.add(loaded(str(number)), newest=True)
    assert repertoire.newest.flow.version == "59"
    assert repertoire.knows("58")
    assert not repertoire.knows("0")


def test_older_versions_do_not_drive_out_the_newest() -> None:
    repertoire = Repertoire(loaded("newest"))
    for number in range(60):
        repertoire.add(loaded(str(number)), newest=False)
    assert repertoire.newest.flow.version == "newest"
    assert repertoire.of("newest").flow.version == "newest"
