"""The lists before many viewers: the history by every filter and by some together, what went wrong; the real site.

Fifty people, each signed in with a connection of their own, open pages of the history and look at each for some
seconds. What counts is the time from a request to the last byte of its page, on this machine.

The peer is the statement that somebody at a prompt would write for the same calls, on plain sqlite3: rows as they lie
on disk, no page. It is given up after a second; searches where either side did not come to its end are left out of
the ratio, and told. Both must find the same calls.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp

from bench.desk import Desk
from bench.figure import CannotMeasure, Figure
from bench.history import customers_of
from bench.pages_asked import Asked
from bench.pages_bare import LIMIT_S, Bare
from bench.pages_site import NOW, site_on, viewers
from bench.process import cpu_s, waited_s
from pbx_bridge.store import CallBook, PageKey, open_store
from pbx_bridge.values.dates import TEHRAN
from pbx_bridge.web.history import filters

NAMES = ("page_list_ms", "page_list_to_bare_sql")

VIEWERS = 50
PAGE = 50
_LOOKS_S = (2.0, 6.0)  # at a page, before the next one is opened
_LASTS_S, _QUICK_LASTS_S = 120.0, 25.0
_EACH, _QUICK_EACH = 25, 6  # searches of each kind beside the peer
_SHARE = 0.99
_NAMED = 8  # customers that a name may mean, as the page has it


async def measure(desk: Desk) -> Sequence[Figure]:
    """The crowd, then one search after the other beside the peer."""
    folder = await desk.history()
    return await _crowd(desk, folder), await _to_bare(desk, folder)


async def _crowd(desk: Desk, folder: Path) -> Figure:
    lasts_s = _QUICK_LASTS_S if desk.quick else _LASTS_S
    took: dict[str, list[float]] = {}
    async with site_on(folder) as (address, pid), viewers(address, VIEWERS) as crowd:
        desk.say(f"{VIEWERS} viewers of the history, for {lasts_s:g} s")
        await _warm_up(crowd[0], Asked(customers_of(desk.calls), seed=1))
        customers = customers_of(desk.calls)
        asked = [Asked(customers, seed=number + 2) for number in range(VIEWERS)]
        until, used_s, waited = time.monotonic() + lasts_s, cpu_s(pid), waited_s(pid)
        await asyncio.gather(*(_look(*one, until, took) for one in zip(crowd, asked, strict=True)))
        used_s, waited = cpu_s(pid) - used_s, waited_s(pid) - waited
    times = sorted(one for some in took.values() for one in some)
    by_kind = {kind: round(_quantile(sorted(some), _SHARE), 1) for kind, some in sorted(took.items())}
    worst = max(by_kind, key=lambda kind: by_kind[kind])
    note = (
        f"p99 of {len(times)} pages of {desk.calls:,} calls, {len(times) / lasts_s:.0f} a second; median "
        f"{_quantile(times, 0.5):.1f} ms, slowest {times[-1]:.0f}; the worst kind is {worst}, {by_kind[worst]} ms; "
        f"{used_s / len(times) * 1000:.1f} ms of CPU a page, and "
        f"{waited / len(times) * 1000:.1f} of waiting for one"
    )
    return Figure(
        name=NAMES[0], value=_quantile(times, _SHARE), unit="ms", goal=100, note=note, detail={"p99_of_kind": by_kind}
    )


async def _warm_up(session: aiohttp.ClientSession, asked: Asked) -> None:
    """Templates are compiled when they are first used, by whoever comes first after a start."""
    for kind in asked.lists:
        await _open(session, asked.one(kind))


async def _look(session: aiohttp.ClientSession, asked: Asked, until: float, took: dict[str, list[float]]) -> None:
    chance = random.Random()
    await asyncio.sleep(chance.uniform(0, _LOOKS_S[1]))
    kinds = list(asked.lists)
    while time.monotonic() < until:
        # A person narrows down more often than not.
        kind = "together" if chance.random() < 0.3 else chance.choice(kinds)
        took.setdefault(kind, []).append(await _open(session, asked.one(kind)))
        await asyncio.sleep(chance.uniform(*_LOOKS_S))


async def _open(session: aiohttp.ClientSession, path: str) -> float:
    """Milliseconds until the page was there. A name that fits many customers is answered with a form: 400."""
    begun = time.perf_counter()
    async with session.get(path) as answer:
        await answer.read()
        if answer.status not in (200, 400) or answer.url.path != urlsplit(path).path:
            raise CannotMeasure(f"{path}: HTTP {answer.status} of {answer.url.path}")
    return (time.perf_counter() - begun) * 1000


@dataclass(slots=True)
class Beside:
    """Searches of ours and of the peer, in milliseconds, and those that say nothing of each other."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    found: int = 0
    cut: int = 0
    given_up: int = 0


async def _to_bare(desk: Desk, folder: Path) -> Figure:
    each = _QUICK_EACH if desk.quick else _EACH
    path, asked, beside = folder / "store.db", Asked(customers_of(desk.calls), seed=99), Beside()
    async with open_store(path, folding=False, zone=TEHRAN) as store:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            for kind in asked.kinds:
                desk.say(f"{each} searches beside the bare SQL: {kind}")
                for _ in range(each):
                    await both(store.calls, Bare(db), kind, asked.one(kind), beside)
    return _ratio(beside)


async def both(calls: CallBook, bare: Bare, kind: str, path: str, beside: Beside) -> None:
    """One search of ours, and the peer's. Raises CannotMeasure when they do not find the same calls."""
    query = dict(parse_qsl(urlsplit(path).query))
    search = filters.read(query, TEHRAN, NOW, persian=True)
    customers: tuple[str, ...] | None = None
    for name in search.named:
        customers = tuple(code for code, _ in await calls.customers_named(name, _NAMED))
    if customers == () or search.errors:
        return
    wanted, places = search.wanted(customers), {}
    for way in ("before", "after"):
        if way in query:
            places[way] = PageKey.parse(query[way])
    begun = time.perf_counter()
    found = await calls.search(wanted, **places, limit=PAGE)
    took_ms = (time.perf_counter() - begun) * 1000
    ids, bare_ms = bare.ids(wanted, places.get("before"), places.get("after"), PAGE + 1)
    if ids is None:
        beside.given_up += 1
    elif found.cut:
        beside.cut += 1
    else:
        beside.ours.append(took_ms)
        beside.bare.append(bare_ms)
        beside.kinds.append(kind)
        beside.found += len(found.lines)
        ours = [line.call_id for line in found.lines]
        if ours != (ids[:PAGE] if "after" not in places else ids[-PAGE:]):
            raise CannotMeasure(f"{path}: not the calls that the bare SQL finds")


def _ratio(beside: Beside) -> Figure:
    ours, bare = sorted(beside.ours), sorted(beside.bare)
    pairs = list(zip(beside.ours, beside.bare, strict=True))
    more = sorted(mine - theirs for mine, theirs in pairs)
    value, peer = _quantile(ours, _SHARE), _quantile(bare, _SHARE)
    note = (
        f"p99 of {len(ours)} searches by the peer's; medians {_quantile(ours, 0.5):.2f} and "
        f"{_quantile(bare, 0.5):.2f} ms, ours takes {_quantile(more, 0.5):.2f} ms more at the median; both found the "
        f"same calls. Left out: "
        f"{beside.given_up} that the peer did not end in {LIMIT_S:g} s, {beside.cut} that ours ended early"
    )
    detail: dict[str, Any] = {"ours_p99_ms": round(value, 2), "bare_p99_ms": round(peer, 2)}
    for kind in dict.fromkeys(beside.kinds):
        some = [times for times, which in zip(pairs, beside.kinds, strict=True) if which == kind]
        middles = (_quantile(sorted(one), 0.5) for one in zip(*some, strict=True))
        detail[kind] = [round(middle, 2) for middle in middles]  # of ours and of the peer
    return Figure(name=NAMES[1], value=value / peer, unit="x", goal=2, note=note, detail=detail)


def _quantile(some: Sequence[float], share: float) -> float:
    """Of sorted values."""
    return some[min(len(some) - 1, int(len(some) * share))]
