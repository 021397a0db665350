"""The real site on a store of the history, in a process of its own, as the daemon would serve it; its viewers.

`python -m bench.pages_site STORE` serves until its standard input ends, and writes its address first.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, time, timedelta
from pathlib import Path

import aiohttp

from bench.big_store import LAST_DAY
from bench.figure import CannotMeasure
from bench.history import PASSWORD, USER
from pbx_bridge.calls.targets import Targets
from pbx_bridge.health import Health, LinkState
from pbx_bridge.store import Store, open_store
from pbx_bridge.values.dates import TEHRAN
from pbx_bridge.web.admin.site import AccountParts
from pbx_bridge.web.board.ports import BoardParts
from pbx_bridge.web.reports.pages import ReportParts
from pbx_bridge.web.server import serve
from pbx_bridge.web.site import SiteParts, make_site

NOW = datetime.combine(LAST_DAY, time(18), TEHRAN)  # of whoever looks: the last day of the history is over

_BEGINS_S = 60.0
_ENDS_S = 10.0


def parts_on(store: Store, health: Health) -> SiteParts:
    """What the site is made of, as the daemon does it; the pages of one call and of the flow are not measured."""
    return SiteParts(
        health=health,
        calls=store.calls,
        users=store.users,
        audit=store.audit,
        views=store.views,
        accounts=AccountParts(sessions=store.sessions, tokens=store.tokens),
        agents=store.agents,
        shortfalls=store.gaps,
        desk=store.desk,
        session_key=bytes(32),
        zone=TEHRAN,
        clock=lambda: NOW,
        board=BoardParts(tallies=store.reports),
        reports=ReportParts(source=store.reports, moments=store.moments, targets=Targets()),
    )


async def _serve(path: Path) -> None:
    health = Health(clock=lambda: NOW - timedelta(hours=2))
    for link in ("ari", "ami", "spool", "store"):
        health.report(link, LinkState.UP)
    async with (
        open_store(path, health, folding=False, zone=TEHRAN, clock=lambda: NOW) as store,
        serve(make_site(parts_on(store, health)), "127.0.0.1", 0) as address,
    ):
        gc.freeze()  # as the daemon does, or each hundredth page waits for a look at all that the start has made
        print(address, flush=True)
        await asyncio.to_thread(sys.stdin.read)


@asynccontextmanager
async def site_on(folder: Path) -> AsyncIterator[tuple[str, int]]:
    """The site's address and process id, for as long as the context lasts. Raises CannotMeasure."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.pages_site", str(folder / "store.db")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_BEGINS_S):
            while not (line := (await process.stdout.readline()).decode().strip()).startswith("http"):
                if not line and process.stdout.at_eof():
                    raise CannotMeasure("the site ended before it began")
        yield line, process.pid
    except TimeoutError:
        raise CannotMeasure(f"the site did not begin within {_BEGINS_S:g} s") from None
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _ENDS_S)
    except TimeoutError:
        process.kill()
        await process.wait()


@asynccontextmanager
async def viewers(address: str, count: int) -> AsyncIterator[Sequence[aiohttp.ClientSession]]:
    """So many people who are signed in, each with a session and a connection of their own. Raises CannotMeasure."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(_signed_in(address)) for _ in range(count)]


@asynccontextmanager
async def _signed_in(address: str) -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address instead of a name
    headers = {"Accept-Language": "fa"}
    async with aiohttp.ClientSession(address, cookie_jar=jar, headers=headers) as session:
        form = {"name": USER, "password": PASSWORD, "next": "/calls"}
        async with session.post("/sign-in", data=form, allow_redirects=False) as answer:
            if answer.status != 303:
                raise CannotMeasure(f"signing in to the page: HTTP {answer.status}")
        yield session


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
