"""Contracts, renewals, callbacks and follow-ups for the whole site, hostile ones among them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from crm_folder import import_files
from plain_call import plain_call
from put_calls import put_calls

from pbx_bridge.calls.call import Direction, Outcome, call_id
from pbx_bridge.store import Store
from pbx_bridge.store.callbacks import NewFollowUp
from pbx_bridge.store.callbacks_rules import Retry
from pbx_bridge.store.contracts_renewal import NewEntry
from pbx_bridge.store.contracts_rules import Entry, Kind
from pbx_bridge.store.derived import Derived
from pbx_bridge.store.requests import NewCallback
from pbx_bridge.store.requests_calls import CalledBack

CONTRACT = "C-1042/A-17"
# On 1405/08/30: ending, ending, valid, ended, not begun.
_CONTRACTS = """C-1042,A-17,1405/01/01,1405/12/29,gold
C-1007,M/9 ب,1404/10/01,1405/09/30,silver
C-1188,P-1,1405/01/01,1406/12/29,basic
C-1188,P-0,1402/01/01,1403/12/30,basic
C-1007,M-10,1405/10/01,1406/09/30,silver"""


async def renewals(store: Store, folder: Path, now: datetime, texts: Sequence[str]) -> Sequence[str]:
    """Put them in; the ids of a callback that is due, of one that was tried and is held, and of a hostile one."""
    await import_files(store, folder, {"contracts": _CONTRACTS})
    await _entries(store, now, texts)
    asked = [
        NewCallback(
            origin=f"full:{number}",
            node="pbx1",
            channel=f"9.{number}",
            number=phone,
            queue="support",
            wanted_at=now + timedelta(hours=hours),
            customer_code=code,
        )
        for number, (phone, code, hours) in enumerate(
            (("+989121234567", "C-1042", -3), ("+982188776655", "C-1007", -30), ("+982144332211", "", 5))
        )
    ]
    names = [(await store.requests.ask_for_callback(new)).id for new in asked]
    tried = plain_call(
        now,
        call_id=call_id("pbx1", "8.1"),
        root="8.1",
        direction=Direction.OUTBOUND,
        outcome=Outcome.BUSY,
        caller="102",
        called="02188776655",
        answered_at=None,
    )
    await put_calls(store, [tried], Derived(parts=(CalledBack(Retry(wait=timedelta(minutes=1))),)))
    await store.callbacks.take(names[1], "زهرا", timedelta(minutes=10))
    hostile = ""
    for number, text in enumerate((*texts, "پیگیری فاکتور")):
        new = NewFollowUp(
            origin=f"full:{number}",
            number=f"0212222{number:04}",
            wanted_at=now + timedelta(hours=7 * number - 30),
            why=text,
            by=text[:60] or "x",
            owner=text[:60] if number % 2 else "",
            about=f"contract:{text[:40]}:{text[:40]}",
        )
        name = await store.callbacks.follow_up(new)
        hostile = hostile or name
        if number == 1:
            await store.callbacks.close(name, text[:60], text[:40], "solved", text)
    return names[0], names[1], hostile


async def _entries(store: Store, now: datetime, texts: Sequence[str]) -> None:
    """A note for each text, a step, one that was won and undone, and one that was lost."""
    for number, text in enumerate((*texts, "تخفیف خواست")):
        await store.contracts.write(
            "C-1042", "A-17", NewEntry(origin=f"n{number}", kind=Kind.NOTE, user="lead", text=text)
        )
    step = NewEntry(
        origin="s",
        kind=Kind.STEP,
        user="lead",
        text=texts[0] if texts else "پیش‌فاکتور",
        due=now + timedelta(days=2),
        phone="09121234567",
        owner="lead",
    )
    await store.contracts.write("C-1042", "A-17", step)
    won = NewEntry(origin="w", kind=Kind.WON, user="lead", renewed_to=date(2028, 3, 19))
    told = await store.contracts.write("C-1042", "A-17", won)
    assert isinstance(told, Entry)
    await store.contracts.write("C-1042", "A-17", NewEntry(origin="u", kind=Kind.UNDO, user="lead", undoes=told.id))
    await store.contracts.write("C-1007", "M/9 ب", NewEntry(origin="l", kind=Kind.LOST, user="lead", reason="price"))
