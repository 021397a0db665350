"""The store goes by rules that are told it while it is open: for what is written from then on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from crm_folder import import_files
from store_facts import QUICK, SOON, afternoon, revisions, whole

from pbx_bridge.calls.promises import Promises
from pbx_bridge.store import CallRow, Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.house import House
from pbx_bridge.store.requests import NewTicket
from pbx_bridge.values.dates import TEHRAN
from pbx_bridge.values.number_pattern import NumberPattern
from pbx_bridge.values.number_rules import NumberRule, NumberRules

TOLD = House(
    numbers=NumberRules(inbound=(NumberRule(match=NumberPattern.parse("77*"), strip=2, put="0"),)),
    promises=Promises(respond={"request": timedelta(hours=1)}, zone=TEHRAN),
    audit_days=3,
)


async def promised(store: Store) -> timedelta | None:
    """How soon an answer is promised of a ticket that is opened now."""
    opened = await store.requests.open_ticket(NewTicket(origin="t:1", customer_code="1001", subject="no tone"))
    assert opened is not None
    ticket = await store.tickets.get(opened.tracking_number)
    assert ticket is not None
    return ticket.respond_by - ticket.created_at if ticket.respond_by else None


async def test_what_comes_after_goes_by_the_new_rules(place: StorePlace, tmp_path: Path) -> None:
    async with open_store(place, pace=SOON, limits=QUICK, clock=afternoon()) as store:
        await import_files(store, tmp_path, {"customers": "1001,Aria,fa,"})
        (before,) = await revisions(store, whole("1.1", caller="779121234567"), 1)
        store.take_house(TOLD)
        (after,) = await revisions(store, whole("1.2", caller="779121234567"), 1)
        assert isinstance(before, CallRow)
        assert isinstance(after, CallRow)
        assert (before.call.caller, after.call.caller) == ("779121234567", "09121234567")
        assert await promised(store) == timedelta(hours=1)
        assert store.audit.keep == timedelta(days=3)
