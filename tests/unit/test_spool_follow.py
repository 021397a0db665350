"""The follower: everything once and in order into the journal, whatever the journal and the files do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from harness.memory_journal import MemoryJournal

from pbx_bridge.calls.facts import FactKind
from pbx_bridge.health import Health, Link, LinkState
from pbx_bridge.spool.follow import Spooler


@pytest.fixture(autouse=True)
def _blockbuster() -> Iterator[BlockBuster]:
    with blockbuster_ctx("pbx_bridge") as buster:
        yield buster


class WatchedHealth(Health):
    """Health that can be waited for."""

    def __init__(self) -> None:
        self.told = asyncio.Event()
        super().__init__(("spool",))

    def report(self, name: str, state: LinkState, detail: str = "", lag_s: float | None = None) -> None:
        super().report(name, state, detail, lag_s)
        self.told.set()

    @property
    def spool(self) -> Link:
        return self.links()[0]

    async def until(self, wanted: Callable[[Link], bool]) -> Link:
        async with asyncio.timeout(10):
            while not wanted(self.spool):
                self.told.clear()
                await self.told.wait()
        return self.spool


class Place:
    """A node's two files, its journal and health, and a follower when running."""

    def __init__(self, folder: Path) -> None:
        self.cel, self.queue_log = folder / "cel.csv", folder / "queue_log"
        self.journal, self.health = MemoryJournal(), WatchedHealth()

    def write(self, name: str, at: str = "1795294697.5") -> None:
        columns = ["CHAN_START", at, *[""] * 12, name, name, "", "", ""]
        with self.cel.open("a") as file:
            file.write(",".join(f'"{column}"' for column in columns) + "\n")

    def write_queue(self, name: str, event: str = "ENTERQUEUE") -> None:
        with self.queue_log.open("a") as file:
            file.write(f"1795294697|{name}|support|NONE|{event}|\n")

    @asynccontextmanager
    async def following(self, poll_s: float = 0.1) -> AsyncIterator[Spooler]:
        spooler = Spooler(
            node="pbx1",
            cel=self.cel,
            queue_log=self.queue_log,
            journal=self.journal,
            health=self.health,
            poll_s=poll_s,
            clock=lambda: datetime.fromtimestamp(1795294797.5, UTC),
        )
        task = asyncio.create_task(spooler.run(), name="spool")
        try:
            yield spooler
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_both_sources_come_in_and_go_on_after_a_restart(place: Place) -> None:
    place.write_queue("NONE", "QUEUESTART")
    place.write("a")
    async with place.following():
        assert sorted(await place.journal.until(2)) == ["", "a"]
        await place.health.until(lambda link: link.state is LinkState.UP)
        place.write("b")
        await place.journal.until(3)
    place.write("c")
    async with place.following():
        assert sorted(await place.journal.until(4)) == ["", "a", "b", "c"]
    assert [fact.kind for fact in place.journal.facts.values()].count(FactKind.BOOT) == 1


async def test_causes_come_in_the_same_batch_and_before_what_they_explain(place: Place) -> None:
    place.write("a")
    place.write_queue("a")
    async with place.following():
        await place.journal.until(2)
    assert [fact.kind for fact in place.journal.facts.values()] == [FactKind.QUEUE, FactKind.CEL]


async def test_wake_looks_at_once(place: Place) -> None:
    place.write("a")
    async with place.following(poll_s=3600) as spooler:
        await place.journal.until(1)
        await place.health.until(lambda link: link.state is not LinkState.DOWN)
        place.write("b")
        spooler.wake()
        await place.journal.until(2)


async def test_a_missing_file_is_told_and_waited_for(place: Place) -> None:
    place.write_queue("x")
    async with place.following():
        link = await place.health.until(lambda link: "cel.csv" in link.detail)
        assert link.state is LinkState.DEGRADED
        place.write("a")
        link = await place.health.until(lambda link: link.state is LinkState.UP)
        assert (link.detail, link.lag_s) == ("", 0.0)


async def test_what_one_file_suffers_the_other_does_not(place: Place) -> None:
    place.queue_log.symlink_to(place.queue_log)  # a loop: opening it is an error, for root too
    place.write("a")
    async with place.following():
        await place.journal.until(1)
        link = await place.health.until(lambda link: "queue_log" in link.detail)
        assert link.state is LinkState.DEGRADED


async def test_while_the_store_refuses_nothing_is_lost(place: Place) -> None:
    place.journal.refuse = 3
    place.write_queue("x")
    place.write("a")
    async with place.following():
        await place.journal.refused.wait()
        link = await place.health.until(lambda link: "disk full" in link.detail)
        assert link.state is LinkState.DEGRADED
        place.write("b")
        assert sorted(await place.journal.until(3)) == ["a", "b", "x"]
        await place.health.until(lambda link: link.state is LinkState.UP)


async def test_a_slow_store_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbx_bridge.spool.follow._SLOW_S", 0.01)
    place.journal.hold = asyncio.Event()
    place.write("a")
    async with place.following():
        link = await place.health.until(lambda link: "slow" in link.detail)
        assert (link.state, link.lag_s) == (LinkState.DEGRADED, 100.0)
        place.journal.hold.set()
        await place.journal.until(1)


async def test_far_behind_is_told_with_bytes_and_seconds(place: Place) -> None:
    for number in range(2500):
        place.write(f"c{number}")
    place.write_queue("x")
    reports: list[Link] = []
    report = place.health.report

    def listen(name: str, state: LinkState, detail: str = "", lag_s: float | None = None) -> None:
        report(name, state, detail, lag_s)
        reports.append(place.health.spool)

    place.health.report = listen  # type: ignore[method-assign]
    async with place.following():
        await place.journal.until(2501)
        await place.health.until(lambda link: link.state is LinkState.UP)
    assert [link.state for link in reports[:3]] == [LinkState.DEGRADED, LinkState.DEGRADED, LinkState.UP]
    assert "bytes behind" in reports[0].detail
    assert reports[0].lag_s == 100.0


async def test_unreadable_rows_reach_the_journal(place: Place) -> None:
    place.cel.write_text("nonsense\n")
    place.write("a")
    async with place.following():
        await place.journal.until(1)
    assert [bad.body for bad in place.journal.bad] == ["nonsense"]


async def test_an_error_of_ours_is_not_swallowed(place: Place) -> None:
    place.write("a")

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    place.journal.add = broken  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="a bug"):
        await Spooler(
            node="pbx1", cel=place.cel, queue_log=place.queue_log, journal=place.journal, health=place.health
        ).run()
