"""A handover that cannot be, or breaks: whoever calls is served on, and one line says what was wrong."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness.customers import UNKNOWN
from harness.handed import PROGRAM, ask_for_it, ending_whoever_serves, pid_of, upgraded
from harness.other_version import other_version
from harness.system import Caller, SystemUnderTest

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.errors import BridgeError
from pbx_bridge.store import snapshot
from pbx_bridge.store.migrate import shipped
from pbx_bridge.upgrading import ask

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

_SPEAKS = """
import sys
from pbx_bridge import handover as h
other = h.Predecessor(int(sys.argv[-1]))
other._end.setblocking(True)
other.say(h.READY)
assert other._end.recv(99).decode() == h.OFFER
"""
DIES_HALF_WAY = f"{_SPEAKS}\nsys.exit(3)"
DIES_AFTER_IT_AGREED = f"{_SPEAKS}\nother.say(h.ACCEPT)\nsys.exit(4)"

_TAKES_A_WHILE = """
CREATE TABLE later AS
WITH RECURSIVE ages (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM ages WHERE i < 3000000)
SELECT COUNT(*) AS x FROM ages;
"""


@pytest.fixture
async def caller(system: SystemUnderTest) -> AsyncIterator[Caller]:
    """Somebody who has heard the menu and does not choose."""
    with ending_whoever_serves(system):
        async with _in_the_menu(system) as caller:
            yield caller


@asynccontextmanager
async def _in_the_menu(system: SystemUnderTest) -> AsyncIterator[Caller]:
    async with system.caller(UNKNOWN) as caller:
        await caller.hears("choose_language")
        await caller.press("2")
        await caller.hears("menu")
        yield caller


async def _refusal(system: SystemUnderTest, script: str = "", patience_s: float = 10.0) -> str:
    """What is said of an upgrade to a program that is only this script."""
    with pytest.raises(BridgeError) as refused:
        await asyncio.to_thread(ask, system.home / "run", (sys.executable, "-c", script), print, patience_s)
    return str(refused.value)


@contextmanager
def _settings(system: SystemUnderTest, text: str) -> Iterator[None]:
    path = system.home / "pbx_bridge.toml"
    path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        path.unlink()


@contextmanager
def _newer_store(system: SystemUnderTest) -> Iterator[None]:
    def run(statement: str) -> None:
        with closing(sqlite3.connect(system.store, timeout=20)) as db, db:
            db.execute(statement)

    run("INSERT INTO migration VALUES (9999, 'of a later version')")
    try:
        yield
    finally:
        run("DELETE FROM migration WHERE version = 9999")


def _resumptions(caller: Caller) -> Sequence[StepKind]:
    return [step.kind for step in caller.steps if step.kind is StepKind.RESUMED]


async def _is_told_again(caller: Caller, times: int) -> None:
    """Until the menu is told anew after so many handovers; who waits long for one hears it between them, too."""
    while len(_resumptions(caller)) < times:
        await caller.step(StepKind.RESUMED)
    await caller.hears("menu")
    assert len(_resumptions(caller)) == times


async def test_what_cannot_take_over_changes_nothing(system: SystemUnderTest, caller: Caller) -> None:
    daemon = pid_of(system)
    with _settings(system, '[ivr]\nflow = "/nowhere.yaml"\n'):
        status, said = await ask_for_it(system)
        assert (status, "nothing was changed" in said, "/nowhere.yaml" in said) == (1, True, True), said
    with _newer_store(system):
        status, said = await ask_for_it(system)
        assert (status, "use the newer one" in said) == (1, True), said
    assert "ended (status 3)" in await _refusal(system, DIES_HALF_WAY)
    system.signal(signal.SIGSTOP)
    assert "frozen?" in await _refusal(system, patience_s=0.5)
    system.signal(signal.SIGCONT)
    assert pid_of(system) == daemon
    await caller.press("9")
    await caller.hears("menu")
    assert _resumptions(caller) == []


async def test_the_daemon_begins_anew_when_its_successor_is_lost(system: SystemUnderTest, caller: Caller) -> None:
    daemon = pid_of(system)
    assert "ended (status 4)" in await _refusal(system, DIES_AFTER_IT_AGREED)
    assert pid_of(system) == daemon
    await _is_told_again(caller, 1)
    first, second = await asyncio.gather(_refusal(system, DIES_HALF_WAY), _refusal(system, DIES_HALF_WAY))
    assert "under way already" in f"{first} {second}"
    await system.ready()
    await caller.press("9")
    await caller.hears("menu")

    # And the other way round: the old one is killed while it leaves.
    upgrading = asyncio.create_task(asyncio.to_thread(ask, system.home / "run", PROGRAM, print))
    await _handing_over(system, 2)
    system.kill_daemon()
    assert (await upgrading).pid == pid_of(system) != daemon
    await _is_told_again(caller, 2)


async def test_a_store_is_brought_up_on_the_way_or_stays_as_it_was(
    system: SystemUnderTest, caller: Caller, tmp_path: Path
) -> None:
    before = shipped()[-1].version
    later = other_version(tmp_path / "later", "CREATE TABLE fact (again INTEGER);\n")
    status, said = await ask_for_it(system, later.program)
    assert (status, "already exists" in said) == (1, True), said
    await _is_told_again(caller, 1)
    assert snapshot.version(system.store) == before

    later.migration.write_text(_TAKES_A_WHILE)
    upgrading = asyncio.create_task(upgraded(system, later.program))
    await _handing_over(system, 2)
    async with system.caller(UNKNOWN) as newcomer:
        took = await upgrading
        assert took.alone_s > 0.2, "nobody called while nobody was there"
        await newcomer.hears("choose_language")
    await _is_told_again(caller, 2)
    assert snapshot.version(system.store) == before + 1
    backups = sorted((system.home / "backups").iterdir())
    assert [snapshot.version(folder / "store.db") for folder in backups] == [before, before]
    assert str(backups[-1]) in took.said

    status, said = await ask_for_it(system)
    assert (status, "use the newer one" in said) == (1, True), said
    assert pid_of(system) == took.pid
    assert len(_resumptions(caller)) == 2
    for one in (caller, newcomer):
        record = await _after_hanging_up(one)
        assert (record["outcome"], record["fallback"]) == ("abandoned_ivr", False)


async def _handing_over(system: SystemUnderTest, times: int) -> None:
    """Until it has begun to for that many times."""
    async with asyncio.timeout(60):
        while system.log().count("handing_over") < times:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.005)


async def _after_hanging_up(caller: Caller) -> dict[str, Any]:
    await caller.call.hang_up()
    return await caller.system.record_of(caller)
