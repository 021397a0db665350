"""Customers on calls: found when the call is put together, and found anew when a contact changes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from crm_folder import import_files, write_files
from store_facts import NODE, begun, cel, ended, quick_store, revisions, step, whole
from store_places import query

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.fact_text import cel_fact
from pbx_bridge.calls.facts import RawFact, StepKind
from pbx_bridge.cli import cli
from pbx_bridge.errors import ImportRefused
from pbx_bridge.store import CallRow, Store, open_store, packs
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.calls import PageKey
from pbx_bridge.store.commands import Place, import_lines
from pbx_bridge.store.crm_import import import_folder
from pbx_bridge.values.dates import TEHRAN

SARA = "09121234567"
TWO = "1001,Aria,fa,\n1002,Parsa,,"


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    async with quick_store(place) as opened:
        yield opened


async def recorded(store: Store, facts: list[RawFact]) -> Call:
    (row,) = await revisions(store, facts, 1)
    assert isinstance(row, CallRow)
    return row.call


async def linked(store: Store, count: int, files: Mapping[str, str], folder: Path, **how: Any) -> list[CallRow]:
    """Import, and the next so many revisions that follow from it."""
    async with asyncio.timeout(10), store.calls.watch() as news:
        await import_folder(store.writer, write_files(folder / "crm", files), **how)
        rows = [await news.get() for _ in range(count)]
    assert all(isinstance(row, CallRow) for row in rows)
    return [row for row in rows if isinstance(row, CallRow)]


def outside(channel: str, number: str, seconds: float = 0.0) -> list[RawFact]:
    """An agent's call to a number outside, which nobody answers."""
    facts = []
    for event in ("CHAN_START", "HANGUP", "CHAN_END", "LINKEDID_END"):
        fact = cel(event, channel, seconds, caller="101")
        body = fact.body.replace(",100,100,from-trunk,PJSIP/trunk", f",{number},{number},from-agents,PJSIP/101")
        facts.append(cel_fact(node=NODE, file=fact.file, offset=fact.offset, body=body))
    return facts


async def test_the_only_customer_of_the_number(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, {"customers": TWO, "contacts": f"1001,Sara,{SARA}"})
    call = await recorded(store, whole("1.1", caller="+98 912 123 4567"))
    assert (call.customer_code, call.customer_by, call.caller) == ("1001", "number", "+98 912 123 4567")


async def test_of_an_outbound_call_the_number_dialled(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, {"customers": TWO, "contacts": f"1002,Sara,{SARA}"})
    call = await recorded(store, outside("1.1", "00989121234567"))
    assert (call.direction, call.customer_code, call.customer_by) == ("outbound", "1002", "number")


async def test_the_key_wins(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, {"customers": TWO, "contacts": f"1001,Sara,{SARA}"})
    menu = [
        step("1.1", 0, 1, kind=StepKind.CUSTOMER, code="1001", name="Aria", by="number"),
        step("1.1", 1, 2, kind=StepKind.CUSTOMER, code="1002", name="Parsa", by="code"),
    ]
    call = await recorded(store, [*begun("1.1"), *menu, *ended("1.1")])
    assert (call.customer_code, call.customer_by) == ("1002", "key")


async def test_two_customers_on_a_number_are_offered_and_not_linked(store: Store, tmp_path: Path) -> None:
    contacts = f"1001,Sara,{SARA}\n1002,Sara,{SARA}\n1002,Front desk,{'02188776655'}"
    await import_files(store, tmp_path, {"customers": TWO, "contacts": contacts})
    call = await recorded(store, whole("1.1"))
    assert (call.customer_code, call.customer_by) == ("", "")
    assert [customer.name for customer in await store.calls.candidates(call)] == ["Aria", "Parsa"]
    known = await recorded(store, whole("1.2", caller="02188776655"))
    assert await store.calls.candidates(known) == []


@pytest.mark.parametrize("caller", ["", "anonymous", "101", "'; DROP TABLE contact; --", "+98"])
async def test_whom_nobody_knows(store: Store, tmp_path: Path, caller: str) -> None:
    await import_files(store, tmp_path, {"customers": TWO, "contacts": f"1001,Sara,{SARA}"})
    call = await recorded(store, whole("1.1", caller=caller))
    assert (call.customer_code, call.customer_by, call.caller) == ("", "", caller)
    assert await store.calls.candidates(call) == []


async def test_a_new_contact_links_past_calls_as_revisions(store: Store, place: StorePlace, tmp_path: Path) -> None:
    facts = [*whole("1.1"), *whole("1.2", 60), *whole("1.3", 120, "09359998877")]
    await revisions(store, facts, 3)
    rows = await linked(store, 2, {"customers": TWO, "contacts": f"1001,Sara,{SARA}"}, tmp_path)
    assert [(row.revision, row.call.customer_code, row.call.customer_by) for row in rows] == [
        (2, "1001", "number")
    ] * 2

    told = query(place, "SELECT call_id, revision FROM outbox ORDER BY id DESC LIMIT 2")
    columns = query(place, "SELECT customer_code, customer_by, revision FROM call ORDER BY started_at_us")
    assert sorted(told) == sorted((row.call.call_id, 2) for row in rows)
    assert columns == [("1001", "number", 2), ("1001", "number", 2), ("", "", 1)]


async def test_a_corrected_contact_unlinks_and_links(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, {"customers": TWO, "contacts": f"1001,Sara,{SARA}"})
    call = await recorded(store, whole("1.1"))
    moved = {"contacts": f"1002,Sara,{SARA}"}
    (both,) = await linked(store, 1, moved, tmp_path)
    assert (both.call.customer_code, both.call.customer_by) == ("", "")
    (only,) = await linked(store, 1, moved, tmp_path, all_contacts=True)
    assert (only.call.call_id, only.revision, only.call.customer_code) == (call.call_id, 3, "1002")
    (none,) = await linked(store, 1, {"contacts": "1001,Sara,02188776655"}, tmp_path, all_contacts=True)
    assert (none.revision, none.call.customer_code, none.call.customer_by) == (4, "", "")


async def test_a_keyed_customer_stays(store: Store, tmp_path: Path) -> None:
    menu = step("1.1", 0, 1, kind=StepKind.CUSTOMER, code="1002", name="Parsa", by="code")
    await revisions(store, [*begun("1.1"), menu, *ended("1.1")], 1)
    await import_files(store, tmp_path, {"customers": TWO, "contacts": f"1001,Sara,{SARA}"})
    await store.relinker.finish()
    (row,) = [row async for row in store.calls.since()]
    assert (row.revision, row.call.customer_code) == (1, "1002")


async def test_what_is_kept_is_what_a_fold_would_make(store: Store, tmp_path: Path) -> None:
    facts = whole("1.1")
    await revisions(store, facts, 1)
    (row,) = await linked(store, 1, {"customers": TWO, "contacts": f"1001,Sara,{SARA}"}, tmp_path)
    later = step("1.1", 1, 6, keys="2")
    (again,) = await revisions(store, [later], 1)
    assert isinstance(again, CallRow)
    assert (again.revision, again.call.customer_code) == (3, "1001")
    assert row.call.segments == again.call.segments


async def test_a_call_whose_facts_are_packed_is_linked(store: Store, place: StorePlace, tmp_path: Path) -> None:
    await revisions(store, whole("1.1"), 1)
    ((group,),) = query(place, "SELECT call_group FROM call")
    assert await store.writer.submit(lambda transaction: packs.pack(transaction.db, group))
    (row,) = await linked(store, 1, {"customers": TWO, "contacts": f"1001,Sara,{SARA}"}, tmp_path)
    assert (row.revision, row.call.customer_code) == (2, "1001")
    (again,) = await revisions(store, [step("1.1", 1, 6, keys="2")], 1)
    assert isinstance(again, CallRow)
    assert (again.revision, again.call.customer_code) == (3, "1001")


async def test_the_same_import_marks_nothing(store: Store, tmp_path: Path) -> None:
    async with open_store(tmp_path / "other.db", folding=False) as quiet:
        files = {"customers": TWO, "contacts": f"1001,Sara,{SARA}"}
        await import_files(quiet, tmp_path, files)
        assert await quiet.relinker.waiting() == 1
        await quiet.relinker.finish()
        await import_files(quiet, tmp_path, files | {"contacts": f"1001,Sara Rezai,{SARA}"})
        assert await quiet.relinker.waiting() == 0


async def test_many_numbers_with_few_calls(store: Store, tmp_path: Path) -> None:
    await revisions(store, whole("1.1"), 1)
    contacts = "\n".join(f"1001,P,0935{n:07}" for n in range(500)) + f"\n1001,Sara,{SARA}"
    (row,) = await linked(store, 1, {"customers": TWO, "contacts": contacts}, tmp_path)
    assert (row.revision, row.call.customer_code) == (2, "1001")
    await store.relinker.finish()
    assert await store.relinker.waiting() == 0


async def test_a_refused_import_marks_nothing(tmp_path: Path) -> None:
    async with open_store(tmp_path / "s.db", folding=False) as store:
        with pytest.raises(ImportRefused):
            await import_files(store, tmp_path, {"contacts": f"1009,Sara,{SARA}"})
        with pytest.raises(ImportRefused, match=r"holds no contacts\.csv"):
            await import_folder(store.writer, write_files(tmp_path / "crm", {"customers": TWO}), all_contacts=True)
        assert await store.relinker.waiting() == 0


async def test_many_calls_in_many_transactions_whoever_dies(place: StorePlace, tmp_path: Path) -> None:
    """Cut off after each transaction, the next process goes on where this one was; each call changes once."""
    async with quick_store(place) as store:
        for some in range(0, 450, 90):
            await revisions(store, [fact for n in range(some, some + 90) for fact in whole(f"1.{n}", n)], 90)
        assert await store.relinker.waiting() == 0
    async with open_store(place, folding=False) as store:
        await import_files(store, tmp_path, {"customers": TWO, "contacts": f"1001,Sara,{SARA}"})
    linked_after = []
    while True:
        async with open_store(place, folding=False) as store:
            more = await store.writer.submit(store.relinker._some)
            done = await store.calls.page(customer="1001", limit=1000)
            linked_after.append(len(done))
        if not more:
            break
    assert linked_after == [200, 400, 450, 450]
    assert {row.revision for row in done} == {2}


async def test_a_daemon_takes_up_what_another_process_marked(store: Store, place: StorePlace, tmp_path: Path) -> None:
    await revisions(store, whole("1.1"), 1)
    async with (
        asyncio.timeout(10),
        store.calls.watch() as news,
        open_store(place, folding=False) as other,
    ):
        await import_files(other, tmp_path, {"customers": TWO, "contacts": f"1001,Sara,{SARA}"})
        row = await news.get()
    assert isinstance(row, CallRow)
    assert row.call.customer_code == "1001"


def test_without_a_daemon_the_command_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))

    async def fill() -> None:
        async with quick_store(tmp_path / "store.db") as store:
            await revisions(store, whole("1.1"), 1)

    async def code() -> str:
        async with open_store(tmp_path / "store.db", folding=False) as store:
            return (await store.calls.page())[0].call.customer_code

    asyncio.run(fill())
    folder = write_files(tmp_path / "crm", {"customers": TWO, "contacts": f"1001,Sara,{SARA}"})
    (folder / "agents.csv").write_text("extension,name\n۱۰۱,Neda\n", encoding="utf-8")
    result = CliRunner().invoke(cli, ["crm", "import", str(folder)])
    assert result.stdout == "imported: 2 customers, 1 contacts, 0 contracts, 0 tickets, 1 agents\n"
    assert "linked anew: 1 of 1" in result.stderr
    assert asyncio.run(code()) == "1001"


async def test_beside_a_daemon_the_command_leaves_it_to_the_daemon(tmp_path: Path) -> None:
    place = Place(path=tmp_path / "s.db", region="IR", zone=TEHRAN, daemon_pid=tmp_path / "pid")
    folder = write_files(tmp_path / "crm", {"customers": TWO, "contacts": f"1001,Sara,{SARA}"})
    assert not place.has_daemon
    for text in ("nonsense", "0" * 30, "9" * 30):
        await asyncio.to_thread((tmp_path / "pid").write_text, text)
        assert not place.has_daemon
    await asyncio.to_thread((tmp_path / "pid").write_text, str(os.getpid()))
    await import_lines(place, folder)
    async with place.open() as store:
        assert await store.relinker.waiting() == 1


async def test_by_customer_both_ways(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, {"customers": TWO, "contacts": f"1001,Sara,{SARA}\n1002,Ali,02188776655"})
    facts = [fact for n in range(9) for fact in whole(f"1.{n}", n * 60, SARA if n % 3 else "02188776655")]
    await revisions(store, facts, 9)

    every = await store.calls.page(customer="۱۰۰۱")
    assert len(every) == 6
    first = await store.calls.page(customer="1001", limit=2)
    second = await store.calls.page(customer="1001", limit=2, before=PageKey.of(first[-1]))
    third = await store.calls.page(customer="1001", before=PageKey.of(second[-1]))
    assert [*first, *second, *third] == every
    assert await store.calls.page(customer="1001", limit=2, after=PageKey.of(third[0])) == second
    assert await store.calls.page(customer="nobody") == []
    with pytest.raises(ValueError, match="not by both"):
        await store.calls.page(customer="1001", number=SARA)


async def test_agents(store: Store, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "crm", {})
    (folder / "agents.csv").write_text("name,extension\nندا رضایی,101\n", encoding="utf-8")
    assert (await import_folder(store.writer, folder)).agents == 1
    await store.agents.fill(["101", "102"])
    assert await store.agents.names() == {"101": "ندا رضایی", "102": ""}
    await store.agents.fill(["101", "102", "103"], {"101": "Neda", "102": "Ali", "103": "Sara"})
    assert await store.agents.names() == {"101": "ندا رضایی", "102": "Ali", "103": "Sara"}, (
        "a name that is there stays"
    )
    (folder / "agents.csv").write_text("extension,name\n101/x,Neda\n", encoding="utf-8")
    with pytest.raises(ImportRefused, match="is no extension"):
        await import_folder(store.writer, folder)


async def test_a_killed_command_leaves_the_rest_to_the_next_start(tmp_path: Path) -> None:
    """kill -9 in the midst of linking: the next start links the rest, and each call changes once."""
    folder = write_files(tmp_path / "crm", {"customers": TWO, "contacts": f"1001,Sara,{SARA}"})
    async with quick_store(tmp_path / "store.db") as store:
        for some in range(0, 2400, 120):
            await revisions(store, [fact for n in range(some, some + 120) for fact in whole(f"1.{n}", n)], 120)
    async with open_store(tmp_path / "store.db", folding=False) as store:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pbx_bridge.cli", "crm", "import", str(folder)),
            env=os.environ | {"PBX_BRIDGE_HOME": str(tmp_path)},
        )
        while not (done := len(await store.calls.page(customer="1001", limit=2400))):
            assert process.returncode is None
        process.kill()
        await process.wait()
        waited = await store.relinker.waiting()
        await store.relinker.finish()
        rows = await store.calls.page(customer="1001", limit=2400)
    assert (done < 2400, waited) == (True, 1)
    assert {row.revision for row in rows} == {2}
    assert query(tmp_path / "store.db", "SELECT COUNT(*), MAX(revision) FROM outbox") == [(4800, 2)]
