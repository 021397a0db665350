"""The windows in which a source was not read or not heard, from one life of the daemon to the next."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from store_facts import NODE, NOON, at, quick_store
from test_spool_tail import append, row

from pbx_bridge.health import Health, LinkState
from pbx_bridge.spool.attention import Attention
from pbx_bridge.spool.batch import Loss
from pbx_bridge.spool.follow import Spooler
from pbx_bridge.store import Store
from pbx_bridge.store.gaps import Gap, GapState


class Time:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.now, self.ticks = NOON, 1000.0

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.ticks += seconds

    def clock(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.ticks


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with quick_store(tmp_path / "store.db") as opened:
        yield opened


async def life(store: Store, time: Time) -> Attention:
    """A daemon that starts."""
    attention = Attention(NODE, store.gaps, time.clock, time.monotonic)
    await attention.begin()
    return attention


async def told(store: Store, attention: Attention) -> list[Gap]:
    """What is on disk once everything was said."""
    attention.tell(0.0)
    await store.writer.submit(lambda _: None)
    return await store.gaps.windows()


def brief(gaps: list[Gap]) -> list[tuple[str, float, float | None, str]]:
    return [(g.source, seconds(g.since), None if g.until is None else seconds(g.until), g.state.value) for g in gaps]


def seconds(moment: datetime) -> float:
    return (moment - NOON) / timedelta(seconds=1)


async def test_the_first_start_has_no_gap(store: Store, time: Time) -> None:
    attention = await life(store, time)
    attention.hindered("cel", "no folder")
    attention.read("queue", time.now)
    assert await told(store, attention) == []


async def test_the_daemon_was_not_running_and_the_spool_is_read_since(store: Store, time: Time) -> None:
    attention = await life(store, time)
    attention.read("cel", time.now)
    assert await told(store, attention) == []
    time.pass_(100)

    attention = await life(store, time)
    assert brief(await told(store, attention)) == [("cel", 0, 100, "open")]
    assert [gap.unread for gap in await store.gaps.windows(unread=True)] == [True]
    time.pass_(7)
    attention.read("cel", time.now)
    [gap] = await told(store, attention)
    assert (gap.state, gap.read_at, gap.reason) == (GapState.READ, at(107), "the daemon was not running")
    assert await store.gaps.windows(unread=True) == []


async def test_a_spool_never_read_before_the_next_death_keeps_its_gap(store: Store, time: Time) -> None:
    attention = await life(store, time)
    attention.read("cel", time.now)
    await told(store, attention)
    for _ in range(3):
        time.pass_(10)
        await told(store, await life(store, time))
    attention = await life(store, time)
    attention.read("cel", time.now)
    gaps = await told(store, attention)
    assert [gap.since for gap in gaps] == [at(0)] * len(gaps)
    assert {gap.state for gap in gaps} == {GapState.READ}


async def test_links_are_heard_or_not_and_never_read_later(store: Store, time: Time) -> None:
    health = Health(("ari", "ami"), time.clock)
    attention = await life(store, time)
    for name in ("ari", "ami"):
        health.report(name, LinkState.UP)
    attention.links(health.links())
    time.pass_(10)
    attention.links(health.links())
    health.report("ari", LinkState.DOWN, "Asterisk closed the connection")
    time.pass_(1)
    attention.links(health.links())
    assert brief(await told(store, attention)) == [("ari", 10, None, "open")]
    time.pass_(4)
    health.report("ari", LinkState.UP)
    attention.links(health.links())
    assert brief(await told(store, attention)) == [("ari", 10, 15, "unheard")]
    assert [gap.reason for gap in await store.gaps.windows()] == ["Asterisk closed the connection"]


async def test_a_link_lost_and_back_between_two_looks(store: Store, time: Time) -> None:
    health = Health(("ami",), time.clock)
    attention = await life(store, time)
    health.report("ami", LinkState.UP)
    attention.links(health.links())
    time.pass_(0.1)
    health.report("ami", LinkState.DOWN)
    time.pass_(0.1)
    health.report("ami", LinkState.UP)
    attention.links(health.links())
    assert brief(await told(store, attention)) == [("ami", 0, 0.2, "unheard")]


async def test_a_link_while_the_daemon_was_away(store: Store, time: Time) -> None:
    health = Health(("ari",), time.clock)
    attention = await life(store, time)
    health.report("ari", LinkState.UP)
    attention.links(health.links())
    await told(store, attention)
    time.pass_(60)
    health = Health(("ari",), time.clock)
    attention = await life(store, time)
    attention.links(health.links())  # not started yet
    time.pass_(1)
    health.report("ari", LinkState.UP)
    attention.links(health.links())
    assert brief(await told(store, attention)) == [("ari", 0, 61, "unheard")]


async def test_a_spool_that_cannot_be_read_for_a_while(store: Store, time: Time) -> None:
    attention = await life(store, time)
    attention.read("cel", time.now)
    time.pass_(1)
    attention.hindered("cel", "cel.csv cannot be read: Permission denied")
    assert await told(store, attention) == []  # as in the middle of a rotation
    time.pass_(3)
    attention.hindered("cel", "cel.csv cannot be read: Permission denied")
    assert brief(await told(store, attention)) == [("cel", 0, None, "open")]
    time.pass_(10)
    attention.read("cel", time.now)
    [gap] = await told(store, attention)
    assert (gap.until, gap.read_at, gap.state) == (at(14), at(14), GapState.READ)


async def test_what_asterisk_could_not_write_stays_lost(store: Store, time: Time) -> None:
    attention = await life(store, time)
    attention.read("cel", time.now)
    attention.hindered("cel", "the folder of cel.csv is missing", lost=True, grace_s=0.0)
    time.pass_(10)
    attention.read("cel", time.now)
    await told(store, attention)
    attention = await life(store, time)
    attention.read("cel", time.now)
    gaps = await told(store, attention)
    assert ("cel", 0, 10, "lost") in brief(gaps)
    assert [gap.state for gap in await store.gaps.windows(unread=True)] == [GapState.LOST]


async def test_a_file_that_went_missing_while_the_daemon_was_away(store: Store, time: Time) -> None:
    attention = await life(store, time)
    attention.read("cel", time.now, "cel:abc")
    await told(store, attention)
    time.pass_(50)
    attention = Attention(NODE, store.gaps, time.clock, time.monotonic)
    assert await attention.begin() == {"cel": "cel:abc"}
    attention.lost(Loss(source="cel", file="cel:abc", offset=10, size=None))
    attention.lost(Loss(source="cel", file="cel:def", offset=0, size=20))
    attention.read("cel", time.now)
    [gap] = await told(store, attention)
    assert (gap.since, gap.until, gap.state) == (at(0), at(50), GapState.LOST)
    assert gap.reason.startswith("the daemon was not running; cel:abc is gone or was cut: read up to byte 10")
    assert "cel:def" in gap.reason
    time.pass_(20)
    attention.lost(Loss(source="cel", file="cel:ghi", offset=0, size=20))
    assert len(await told(store, attention)) == 2


async def test_nobody_looked_for_minutes(store: Store, time: Time) -> None:
    attention = await life(store, time)
    attention.read("cel", time.now)
    time.pass_(300)  # frozen, or the store refused
    attention.read("cel", time.now)
    [gap] = await told(store, attention)
    assert (gap.since, gap.until, gap.state) == (at(0), at(300), GapState.READ)


async def test_a_clock_that_steps_makes_no_gap(store: Store, time: Time) -> None:
    attention = await life(store, time)
    attention.read("cel", time.now)
    for step in (3600, -7200):
        time.now += timedelta(seconds=step)
        time.ticks += 0.3
        attention.read("cel", time.now)
    assert await told(store, attention) == []


async def test_a_clock_set_back_while_the_daemon_was_away(store: Store, time: Time) -> None:
    attention = await life(store, time)
    attention.read("cel", time.now)
    await told(store, attention)
    time.now -= timedelta(hours=1)
    [gap] = await told(store, await life(store, time))
    assert (gap.since, gap.until) == (at(-3600), at(0))
    assert "set back" in gap.reason


async def test_a_filter_by_time(store: Store, time: Time) -> None:
    attention = await life(store, time)
    attention.read("cel", time.now)
    await told(store, attention)
    time.pass_(100)
    await told(store, await life(store, time))
    assert len(await store.gaps.windows(since=at(100))) == 1
    assert await store.gaps.windows(since=at(101)) == []


async def test_heard_is_said_at_a_low_rate(store: Store, time: Time) -> None:
    attention = await life(store, time)
    posts: list[float] = []
    post = store.gaps.post

    def counted(news: object) -> asyncio.Future[None]:
        posts.append(time.ticks)
        return post(news)  # type: ignore[arg-type]

    store.gaps.post = counted  # type: ignore[method-assign]
    for _ in range(3000):  # five minutes at rest
        time.pass_(0.1)
        attention.read("cel", time.now)
        attention.tell()
    assert 9 <= len(posts) <= 11
    await store.writer.submit(lambda _: None)
    assert (await store.gaps.heard(NODE))["cel"].at >= time.now - timedelta(seconds=30)


# --- the follower, with real files --------------------------------------------------------------------------------


@asynccontextmanager
async def following(store: Store, folder: Path, health: Health) -> AsyncIterator[None]:
    spooler = Spooler(
        node=NODE,
        cel=folder / "cel.csv",
        queue_log=folder / "queue_log",
        journal=store.journal,
        health=health,
        poll_s=0.01,
        gaps=store.gaps,
    )
    task = asyncio.create_task(spooler.run(), name="spool")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await store.writer.submit(lambda _: None)


async def until(store: Store, wanted: Callable[[list[Gap]], bool]) -> list[Gap]:
    """Wait for gaps that no event tells of here."""
    async with asyncio.timeout(10):
        while not wanted(gaps := await store.gaps.windows()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return gaps


async def read_to(store: Store, count: int) -> None:
    async with asyncio.timeout(10):
        while (  # noqa: ASYNC110
            sum(c.offset for c in await store.journal.cursors(NODE)) < count
            or set(await store.gaps.heard(NODE)) != {"cel", "queue"}
        ):
            await asyncio.sleep(0.01)


async def test_the_follower_fills_the_gap_of_its_absence(store: Store, tmp_path: Path) -> None:
    cel, health = tmp_path / "cel.csv", Health(("spool",))
    append(cel, row("a"))
    async with following(store, tmp_path, health):
        await read_to(store, len(row("a")))
    append(cel, row("b"))
    async with following(store, tmp_path, health):
        gaps = await until(store, lambda found: [g.state for g in found] == [GapState.READ] * 2)
    assert {gap.source for gap in gaps} == {"cel", "queue"}


async def test_the_follower_names_a_file_that_went_missing(store: Store, tmp_path: Path) -> None:
    cel, health = tmp_path / "cel.csv", Health(("spool",))
    append(cel, row("a"))
    async with following(store, tmp_path, health):
        await read_to(store, len(row("a")))
    cel.unlink()
    append(cel, row("b", 1795294700))
    async with following(store, tmp_path, health):
        gaps = await until(store, lambda found: any(g.state is GapState.LOST for g in found))
    assert [gap.source for gap in gaps if gap.state is GapState.LOST] == ["cel"]


async def test_the_follower_tells_a_folder_that_vanished(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbx_bridge.spool.attention._GRACE_S", 0.0)
    folder, health = tmp_path / "log", Health(("spool",))
    folder.mkdir()
    append(folder / "cel.csv", row("a"))
    async with following(store, folder, health):
        await read_to(store, len(row("a")))
        os.rename(folder, tmp_path / "away")
        gaps = await until(store, lambda found: len(found) == 2)
        assert {gap.until for gap in gaps} == {None}
        os.rename(tmp_path / "away", folder)
        gaps = await until(store, lambda found: all(gap.until is not None for gap in found))
    assert {gap.state for gap in gaps} == {GapState.LOST}
