"""What the store's commands do, beside a daemon that may run: each opens the store, does its work and closes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from pbx_bridge.errors import InputError, StoreError
from pbx_bridge.health import utc_now
from pbx_bridge.store.call_body import call_json
from pbx_bridge.store.calls_text import heading, parse_since, table_line
from pbx_bridge.store.crm_import import import_folder
from pbx_bridge.store.open import Store, open_store
from pbx_bridge.store.writer import Limits

_LIMITS = Limits(window_s=0.0, patience_s=10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the store is, and whose numbers and times of day are meant."""

    path: Path
    region: str
    zone: ZoneInfo

    def open(self) -> AbstractAsyncContextManager[Store]:
        """The store, made if it is not there; the daemon goes on folding."""
        return open_store(self.path, folding=False, region=self.region, limits=_LIMITS)

    def open_existing(self) -> AbstractAsyncContextManager[Store]:
        """The store. Raises StoreError when there is none: an empty answer would hide a wrong path."""
        if not self.path.exists():
            raise StoreError(f"{self.path}: there is no store yet; PBX_BRIDGE_HOME says where it is looked for")
        return self.open()


async def import_lines(place: Place, folder: Path) -> list[str]:
    """Import a folder; what to tell its owner. Raises ImportRefused, StoreError."""
    async with place.open() as store:
        done = await import_folder(store.writer, folder, zone=place.zone, region=place.region)
    lines = [
        f"{one.path}:{one.line}: tracking number {one.tracking_number}{'' if one.new else ' (as before)'}"
        for one in done.numbered
    ]
    counts = (
        f"{done.customers} customers, {done.contacts} contacts, {done.contracts} contracts, {done.tickets} tickets"
    )
    return [*lines, f"imported: {counts}"]


async def show_calls(
    place: Place, show: Callable[[str], None], *, as_json: bool, since: str | None, limit: int | None
) -> None:
    """Show calls newest first, as JSON lines or as a table. Raises InputError, StoreError."""
    try:
        start = None if since is None else parse_since(since, utc_now(), place.zone)
    except (ValueError, OverflowError) as error:
        raise InputError(f"--since: {error}") from error
    async with place.open_existing() as store:
        if not as_json:
            show(heading())
        async for row in store.calls.since(start, limit):
            show(json.dumps(call_json(row), ensure_ascii=False) if as_json else table_line(row, place.zone))


async def add_user(place: Place, name: str, password: str, role: str) -> None:
    """A new user. Raises StoreError."""
    async with place.open() as store:
        await store.users.create(name, password, role)


async def set_password(place: Place, name: str, password: str) -> None:
    """A new password for a user. Raises StoreError."""
    async with place.open_existing() as store:
        await store.users.set_password(name, password)


async def user_lines(place: Place) -> list[str]:
    """Every user with the role, a line each. Raises StoreError."""
    async with place.open_existing() as store:
        return [f"{user.name}\t{user.role}" for user in await store.users.list()]
