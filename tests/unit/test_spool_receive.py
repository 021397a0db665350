"""What a receiver knows of a PBX elsewhere: up to when its rows have come, what is late, what is lost, who it is."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import trustme
from harness.remote_spool import WatchedHealth, certificate, receiving, row
from store_facts import NODE, NOON, at, quick_store
from test_gaps import Time, brief

from pbx_bridge.health import LinkState
from pbx_bridge.spool.delivery import MOST_BYTES, PATH, Delivery, Lost, Piece, Source, Standing
from pbx_bridge.spool.receive import SILENT_S, OutOfStep, ReceivedNode
from pbx_bridge.spool.send import NotSent
from pbx_bridge.store import Store
from pbx_bridge.store.gaps import Gap

FILE = "cel:0123456789abcdef"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with quick_store(tmp_path / "store.db") as opened:
        yield opened


class Far:
    """The daemon's side of one PBX, in one life of the daemon."""

    def __init__(self, store: Store, time: Time) -> None:
        self.health, self._store, self._time = WatchedHealth(), store, time
        self.node = ReceivedNode(
            NODE,
            link="spool",
            hears=False,
            journal=store.journal,
            gaps=store.gaps,
            health=self.health,
            clock=time.clock,
            monotonic=time.monotonic,
        )
        self.heard_at = 0

    async def greeted(self) -> dict[str, int]:
        """How far each file is kept."""
        welcome = await self.node.welcome()
        self.heard_at, self.following = welcome.now, welcome.following
        return {kept.file: kept.offset for kept in welcome.kept}

    async def told(
        self, *pieces: Piece, caught_up: bool = True, behind: int = 0, losses: tuple[Lost, ...] = ()
    ) -> None:
        """A delivery."""
        sources: tuple[Source, ...] = ("cel", "queue")
        standings = tuple(
            Standing(source=s, caught_up=caught_up, file=FILE if s == "cel" else "", behind=behind) for s in sources
        )
        delivery = Delivery(heard_at=self.heard_at, pieces=pieces, standings=standings, losses=losses)
        self.heard_at = (await self.node.take(delivery)).now

    async def gaps(self) -> list[Gap]:
        await self.node.close()
        await self._store.writer.submit(lambda _: None)
        return await self._store.gaps.windows()

    @property
    def link(self) -> tuple[LinkState, str, float | None]:
        (link,) = self.health.links()
        return link.state, link.detail, link.lag_s


def piece(*names: str, offset: int = 0) -> Piece:
    return Piece(source="cel", file=FILE, offset=offset, data=b"".join(row(name) for name in names))


async def test_rows_have_come_up_to_when_the_sender_looked_and_no_later(store: Store, time: Time) -> None:
    far = Far(store, time)
    assert await far.greeted() == {}
    time.pass_(3)
    await far.told(piece("one"))
    await far.gaps()
    time.pass_(100)  # the daemon is away

    far = Far(store, time)
    assert await far.greeted() == {FILE: len(row("one"))}
    assert far.following["cel"] == FILE
    time.pass_(1)
    await far.told()
    assert [(g.source, g.since, g.until, g.read_at) for g in await far.gaps()] == [
        (source, at(0), at(103), at(104)) for source in ("cel", "queue")
    ]


async def test_a_sender_that_falls_silent_is_late_and_a_gap_until_it_is_back(store: Store, time: Time) -> None:
    far = Far(store, time)
    await far.greeted()
    await far.told()
    assert far.link == (LinkState.UP, "", 0.0)
    time.pass_(SILENT_S + 1)
    far.node.look()
    assert far.link == (
        LinkState.DEGRADED,
        f"nothing was heard of the sender of {NODE} since {NOON:%Y-%m-%d %H:%M:%S} UTC",
        SILENT_S + 1,
    )
    assert {gap.state.value for gap in await far.gaps()} == {"open"}
    await far.greeted()
    await far.told(caught_up=False, behind=5000)
    assert far.link == (LinkState.DEGRADED, "10000 bytes behind", SILENT_S + 1)
    await far.told()
    assert far.link == (LinkState.UP, "", 0.0)
    assert brief(await far.gaps()) == [(source, 0, SILENT_S + 1, "read") for source in ("cel", "queue")]


async def test_a_file_that_was_gone_before_it_was_sent_is_lost_and_said_so(store: Store, time: Time) -> None:
    far = Far(store, time)
    await far.greeted()
    await far.told(piece("one"))
    time.pass_(50)
    await far.told(losses=(Lost(source="cel", file=FILE, offset=40, size=90),))
    (gap,) = await far.gaps()
    assert (gap.source, gap.state.value) == ("cel", "lost")
    assert gap.reason == f"{FILE} is gone or was cut: read up to byte 40, the 50 bytes behind not"


async def test_what_is_kept_is_passed_over_and_what_does_not_follow_is_refused(store: Store, time: Time) -> None:
    far = Far(store, time)
    await far.greeted()
    await far.told(piece("one", "two"))
    await far.told(piece("one"))
    end = len(row("one") + row("two"))
    for offset in (1, len(row("one")) + 1, end + 1):
        with pytest.raises(OutOfStep, match=f"is kept up to byte {end}, this begins at {offset}"):
            await far.told(piece("two", "three", offset=offset))
    await far.told(piece("three", offset=end))
    assert await far.greeted() == {FILE: end + len(row("three"))}


async def test_only_a_token_opens_and_nothing_strange_gets_in(tmp_path: Path) -> None:
    async with receiving(tmp_path) as far:
        pbx, url = far.pbx(tmp_path / "pbx"), f"https://127.0.0.1:{far.port}{PATH}"
        ours = {"Authorization": f"Bearer {pbx.token}"}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=pbx.trust.context)) as web:
            for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {pbx.token}"}):
                async with web.post(url, data=b"x", headers=headers) as answer:
                    assert answer.status == 401
            strange = (b"", b"\xff" * 40, b"\x81\xa8heard_at\x00\x00", b"\x81\xa8heard_at\xff", b"\x81\xa1\xff\x00")
            for body in (*strange, b"\x81\xa1a" * 5000):
                async with web.post(url, data=body, headers=ours) as answer:
                    assert answer.status == 400
            async with web.post(url, data=io.BytesIO(b"x" * (MOST_BYTES + 1)), headers=ours) as answer:
                assert answer.status == 413
        assert far.journal.facts == {}


async def test_a_certificate_that_was_renewed_is_shown_from_then_on(tmp_path: Path) -> None:
    async with receiving(tmp_path) as far:
        pbx = far.pbx(tmp_path / "pbx")
        pbx.write("one")
        pbx.write_queue("one")
        await pbx.sender(far.port).once()
        before = pbx.sender(far.port)
        await asyncio.to_thread(lambda: certificate(tmp_path, signer=trustme.CA()))
        far.receiver.listening.clear()
        await far.receiver.listening.wait()
        with pytest.raises(NotSent, match="unknown issuer"):
            await before.once()
        await far.pbx(tmp_path / "pbx").sender(far.port).once()
