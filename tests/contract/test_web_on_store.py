"""The site on the real store: an account signs in, and a call that ends is on its page within a second."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from aiohttp import ClientSession, CookieJar
from store_facts import NODE, begun, ended, quick_store, whole

from pbx_bridge.calls.call import call_id
from pbx_bridge.health import Health
from pbx_bridge.web.server import serve
from pbx_bridge.web.site import SiteParts, make_site


async def test_a_call_is_on_the_page_within_a_second_of_its_end(tmp_path: Path) -> None:
    health = Health()
    async with quick_store(tmp_path / "s.db", health) as store:
        await store.users.create("lead", "a fine password", "lead")
        site = make_site(
            SiteParts(
                health=health,
                calls=store.calls,
                users=store.users,
                session_key=b"k" * 32,
                zone=ZoneInfo("Asia/Tehran"),
            )
        )
        await store.journal.add(whole("1.1", -60))
        async with (
            serve(site, "127.0.0.1", 0) as address,
            ClientSession(address, cookie_jar=CookieJar(unsafe=True), headers={"Accept-Language": "en"}) as session,
        ):
            wrong = await session.post("/sign-in", data={"name": "lead", "password": "another password"})
            assert wrong.status == 401
            right = await session.post("/sign-in", data={"name": "lead", "password": "a fine password"})
            assert right.status == 200
            mark = (await (await session.get("/calls")).text()).partition("mark=")[2].partition('"')[0]
            stream = await session.get("/calls/events", params={"mark": mark})
            await store.journal.add(begun("1.2"))
            began = time.monotonic()
            await store.journal.add(ended("1.2"))
            told, this = "", f"call-{call_id(NODE, '1.2')}"
            async with asyncio.timeout(10):
                while this not in told or "0:30" not in told.rpartition(this)[2]:
                    told += (await stream.content.readline()).decode()
            assert time.monotonic() - began < 1
            stream.close()
            page = await (await session.get("/calls")).text()
            assert page.count('<tr id="call-') == 2
            assert (await session.get(f"/calls/{call_id(NODE, '1.2')}")).status == 200
            bad = await session.get("/calls", params={"before": "9" * 18 + ".\x00'; drop table call"})
            assert bad.status == 200
