"""Targets `crm` and `cdr`: spoilt CSV files through both imports, now and then into a real store.

What is asked: a customers' file is taken whole or refused with its place; of a file of CDRs every line is a fact or
stands aside with its reason.
"""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from cdr_files import EVERY, captured_cdrs, freepbx_csv, master_csv

from fuzz.mutate import Stock
from fuzz.target import Defect, Found, Target
from pbx_bridge.calls.fact_text import decode
from pbx_bridge.errors import ImportRefused, InputError
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.cdr_import import Source, import_cdrs
from pbx_bridge.store.cdr_lines import lines_of, rows_of
from pbx_bridge.store.cdr_rows import fact_of, find_layout
from pbx_bridge.store.crm_import import import_folder
from pbx_bridge.store.crm_rows import AGENT_COLUMNS, AGENTS_FILE, COLUMNS, OPTIONAL, Batch, read_folder
from pbx_bridge.values.dates import TEHRAN

_FILES = {**COLUMNS, AGENTS_FILE: AGENT_COLUMNS}
_KEPT_EACH = 25  # of the files that are taken, one in so many goes into the store: a disk is slow
_CRM = {
    "customers.csv": 'C-1042,شرکت آریا صنعت,fa,gold,101\nC-1188,Parsa Trading,en,silver,\n۱۲۳,"Nord, ""Ltd""",,,',
    "contacts.csv": "C-1042,علی رضایی,09121234567\nC-1042,پذیرش,+98 21 8877-6655\nC-1188,Ann,۰۹۳۵۵۵۵۰۱۴۲",
    "contracts.csv": "C-1042,K-1,1404/01/01,1405/12/29,gold\nC-1188,K-2,2026-01-01,2026-12-31,",
    "tickets.csv": ",C-1042,کندی چاپگر,in_progress,1405/08/01 10:30,1405/08/27,1405/09/05,\n"
    ",C-1188,Broken,open,2026-11-01T10:00:00+03:30,,,soon",
    "agents.csv": "101,زهرا کریمی\n۱۰۲,رضا احمدی",
}
_CRM_WORDS = (
    "code", "name", "phone", "customer_code", "pin", "agent", "note", "1405/13/01", "1405/12/30", "0000-00-00",
    "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "0622/01/01", "open", "closed", "fa", "en", "+98",
    "00989", "tel:+989121234567", "C-1042", "C-9999", "1234", "101", ",,,,", "\n,,,\n", "🙂",
)  # fmt: skip
_CDR_WORDS = (
    "ANSWERED", "NO ANSWER", "BUSY", "FAILED", "calldate", "uniqueid", "linkedid", "NULL", "\\N",
    "0000-00-00 00:00:00", "2026-11-21 20:58:17", "2026-11-21 20:58:17+03:30", "9999-12-31 23:59:59", "1795294697.0",
    "pbx1-1795294697.0", "DOCUMENTATION", '"",""', "\t", "calldate,clid,src,dst", "315360000", "315360001",
)  # fmt: skip


@dataclass(slots=True)
class CrmSession:
    """A folder with one file in it, and a store that knows two customers."""

    folder: Path
    store: Store
    taken: int = 0

    async def play(self, number: int, data: bytes) -> None:
        """Read it as the file that its first line says it is."""
        path = self.folder / _file_of(data, number)
        path.write_bytes(data)
        try:
            batch = read_folder(self.folder)
            self.taken += 1
            _count(batch, data)
            if self.taken % _KEPT_EACH == 0:
                await import_folder(self.store.writer, self.folder)
        except ImportRefused as error:
            if error.path is None or "\n" in str(error):
                raise Defect(f"a refusal that helps nobody: {str(error)!r}") from error
        finally:
            path.unlink()

    async def settle(self) -> list[Found]:
        """Nothing waits."""
        return []


def _file_of(data: bytes, number: int) -> str:
    head = data.partition(b"\n")[0]
    fits = [name for name, columns in _FILES.items() if all(column.encode() in head for column in columns)]
    return fits[0] if fits else list(_FILES)[number % len(_FILES)]


def _count(batch: Batch, data: bytes) -> None:
    """The CSV reader alone says how many rows there are."""
    rows = [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")) if any(map(str.strip, row))]
    taken = sum(map(len, (batch.customers, batch.contacts, batch.contracts, batch.tickets, batch.agents)))
    if taken != max(0, len(rows) - 1):
        raise Defect(f"{len(rows) - 1} rows became {taken}")


@asynccontextmanager
async def _crm(folder: Path) -> AsyncIterator[CrmSession]:
    own = folder / "crm"
    own.mkdir()
    async with open_store(folder / "store.db", folding=False) as store:
        session = CrmSession(own, store, taken=_KEPT_EACH - 1)
        await session.play(0, _crm_seeds()[0])
        yield session


def _crm_seeds() -> list[bytes]:
    seeds = []
    for name, rows in _CRM.items():
        columns = [*_FILES[name], *(column for column in OPTIONAL.get(name, ()) if column != "pin")]
        seeds.append(f"{','.join(columns)}\n{rows}\n".encode())
    return [*seeds, b"code,name,language,tier,pin\nC-1042,Arya,fa,gold,1234\n"]


@dataclass(slots=True)
class CdrSession:
    """A file of CDRs, and a store that takes one of it now and then."""

    path: Path
    store: Store
    database: Path

    async def play(self, number: int, data: bytes) -> None:
        """Read every line; the whole import with some."""
        self.path.write_bytes(data)
        rows = self._rows()
        if rows is None or number % _KEPT_EACH == 0:
            await self._import(number, rows)

    def _rows(self) -> int | None:
        """How many rows were read; None for what is no file of CDRs."""
        with self.path.open("rb") as file:
            lines = list(lines_of(file))
            try:
                layout = find_layout([line.text for line in islice(lines, 100)])
            except ValueError:
                return None
            if layout is None:
                return None
            file.seek(0)
            rows = list(rows_of(file, layout.cells))
        if [line for row in rows for line in row.text.split("\n")] != [line.text for line in lines]:
            raise Defect("lines of the file stand in no row")
        for row in rows[layout.headed :]:
            try:
                decode(fact_of(row.cells, "n", TEHRAN)) if not row.trouble else None
            except (ValueError, OverflowError) as error:
                if not str(error):
                    raise Defect("refused without a reason") from error
        return len(rows) - layout.headed

    async def _import(self, number: int, rows: int | None) -> None:
        source = Source(path=self.path, node=f"n{number}", zone=TEHRAN)
        try:
            done = await import_cdrs(self.store.writer, self.store.journal, source, progress=lambda *_: None)
        except InputError as error:
            if rows is not None or "\n" in str(error):
                raise Defect(f"refused: {error}") from error
            return
        if rows is None or done.rows + done.bad != rows:
            raise Defect(f"{rows} rows became {done.rows} and {done.bad} set aside")

    async def settle(self) -> list[Found]:
        """What could not be folded."""
        with closing(sqlite3.connect(self.database)) as db:
            rows = db.execute("SELECT node, trouble FROM call_group WHERE trouble <> ''").fetchall()
        return [Found(number=int(node[1:]), reason=f"the call could not be folded: {why}") for node, why in rows]


@asynccontextmanager
async def _cdr(folder: Path) -> AsyncIterator[CdrSession]:
    database = folder / "store.db"
    async with open_store(database, folding=False) as store:
        yield CdrSession(folder / "cdr.csv", store, database)


def _cdr_seeds() -> list[bytes]:
    scenes = [captured_cdrs(name) for name in ("queue_answered", "attended_transfer", "ivr_only", "two_queues")]
    texts = [freepbx_csv(scene, TEHRAN) for scene in scenes] + [master_csv(scene, TEHRAN, *EVERY) for scene in scenes]
    texts += [master_csv(scenes[0], TEHRAN), freepbx_csv(scenes[1], TEHRAN, header=False)]
    return [text.encode() for text in texts]


CRM = Target(name="crm", stock=cache(lambda: Stock(seeds=_crm_seeds(), words=_in(_CRM_WORDS))), session=_crm)
CDR = Target(name="cdr", stock=cache(lambda: Stock(seeds=_cdr_seeds(), words=_in(_CDR_WORDS))), session=_cdr)


def _in(words: tuple[str, ...]) -> list[bytes]:
    return [word.encode() for word in words]
