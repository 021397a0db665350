"""Calls whose end never reached the disk: ended on record once Asterisk has their channels no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from store_facts import NODE, NOON, begun, cel, ended, quick_store, revisions

from pbx_bridge.ari_handlers.reaper import OLD, Reaper
from pbx_bridge.calls.facts import FactKind
from pbx_bridge.errors import AriUnavailable
from pbx_bridge.store import CallRow, Store
from pbx_bridge.store.address import StorePlace


class Pbx:
    """What Asterisk has."""

    def __init__(self) -> None:
        self.channels: set[str] = set()
        self.away = False
        self.asked = 0

    async def list(self) -> set[str]:
        self.asked += 1
        if self.away:
            raise AriUnavailable("no connection")
        return self.channels


class Scene:
    """A store with a call in progress, minutes later, and who looks at it."""

    def __init__(self, store: Store) -> None:
        self.store, self.pbx, self.up_to_date = store, Pbx(), True
        self.now = NOON + OLD + timedelta(minutes=1)
        self.reaper = Reaper(
            node=NODE,
            channels=self.pbx.list,
            calls=store.ledger,
            keep=store.journal.add,
            up_to_date=lambda: self.up_to_date,
            clock=lambda: self.now,
        )

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            await self.reaper.look()
            self.now += timedelta(minutes=1)

    async def gone(self) -> list[str]:
        """The channels journaled as gone."""
        await self.store.writer.submit(lambda _: None)
        return await self.store.writer.submit(
            lambda tx: [
                row[0]
                for row in tx.db.execute(
                    "SELECT channel FROM fact WHERE kind = :kind ORDER BY channel", {"kind": FactKind.LIVE.value}
                ).fetchall()
            ]
        )


@pytest.fixture
async def scene(place: StorePlace) -> AsyncIterator[Scene]:
    async with quick_store(place) as store:
        scene = Scene(store)
        agent = cel("CHAN_START", "1.2", 3, linkedid="1.1")
        await revisions(store, [*begun("1.1"), agent, cel("CHAN_END", "1.2", 20, linkedid="1.1")], 1)
        yield scene


async def test_what_asterisk_has_not_twice_is_journaled_as_gone_once(scene: Scene) -> None:
    await scene.look()
    assert await scene.gone() == []
    await scene.look()
    assert await scene.gone() == ["1.1"]  # the agent's end was told
    await scene.look(3)
    assert await scene.gone() == ["1.1"]


async def test_the_call_is_ended_at_its_last_sign(scene: Scene) -> None:
    await scene.look()
    async with scene.store.calls.watch() as news, asyncio.timeout(30):
        await scene.look()
        row = await news.get()
    assert isinstance(row, CallRow)
    assert row.call.end_estimated
    assert row.call.ended_at == NOON + timedelta(seconds=20)


async def test_a_call_that_goes_on_is_left_alone(scene: Scene) -> None:
    scene.pbx.channels = {"1.1"}
    await scene.look(3)
    scene.pbx.channels = {"1.2", "9.9"}  # whoever of it is still there
    await scene.look(3)
    assert await scene.gone() == []


async def test_a_channel_absent_only_once(scene: Scene) -> None:
    for channels in (set(), {"1.1"}, set(), {"1.1"}):
        scene.pbx.channels = channels
        await scene.look()
    assert await scene.gone() == []


async def test_an_asterisk_that_does_not_answer_says_nothing(scene: Scene) -> None:
    await scene.look()
    scene.pbx.away = True
    await scene.look()
    scene.pbx.away = False
    await scene.look()
    assert await scene.gone() == []
    await scene.look()
    assert await scene.gone() == ["1.1"]


async def test_while_rows_wait_to_be_read_nothing_is_ended(scene: Scene) -> None:
    scene.up_to_date = False
    await scene.look(3)
    assert await scene.gone() == []


async def test_young_calls_and_calls_that_are_over_are_not_asked_for(scene: Scene) -> None:
    await revisions(scene.store, ended("1.1"), 1)
    scene.now = NOON + timedelta(minutes=2)
    await revisions(scene.store, begun("1.5", 60), 1)
    await scene.look(2)
    assert (scene.pbx.asked, await scene.gone()) == (0, [])
