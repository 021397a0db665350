"""The outbox: every revision in order, each consumer at its own place, and no growth without end. On both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from store_facts import NODE, begun, ended, quick_store, revisions, whole

from pbx_bridge.calls.call import call_id
from pbx_bridge.health import utc_now
from pbx_bridge.store import Store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.outbox import Outbox, OutboxRow


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    async with quick_store(place) as opened:
        yield opened


def later(store: Store, days: float) -> Outbox:
    """The outbox as it will be then."""
    moment = utc_now() + timedelta(days=days)
    return Outbox(store.outbox._writer, store.outbox._reader, clock=lambda: moment)


async def fill(store: Store, count: int) -> None:
    await revisions(store, [fact for n in range(count) for fact in whole(f"1.{n}", 60.0 * n)], count)


def numbers(rows: list[OutboxRow]) -> list[int]:
    return [row.position for row in rows]


async def test_every_revision_in_order_and_in_parts(store: Store) -> None:
    await revisions(store, begun("1.1"), 1)
    await fill(store, 3)
    await revisions(store, ended("1.1"), 1)

    everything = await store.outbox.after(0)

    assert numbers(everything) == sorted(numbers(everything))
    assert [(row.revision, row.gone) for row in everything if row.call_id == call_id(NODE, "1.1")][-1] == (
        len([row for row in everything if row.call_id == call_id(NODE, "1.1")]),
        False,
    )
    parts: list[OutboxRow] = []
    while some := await store.outbox.after(parts[-1].position if parts else 0, limit=2):
        parts += some
    assert parts == everything


async def test_a_consumer_goes_on_where_it_acknowledged(store: Store) -> None:
    await fill(store, 2)
    assert await store.outbox.join("webhooks") == numbers(await store.outbox.after(0))[-1]
    assert await store.outbox.join("connector", from_start=True) == 0
    first, second = await store.outbox.after(0)

    await store.outbox.acknowledge("connector", first.position)
    assert await store.outbox.join("connector") == first.position
    await store.outbox.acknowledge("connector", second.position)
    await store.outbox.acknowledge("connector", first.position)  # told late
    assert await store.outbox.join("connector", from_start=True) == second.position
    assert await store.outbox.after(second.position) == []


async def test_trimmed_when_old_and_passed_by_all_but_for_the_newest(store: Store) -> None:
    await store.outbox.join("slow", from_start=True)
    await store.outbox.join("quick", from_start=True)
    await fill(store, 5)
    rows = await store.outbox.after(0)
    await store.outbox.acknowledge("quick", rows[-1].position)
    await store.outbox.acknowledge("slow", rows[1].position)

    assert await store.outbox.trim() == 0  # none is old
    assert await later(store, 8).trim() == 2  # slow is there still
    assert not await store.outbox.missed(rows[1].position)
    await store.outbox.leave("slow")
    assert await later(store, 8).trim() == 2
    assert await store.outbox.after(0) == rows[-1:]
    await revisions(store, whole("2.1", 9000), 1)
    assert numbers(await store.outbox.after(0)) == [rows[-1].position, rows[-1].position + 1]


async def test_a_consumer_gone_for_long_is_told_that_it_missed_something(store: Store) -> None:
    position = await store.outbox.join("gone", from_start=True)
    await fill(store, 3)
    assert not await store.outbox.missed(position)

    assert await later(store, 31).trim() == 2

    assert await store.outbox.missed(position)
    [newest] = await store.outbox.after(position)
    await store.outbox.acknowledge("gone", newest.position)
    assert not await store.outbox.missed(newest.position)


async def test_trimming_goes_in_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbx_bridge.store.outbox._AT_ONCE", 2)
    await fill(store, 6)
    outbox = later(store, 8)
    assert [await outbox.trim() for _ in range(4)] == [2, 2, 1, 0]
