"""A site whose contracts and callbacks are those of a real store, and its visitor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from crm_folder import import_files
from demo_history import NOON
from store_facts import QUICK
from web_visitor import NAME, TEHRAN, Parts, Visitor, visiting

from pbx_bridge.store import Role, Store, open_store
from pbx_bridge.web.callbacks.ports import CallbackParts
from pbx_bridge.web.contracts.ports import ContractParts

# On 1405/08/30: two that end within six months, one that ends later, one that ended, one that has not begun.
CRM = {
    "customers": "C-1042,شرکت آریا صنعت,fa,gold\nC-1007,بیمارستان مهر,fa,silver\nC-1188,Parsa Trading,en,",
    "contacts": "C-1042,علی رضایی,09121234567\nC-1007,پذیرش,02188776655",
    "contracts": "C-1042,A-17,1405/01/01,1405/12/29,gold\nC-1007,M/9 ب,1404/10/01,1405/09/30,silver\n"
    "C-1188,P-1,1405/01/01,1406/12/29,basic\nC-1188,P-0,1402/01/01,1403/12/30,basic\n"
    "C-1007,M-10,1405/10/01,1406/09/30,silver",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalSite:
    """The visitor, and what stands behind the site."""

    visitor: Visitor
    store: Store
    parts: Parts


@asynccontextmanager
async def renewal_parts(
    folder: Path,
    *,
    role: Role = Role.ADMIN,
    extension: str = "101",
    queues: Collection[str] | None = None,
    crm: Mapping[str, str] = CRM,
    now: datetime = NOON,
) -> AsyncIterator[tuple[Store, Parts]]:
    """The store, and the parts of a site on it. Whoever signs in is called `lead`; there is another, `zahra`."""
    parts, path = Parts(now=now), folder / "s.db"
    async with open_store(path, folding=False, limits=QUICK, zone=TEHRAN, clock=lambda: parts.now) as store:
        await import_files(store, folder, crm)
        parts.contracts = ContractParts(book=store.contracts, dials=store.dials)
        parts.callbacks = CallbackParts(book=store.callbacks, customers=store.crm, queues_of=lambda _: queues)
        parts.agent_desk = replace(parts.agent_desk, handed=store.callbacks)
        parts.users.roles[NAME], parts.users.extensions[NAME] = role, extension
        await parts.users.create("zahra", "a fine password", Role.AGENT)
        yield store, parts


@asynccontextmanager
async def renewal_site(folder: Path, **told: Any) -> AsyncIterator[RenewalSite]:
    """The same, served in memory to a visitor."""
    async with renewal_parts(folder, **told) as (store, parts), visiting(parts) as visitor:
        yield RenewalSite(visitor=visitor, store=store, parts=parts)


def field_of(page: str, name: str) -> str:
    """The value of a hidden field."""
    return page.split(f'name="{name}" value="')[1].split('"')[0]
