"""Numbers on record by the house's rules: found in any form, linked to their customer, told anew when rules do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from crm_folder import import_files
from store_facts import NODE, QUICK, SOON, afternoon, revisions, whole

from pbx_bridge.calls.call import Call, call_id
from pbx_bridge.store import CallRow, Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.rebuild import Rebuilt
from pbx_bridge.store.wanted import Wanted
from pbx_bridge.values.number_pattern import NumberPattern
from pbx_bridge.values.number_rules import PLAIN, NumberRule, NumberRules

ROOTS = ("1.1", "1.2", "1.3", "2.0", "2.1", "2.2")
PREFIXED = NumberRules(
    inbound=(
        NumberRule(match=NumberPattern.parse("77*"), strip=2, trunk="trunk"),
        NumberRule(match=NumberPattern.parse("02188880000"), withheld=True),
    ),
    region="IR-21",
)


@asynccontextmanager
async def house(place: StorePlace, numbers: NumberRules) -> AsyncIterator[Store]:
    opened = open_store(place, pace=SOON, limits=QUICK, clock=afternoon(), region=numbers.region, numbers=numbers)
    async with opened as store:
        yield store


async def recorded(store: Store, channel: str, caller: str) -> Call:
    (row,) = await revisions(store, whole(channel, caller=caller), 1)
    assert isinstance(row, CallRow)
    return row.call


async def found(store: Store, typed: str) -> set[str]:
    ids = {line.call_id for line in (await store.calls.search(Wanted(number=typed), limit=20)).lines}
    return {root for root in ROOTS if call_id(NODE, root) in ids}


async def test_a_number_is_found_and_linked_in_any_form(place: StorePlace, tmp_path: Path) -> None:
    files = {"customers": "1001,Aria,fa,\n1002,Parsa,,", "contacts": "1001,Sara,09121234567\n1002,Ali,02188880001"}
    async with house(place, PREFIXED) as store:
        await import_files(store, tmp_path, files)
        mobile = await recorded(store, "1.1", "779121234567")
        local = await recorded(store, "1.2", "88880001")
        hidden = [
            await recorded(store, f"2.{n}", shown) for n, shown in enumerate(("02188880000", "anonymous", "+98"))
        ]
        assert (mobile.caller, mobile.customer_code) == ("9121234567", "1001")
        assert (local.caller, local.customer_code) == ("+982188880001", "1002")
        assert {(call.caller, call.customer_code) for call in hidden} == {("", "")}
        for typed in ("09121234567", "۰۹۱۲ ۱۲۳ ۴۵۶۷", "+98 912 123.4567", "tel:+989121234567", "00989121234567"):
            assert await found(store, typed) == {"1.1"}
        for typed in ("88880001", "۸۸۸۸-۰۰۰۱", "021 8888 0001", "+982188880001"):
            assert await found(store, typed) == {"1.2"}


async def test_rules_made_later_tell_calls_anew(place: StorePlace, tmp_path: Path) -> None:
    async with house(place, PLAIN) as store:
        await import_files(store, tmp_path, {"customers": "1001,Aria,fa,", "contacts": "1001,Sara,09121234567"})
        assert (await recorded(store, "1.1", "779121234567")).customer_code == ""
        await recorded(store, "1.2", "88880001")
        await recorded(store, "1.3", "09121234567")
    async with house(place, PREFIXED) as store:
        outcome = Rebuilt()
        await store.rebuilder.run(outcome, workers=1)
        assert (outcome.changed, outcome.broken) == (2, 0)
        assert await found(store, "09121234567") == {"1.1", "1.3"}
        assert await found(store, "88880001") == {"1.2"}
        calls = {row.call.root: row.call.customer_code for row in await store.calls.page(limit=9)}
        assert calls == {"1.1": "1001", "1.2": "", "1.3": "1001"}
