"""The call book: pages, numbers, since."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from store_facts import NODE, at, quick_store, revisions, whole

from pbx_bridge.calls.call import call_id
from pbx_bridge.errors import StoreError
from pbx_bridge.store import CallRow, PageKey, Store
from pbx_bridge.store.address import StorePlace


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    async with quick_store(place) as opened:
        yield opened


async def fill(store: Store, count: int) -> list[str]:
    """Calls, two in the same microsecond each; their roots, newest first, then by id."""
    numbers = range(count)
    # More news at once would be a RESYNC.
    for some in (numbers[first : first + 100] for first in range(0, count, 100)):
        await revisions(store, [fact for n in some for fact in whole(f"1.{n}", n // 2)], len(some))
    return sorted(
        (f"1.{n}" for n in range(count)), key=lambda root: (at(int(root[2:]) // 2), key(root)), reverse=True
    )


def key(root: str) -> str:
    return call_id(NODE, root)


def roots(rows: list[CallRow]) -> list[str]:
    return [row.call.root for row in rows]


async def test_pages_follow_each_other_without_gap_or_double(store: Store) -> None:
    wanted = await fill(store, 23)
    found: list[str] = []
    before = None
    while rows := await store.calls.page(before=before, limit=5):
        found += roots(rows)
        before = PageKey.parse(str(PageKey.of(rows[-1])))
    assert found == wanted


@pytest.mark.parametrize("number", ["", "100"])
async def test_pages_backwards(store: Store, number: str) -> None:
    wanted = await fill(store, 12)
    oldest = (await store.calls.page(limit=100))[-1]
    back = await store.calls.page(number=number, after=PageKey.of(oldest), limit=5)
    assert roots(back) == wanted[-6:-1]
    assert roots(await store.calls.page(number=number, after=PageKey.of(back[0]), limit=100)) == wanted[:-6]


async def test_a_call_that_comes_while_one_reads_moves_no_page(store: Store) -> None:
    wanted = await fill(store, 10)
    first = await store.calls.page(limit=4)
    await revisions(store, whole("2.1", 1000), 1)
    second = await store.calls.page(before=PageKey.of(first[-1]), limit=100)
    assert roots(first) + roots(second) == wanted


async def test_a_range_of_time(store: Store) -> None:
    await revisions(store, [*whole("1.1", 0), *whole("1.2", 100), *whole("1.3", 200)], 3)
    assert roots(await store.calls.page(start=at(100), end=at(200))) == ["1.2"]
    assert roots(await store.calls.page(start=at(100))) == ["1.3", "1.2"]
    assert roots(await store.calls.page(end=at(100))) == ["1.1"]


@pytest.mark.parametrize(
    "typed", ["09121234567", "۰۹۱۲۱۲۳۴۵۶۷", "0912 123 45 67", "+989121234567", "00989121234567", " 0912-123-4567 "]
)
async def test_a_caller_as_a_person_types_it(store: Store, typed: str) -> None:
    await revisions(
        store, [*whole("1.1"), *whole("1.2", 60, caller="02188776655"), *whole("1.3", 70, caller="101")], 3
    )
    assert roots(await store.calls.page(number=typed)) == ["1.1"]
    assert roots(await store.calls.page(number="101")) == ["1.3"]
    assert roots(await store.calls.page(number="۱۰۱")) == ["1.3"]


async def test_the_number_called(store: Store) -> None:
    wanted = await fill(store, 7)
    assert roots(await store.calls.page(number="100", limit=3)) == wanted[:3]
    assert roots(await store.calls.page(number="100", start=at(2), end=at(3))) == [
        r for r in wanted if r in ("1.4", "1.5")
    ]
    page = await store.calls.page(number="100", limit=3)
    assert roots(await store.calls.page(number="100", before=PageKey.of(page[-1]))) == wanted[3:]


async def test_nobody_called_from_there(store: Store) -> None:
    await fill(store, 2)
    for typed in ("09990000000", "'; DROP TABLE call; --", "%", "x" * 10_000):
        assert await store.calls.page(number=typed) == []


async def test_since_goes_through_every_page(store: Store) -> None:
    wanted = await fill(store, 450)
    assert [row.call.root async for row in store.calls.since()] == wanted
    assert [row.call.root async for row in store.calls.since(limit=201)] == wanted[:201]
    assert [row.call.root async for row in store.calls.since(at(200))] == [r for r in wanted if int(r[2:]) >= 400]


async def test_an_unknown_call(store: Store) -> None:
    assert await store.calls.get("no-such-call") is None


@pytest.mark.parametrize("text", ["", ".", "12", "x.y", "-5.a", "99999999999999999999.a", "۱۲.a", "1e5.a"])
def test_what_is_no_page(text: str) -> None:
    with pytest.raises(ValueError, match="no page"):
        PageKey.parse(text)


async def test_a_store_that_cannot_be_read_says_so(store: Store) -> None:
    await store.writer.submit(lambda transaction: transaction.db.execute("DROP TABLE call"))
    with pytest.raises(StoreError, match=r"cannot be read: (no such table|relation \"call\" does not exist)"):
        await store.calls.page()
