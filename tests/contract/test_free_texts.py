"""Which notes and names callers may be told, from both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pbx_bridge.store import Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.crm_import import import_folder

COLUMNS = "tracking_number,customer_code,subject,status,created_at,updated_at,promised_on,note"
SINCE = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    async with open_store(place, folding=False) as opened:
        yield opened


async def import_tickets(store: Store, folder: Path, *rows: str) -> None:
    (folder / "customers.csv").write_text(
        "code,name,language,tier\n1,شرکت آزمون,fa,gold\n2,Sample Ltd,en,\n3,Sample Ltd,en,\n", encoding="utf-8"
    )
    (folder / "tickets.csv").write_text("\n".join([COLUMNS, *rows, ""]), encoding="utf-8")
    await import_folder(store.writer, folder)


def row(subject: str, status: str, changed: datetime, note: str) -> str:
    return f",1,{subject},{status},2026-01-01 10:00,{changed:%Y-%m-%d %H:%M},,{note}"


async def test_each_note_once_the_last_changed_first(store: Store, tmp_path: Path) -> None:
    await import_tickets(
        store,
        tmp_path,
        row("a", "new", SINCE, "Early"),
        row("b", "new", SINCE + timedelta(days=2), "Late"),
        row("c", "resolved", SINCE + timedelta(days=3), "Early"),
        row("d", "new", SINCE, ""),
    )
    assert await store.free_texts.notes(SINCE) == ["Early", "Late"]


async def test_notes_of_tickets_that_were_closed_long_ago_are_not_told(store: Store, tmp_path: Path) -> None:
    await import_tickets(
        store,
        tmp_path,
        row("a", "closed", SINCE - timedelta(days=1), "Long ago"),
        row("b", "closed", SINCE + timedelta(days=1), "Lately"),
        row("c", "new", SINCE - timedelta(days=200), "Open"),
    )
    assert await store.free_texts.notes(SINCE) == ["Lately", "Open"]
    await import_tickets(store, tmp_path, row("c", "new", SINCE - timedelta(days=200), "Changed"))
    assert await store.free_texts.notes(SINCE) == ["Lately", "Changed"]


async def test_each_name_once(store: Store, tmp_path: Path) -> None:
    assert await store.free_texts.names() == []
    await import_tickets(store, tmp_path)
    assert sorted(await store.free_texts.names()) == ["Sample Ltd", "شرکت آزمون"]
