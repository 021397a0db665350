"""`crm export`: what it writes an import takes back as it was, on both engines."""

from __future__ import annotations

import csv
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from crm_folder import import_files
from store_places import query

from pbx_bridge.errors import InputError
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.crm_export import columns_of, export_folder
from pbx_bridge.store.crm_import import import_folder
from pbx_bridge.store.database import connect
from pbx_bridge.values.dates import TEHRAN

_GIVEN = {
    "customers": '1001,"آریا، ""صنعت""",fa,gold\n1002,Parsa,,',
    "contacts": "1001,Sara,09121234567\n1002,Ann,+4930901820",
    "contracts": "1001,C-1,1404/01/01,1404/12/29,24x7",
    "tickets": "2047155,1001,No dial tone,new,2026-11-20 14:30,2026-11-21,2026-11-25\n,1002,Two,closed,2026-11-01,,",
}
_TABLES = {
    "customer": "code, name, language, tier, agent",
    "contact": "customer_code, name, phone_e164",
    "contract": "customer_code, number, starts_on, ends_on, level",
    "ticket": "tracking_number, customer_code, subject, status, created_at_us, updated_at_us, promised_on, note",
    "agent": "extension, name",
}


@pytest.fixture
async def store(place: StorePlace, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(place, folding=False) as opened:
        await import_files(opened, tmp_path, _GIVEN)
        await opened.agents.fill(["101", "102"], {"101": "زهرا"})
        yield opened


def _kept(place: StorePlace) -> dict[str, list[object]]:
    return {table: sorted(query(place, f"SELECT {columns} FROM {table}")) for table, columns in _TABLES.items()}  # noqa: S608


async def test_an_import_takes_it_back_as_it_was(store: Store, place: StorePlace, tmp_path: Path) -> None:
    target = tmp_path / "out"
    async with connect(place, reading=True) as reader:
        counts = await export_folder(reader, target, TEHRAN)
    assert list(counts.values()) == [2, 2, 1, 2, 1]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (target, *target.iterdir())} == {0o700, 0o600}
    async with open_store(tmp_path / "other.db", folding=False) as other:
        await import_folder(other.writer, target)
    before, after = _kept(place), _kept(tmp_path / "other.db")
    before["agent"] = [row for row in before["agent"] if "102" not in str(row)]  # it has no name
    assert after == before


async def test_no_cell_is_a_formula_and_what_is_there_stays(store: Store, place: StorePlace, tmp_path: Path) -> None:
    evil = "=cmd|' /C calc'!A0"
    await import_files(store, tmp_path, {"customers": f"1003,{evil},fa,@gold"})
    target = tmp_path / "out"
    async with connect(place, reading=True) as reader:
        await export_folder(reader, target, TEHRAN)
        with pytest.raises(InputError, match="is there already"):
            await export_folder(reader, target, TEHRAN)
    rows = list(csv.reader((target / "customers.csv").read_text(encoding="utf-8").splitlines()))
    assert tuple(rows[0]) == columns_of("customers.csv")
    assert rows[-1] == ["1003", f"'{evil}", "fa", "'@gold", ""]
    assert not target.with_name("out.part").exists()
