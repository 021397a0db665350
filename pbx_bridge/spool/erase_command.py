"""What `pbx-bridge erase` does, beside a daemon that may run: the store has a person's rows, the files go here."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pbx_bridge.errors import InputError, StoreError
from pbx_bridge.spool.recording_files import RecordingFiles
from pbx_bridge.store.commands import Place
from pbx_bridge.store.database import Db, connect
from pbx_bridge.store.erasure import Asked, Done, Found, SoundFile
from pbx_bridge.store.open import Store

Show = Callable[[str], None]
Progress = Callable[[int, int, str], None]

_STAYS = (
    "What stays, and why:",
    "  that each call was, when, how long and how it ended: it is counted, and nobody's without the rest",
    "  a customer's code, contracts and tickets without their texts: others hang on them, the books need them",
    "  who of ours did what and when, in the audit log: without the person's number and name",
    "What this cannot reach:",
    "  Asterisk's own files (CEL, queue_log, CDR, voicemail): its log rotation; ours go after spool.keep_days",
    "  backups, exports and copies made before; the CRM from which customers are imported",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasePlace:
    """The store, and for recordings and for messages Asterisk's folder and ours."""

    store: Place
    recordings: RecordingFiles
    messages: RecordingFiles


async def erase(
    place: ErasePlace,
    show: Show,
    looked: Progress,
    erased: Progress,
    *,
    customer: str,
    number: str,
    by: str,
    dry_run: bool,
    vacuum: bool = False,
    sure: Callable[[], None] = lambda: None,
) -> bool:
    """Erase a customer or a number; with `dry_run` only say what there is. True when nothing is left.

    Args:
        looked, erased: told of groups of facts looked through, and of calls erased.
        by: whom the audit log names.
        vacuum: write SQLite's file anew in the end.
        sure: called before anything is changed, once it was shown; it raises to have nothing done.

    Raises InputError, StoreError, and what `sure` raises.
    """
    if vacuum and not isinstance(place.store.path, Path):
        raise InputError("--vacuum is for a SQLite file; on a PostgreSQL server let its owner run VACUUM FULL")
    async with place.store.open_existing() as store:
        erasure = store.erasure
        asked = await (erasure.of_customer(customer) if customer else erasure.of_number(number))
        there = await erasure.look(asked, lambda done, total: looked(done, total, ""))
        for line in _told(asked, there, dry_run=dry_run):
            show(line)
        if dry_run:
            return True
        sure()
        async with _interrupted(show):
            done = await _run(place, store, asked, there, by, erased)
        again = there.under_way + len(done.left)
    if isinstance(place.store.path, Path):
        await _scrub(place.store.path, vacuum=vacuum)
    for line in _outcome(there, done):
        show(line)
    return not again


async def _run(place: ErasePlace, store: Store, asked: Asked, there: Found, by: str, erased: Progress) -> Done:
    async def drop(file: SoundFile) -> None:
        await asyncio.to_thread(_drop, place, file)

    return await store.erasure.run(asked, there, drop, by, lambda done, total: erased(done, total, ""))


def _drop(place: ErasePlace, file: SoundFile) -> None:
    files = place.messages if file.is_message else place.recordings
    try:
        if file.path:
            files.drop_kept(file.path)
        files.drop_source(file.file)
    except OSError as error:
        reason = f"{error.strerror or error}: it is still there; what was done stands, run it again"
        raise InputError(reason, path=error.filename or file.file) from error


@asynccontextmanager
async def _interrupted(show: Show) -> AsyncIterator[None]:
    try:
        yield
    except asyncio.CancelledError:
        show("interrupted; what was done stands: run it again for the rest")
        raise


async def _scrub(path: Path, *, vacuum: bool) -> None:
    """What was let go of is overwritten in the file by now; here also in its journal, unless a daemon reads that.

    Only a file written anew has nothing in its free pages of what was let go of earlier.
    """

    def work(db: Db) -> None:
        if vacuum:
            db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    async with connect(path) as database:
        try:
            await database.run(work)
        except sqlite3.Error as error:
            raise StoreError(f"{path}: all is erased, but the file could not be written anew: {error}") from error


def _told(asked: Asked, there: Found, *, dry_run: bool) -> list[str]:
    rows = ", ".join(f"{count} of {table}" for table, count in there.rows.items() if count)
    of = f"customer {asked.code}" if asked.code else "the number"
    lines = [
        f"{of}: {len(there.groups)} calls, {there.files} recordings and messages"
        f"{f', rows: {rows}' if rows else ''} {'would' if dry_run else 'will'} be erased",
    ]
    if there.others:
        whose = f"customer {', '.join(there.others)}"
        lines.append(f"the number is also a contact of {whose}, whose name and tickets stay: --customer erases them")
    return [*lines, *_STAYS]


def _outcome(there: Found, done: Done) -> list[str]:
    lines = [f"erased: {done.calls} calls, {done.files} files, {done.rows} rows"]
    if there.under_way:
        lines.append(f"{there.under_way} calls are under way and were left: run it again when they are over")
    if done.left:
        lines.append(
            f"{len(done.left)} calls still hold something, as they cannot be folded anew: {', '.join(done.left[:10])}"
        )
    return lines
