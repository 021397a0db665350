"""Wrong tries on both engines: counted by hour and day, over a restart, and the limits that callers meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from store_places import query
from structlog.testing import capture_logs

from pbx_bridge.errors import StoreError
from pbx_bridge.ivr.guard import HIDDEN, HIDDEN_TIMES, GuardedLookups, TryLimits, count_of
from pbx_bridge.ivr.known import Answer, CustomerFacts
from pbx_bridge.ivr.questions import ContractOfCustomer, CustomerOfCode, PinOfCustomer, Question, TicketOfNumber
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.address import StorePlace

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ME, OTHER = "09121234567", "02188776655"
ARIA = CustomerFacts(code="1001", name="آریا")
LIMITS = TryLimits(per_hour=3, per_day=5)


class Office:
    """Lookups of which only the code 1001 is right, and a clock of its own."""

    def __init__(self, store: Store, limits: TryLimits = LIMITS) -> None:
        self.now, self.asked, self.gate = NOON, 0, asyncio.Event()
        self.gate.set()
        self._guarded = GuardedLookups(self, store.tries, limits=limits, region="IR", clock=lambda: self.now)

    async def answer(self, question: Question) -> Answer:
        self.asked += 1
        await self.gate.wait()
        return ARIA if question in (CustomerOfCode("1001", caller=ME), ContractOfCustomer("1001")) else None

    async def guess(self, question: Question) -> Answer:
        return await self._guarded.answer(question)

    async def wrong(self, caller: str | None = ME, times: int = 1) -> None:
        for _ in range(times):
            assert await self.guess(CustomerOfCode("9999", caller=caller)) is None

    async def right(self) -> bool:
        return await self.guess(CustomerOfCode("1001", caller=ME)) == ARIA


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    async with open_store(place, folding=False) as opened:
        yield opened


async def test_after_three_wrong_ones_in_an_hour_every_number_is_wrong(store: Store) -> None:
    office = Office(store)
    await office.wrong(times=3)
    asked = office.asked
    with capture_logs() as logged:
        assert not await office.right()
    assert office.asked == asked  # nobody was asked
    assert [(entry["event"], entry["what"]) for entry in logged] == [("wrong_tries_limited", "customer_code")]
    assert ME not in str(logged)
    office.now += timedelta(hours=1)
    assert await office.right()


async def test_after_five_wrong_ones_in_a_day_too(store: Store) -> None:
    office = Office(store)
    await office.wrong(times=2)
    office.now += timedelta(hours=2)
    await office.wrong(times=2)
    office.now += timedelta(hours=2)
    assert await office.right()
    await office.wrong()
    assert not await office.right()
    office.now += timedelta(hours=19)
    assert not await office.right()
    office.now = NOON + timedelta(days=1)
    assert await office.right()  # those of yesterday noon no longer count


async def test_a_right_one_wipes_nothing_out(store: Store) -> None:
    office = Office(store)
    await office.wrong(times=2)
    assert await office.right()
    await office.wrong()
    assert not await office.right()


async def test_a_limited_caller_makes_no_count_grow(store: Store) -> None:
    office = Office(store)
    await office.wrong(times=30)
    assert await store.tries.count("+989121234567", NOON) == (3, 3)


async def test_numbers_pins_and_codes_count_together_and_each_caller_alone(store: Store) -> None:
    office = Office(store)
    await office.guess(TicketOfNumber("4712963", caller="+98 912 123 4567"))
    await office.guess(PinOfCustomer("1001", "2468", caller="0098 9121234567"))
    await office.wrong(OTHER, times=3)
    assert await office.right()
    await office.wrong()
    assert not await office.right()


async def test_what_no_caller_keyed_is_not_counted(store: Store) -> None:
    office = Office(store)
    await office.wrong(None, times=9)
    assert await office.guess(ContractOfCustomer("1001")) == ARIA
    assert await office.guess(ContractOfCustomer("9999")) is None
    assert await office.right()
    assert await store.tries.count(HIDDEN, NOON) == (0, 0)


async def test_hidden_numbers_share_a_count_with_higher_limits(store: Store) -> None:
    office = Office(store)
    for caller in ("", "anonymous", "Restricted", "\u202e", "؟"):
        await office.wrong(caller, times=LIMITS.per_hour * HIDDEN_TIMES // 5)
    asked = office.asked
    await office.wrong("unavailable")
    assert office.asked == asked
    assert await office.right()  # theirs is not mine


async def test_several_calls_at_once_have_no_more_tries_than_one(store: Store) -> None:
    office = Office(store)
    office.gate.clear()
    calls = [asyncio.create_task(office.wrong()) for _ in range(12)]
    async with asyncio.timeout(10):
        for call in islice(asyncio.as_completed(calls), 12 - LIMITS.per_hour):
            await call  # refused while the others wait for an answer
    office.gate.set()
    await asyncio.gather(*calls)
    assert office.asked == LIMITS.per_hour
    assert await store.tries.count("+989121234567", NOON + timedelta(seconds=1)) == (3, 3)


async def test_a_restart_forgets_nothing(place: StorePlace) -> None:
    async with open_store(place, folding=False) as store:
        await Office(store).wrong(times=3)
    async with open_store(place, folding=False) as store:
        assert not await Office(store).right()


async def test_tries_of_one_moment_are_as_many_as_there_were(store: Store) -> None:
    for _ in range(3):
        await store.tries.add("x", "pin", NOON)
    assert await store.tries.count("x", NOON + timedelta(seconds=1)) == (3, 3)


async def test_old_ones_are_removed(place: StorePlace) -> None:
    async with open_store(place, folding=False) as store:
        for hours in (0, 1, 30):
            await store.tries.add("x", "pin", NOON + timedelta(hours=hours))
    assert query(place, "SELECT COUNT(*) FROM wrong_try") == [(1,)]


async def test_without_a_count_nobody_guesses(tmp_path: Path) -> None:
    place = tmp_path / "s.db"
    async with open_store(place, folding=False) as store:
        office = Office(store)
        query(place, "DROP TABLE wrong_try")
        with pytest.raises(StoreError):
            await office.right()
        assert office.asked == 0


@pytest.mark.parametrize(
    ("number", "count"),
    [
        (ME, "+989121234567"),
        ("+989121234567", "+989121234567"),
        ("۰۹۱۲۱۲۳۴۵۶۷", "+989121234567"),
        ("101", "101"),
        ("", HIDDEN),
        ("anonymous", HIDDEN),
        ("²", HIDDEN),
        ("1" * 5000, "1" * 40),
    ],
)
def test_whose_count_it_is(number: str, count: str) -> None:
    assert count_of(number, "IR") == count
