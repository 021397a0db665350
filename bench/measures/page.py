"""From a caller's hang-up to the call standing closed on a support lead's open page."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp

from bench.figure import CannotMeasure, Figure
from bench.system import System
from pbx_bridge.errors import PhoneError
from pbx_bridge.pbx.phone.phone import Phone

NAMES = ("hangup_to_page",)

_CALLS, _QUICK_CALLS = 20, 6
_SHOWN_S = 10.0
_ROW = re.compile(r'<tr id="call-(?P<call_id>[^"]+)"')
_OPEN = 'class="ticking"'  # stands in the row of a call that is not over
_STREAM = re.compile(r'"(?P<path>/calls/events\?[^"]*)"')


async def measure(system: System, quick: bool) -> Sequence[Figure]:
    """One call after the other; the slowest counts."""
    count = _QUICK_CALLS if quick else _CALLS
    system.say(f"{count} calls, watched on the page")
    async with signed_in(system) as session, _rows(session, system) as rows:
        waits = [await _one(system, system.people[number].phone, rows) for number in range(count)]
    middle = sorted(waits)[count // 2]
    note = f"the slowest of {count}, from BYE to the row on the open page; median {middle:.2f} s"
    return (Figure(name=NAMES[0], value=max(waits), unit="s", goal=1, note=note),)


async def _one(system: System, number: str, rows: asyncio.Queue[tuple[float, str]]) -> float:
    """Seconds from the BYE to the closed row."""
    try:
        async with Phone(from_number=number, display_name="Bench") as phone:
            call = await phone.call(f"sip:100@127.0.0.1:{system.sip_port}")
            # Any moment between two looks at the spool is as likely as another.
            await asyncio.sleep(random.uniform(0.6, 1.2))
            _drain(rows)
            hung_up = time.monotonic()
            await call.hang_up()
            return await _closed(rows) - hung_up
    except PhoneError as error:
        raise CannotMeasure(f"a call failed: {error}") from error


async def _closed(rows: asyncio.Queue[tuple[float, str]]) -> float:
    try:
        async with asyncio.timeout(_SHOWN_S):
            while True:
                at, row = await rows.get()
                if _ROW.search(row) and _OPEN not in row:
                    return at
    except TimeoutError:
        raise CannotMeasure(f"a call was not on the page {_SHOWN_S:g} s after its end") from None


def _drain(rows: asyncio.Queue[tuple[float, str]]) -> None:
    while not rows.empty():
        rows.get_nowait()


@asynccontextmanager
async def signed_in(system: System) -> AsyncIterator[aiohttp.ClientSession]:
    """A session of somebody who may see everything. Raises CannotMeasure."""
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address instead of a name
    async with aiohttp.ClientSession(base_url=system.url, cookie_jar=jar) as session:
        form = {"name": system.user, "password": system.password, "next": "/calls"}
        async with session.post("/sign-in", data=form, allow_redirects=False) as answer:
            if answer.status != 303:
                raise CannotMeasure(f"signing in to the page: HTTP {answer.status}")
        yield session


@asynccontextmanager
async def _rows(session: aiohttp.ClientSession, system: System) -> AsyncIterator[asyncio.Queue[tuple[float, str]]]:
    """The rows as the open page's stream brings them, each with its time."""
    rows: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
    async with session.get("/calls") as answer:
        text = (await answer.text()).replace("&amp;", "&")
    found = _STREAM.search(text)
    path = found["path"] if found else "/calls/events"
    async with session.get(path, timeout=aiohttp.ClientTimeout(total=None)) as stream:
        if stream.status != 200:
            raise CannotMeasure(f"the page's stream: HTTP {stream.status}")
        reader = asyncio.create_task(_read(stream, rows), name="bench-page")
        try:
            yield rows
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)


async def _read(stream: aiohttp.ClientResponse, rows: asyncio.Queue[tuple[float, str]]) -> None:
    data: list[str] = []
    async for raw in stream.content:
        line = raw.decode().rstrip("\r\n")
        if line.startswith("data:"):
            data.append(line[5:])
        elif not line:
            rows.put_nowait((time.monotonic(), "\n".join(data)))
            data.clear()
