"""What the store's commands do, beside a daemon that may run: each opens the store, does its work and closes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pbx_bridge.calls.promises import Promises
from pbx_bridge.errors import InputError, StoreError
from pbx_bridge.process import lives
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.announce import CallRow
from pbx_bridge.store.call_body import call_json
from pbx_bridge.store.callbacks_rules import Retry
from pbx_bridge.store.calls_text import heading, moment_of, table_line
from pbx_bridge.store.cdr_import import Progress, Source, import_cdrs
from pbx_bridge.store.crm_export import export_folder
from pbx_bridge.store.crm_import import import_folder
from pbx_bridge.store.database import connect
from pbx_bridge.store.open import Store, open_store
from pbx_bridge.store.writer import Limits
from pbx_bridge.values.number_rules import PLAIN, NumberRules

_TURN_S = 0.05  # a long job's pause between transactions, in which the daemon gets its turn
_NODE = re.compile(r"[A-Za-z0-9_-]{1,32}")  # as the setting pbx.systemname
_LIMITS = Limits(window_s=0.0, patience_s=10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the store is, and whose numbers and times of day are meant.

    Attributes:
        daemon_pid: the daemon's pid file.
        numbers, long_wait_s, promises, retry: see open_store.
    """

    path: StorePlace
    region: str
    zone: ZoneInfo
    numbers: NumberRules = PLAIN
    daemon_pid: Path | None = None
    long_wait_s: int = 180
    promises: Promises | None = None
    retry: Retry | None = None

    @property
    def has_daemon(self) -> bool:
        """A daemon works on this store: what is left to do can be left to it."""
        try:
            pid = int(self.daemon_pid.read_text()) if self.daemon_pid else 0
        except (OSError, ValueError):
            return False
        return pid > 0 and lives(pid)

    def open(self) -> AbstractAsyncContextManager[Store]:
        """The store, made if it is not there; the daemon goes on folding."""
        return open_store(
            self.path,
            folding=False,
            region=self.region,
            numbers=self.numbers,
            zone=self.zone,
            long_wait_s=self.long_wait_s,
            limits=_LIMITS,
            promises=self.promises,
            retry=self.retry,
        )

    def open_existing(self) -> AbstractAsyncContextManager[Store]:
        """The store. Raises StoreError when there is none: an empty answer would hide a wrong path."""
        if isinstance(self.path, Path) and not self.path.exists():
            raise StoreError(f"{self.path}: there is no store yet; PBX_BRIDGE_HOME says where it is looked for")
        return self.open()


async def import_lines(
    place: Place, folder: Path, *, all_contacts: bool = False, progress: Progress | None = None
) -> list[str]:
    """Import a folder; what to tell its owner. Raises ImportRefused, StoreError."""
    async with place.open() as store:
        done = await import_folder(
            store.writer, folder, zone=place.zone, region=place.region, all_contacts=all_contacts
        )
        if not place.has_daemon:
            await store.relinker.finish(progress)
    lines = [
        f"{one.path}:{one.line}: tracking number {one.tracking_number}{'' if one.new else ' (as before)'}"
        for one in done.numbered
    ]
    counts = (
        f"{done.customers} customers, {done.contacts} contacts, {done.contracts} contracts, {done.tickets} tickets"
    )
    counts += f", {done.agents} agents" if done.agents else ""
    counts += f"; {done.removed} contacts removed" if done.removed else ""
    counts += f"; {done.merged} customers passed over, who were merged into others" if done.merged else ""
    return [*lines, f"imported: {counts}"]


async def export_lines(place: Place, folder: Path) -> list[str]:
    """Export the CRM into a new folder; what to tell its owner. Raises InputError, StoreError."""
    async with place.open_existing(), connect(place.path, reading=True) as reader:
        counts = await export_folder(reader, folder, place.zone)
    return [f"written into {folder}: {', '.join(f'{count} in {name}' for name, count in counts.items())}"]


async def import_calls(
    place: Place,
    say: Callable[[str], None],
    file: Path,
    *,
    node: str,
    zone: str | None,
    format: str | None,
    progress: Progress,
) -> bool:
    """Import CDRs of before our time; True when every row could be read. Raises InputError, StoreError."""
    if not _NODE.fullmatch(node):
        raise InputError(f"--node: {node!r} is no name of a PBX: letters, digits, - and _, at most 32")
    source = Source(path=file, node=node, zone=_zone(zone) if zone else place.zone, format=format)
    async with place.open() as store:
        pause_s = _TURN_S if place.has_daemon else 0.0
        done = await import_cdrs(store.writer, store.journal, source, progress=progress, pause_s=pause_s)
    say(f"{file}: {done.rows} rows read; {done.calls} calls are new, {done.changed} changed")
    if done.skew:
        say(f"{file}: most times are {done.skew.total_seconds() / 3600:+g} h off what the ids say: look at --zone")
    if done.bad:
        say(f"{file}: {done.bad} rows could not be read and were kept aside:")
        for place_and_reason in done.first_bad:
            say(f"{file}:{place_and_reason}")
    return not done.bad


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f"--zone: no time zone is called {name!r}") from error


async def show_calls(
    place: Place, show: Callable[[str], None], *, as_json: bool, since: str | None, limit: int | None
) -> None:
    """Show calls newest first, as JSON lines or as a table. Raises InputError, StoreError."""
    start = moment_of(since, place.zone)
    async with place.open_existing() as store:
        if not as_json:
            show(heading())
            async for lines in store.calls.line_chunks(start, limit):
                for line in lines:
                    show(table_line(line, place.zone))
            return
        async for rows in store.calls.chunks(start, limit):
            for text in await _json_lines(store, rows):
                show(text)


async def _json_lines(store: Store, rows: Sequence[CallRow]) -> list[str]:
    recordings = await store.recordings.of_calls([row.call for row in rows])
    told = await store.wrap_ups.of_calls([row.call.call_id for row in rows])
    return [
        json.dumps(
            call_json(row, recordings.get(row.call.call_id, ()), told.get(row.call.call_id, ())), ensure_ascii=False
        )
        for row in rows
    ]
