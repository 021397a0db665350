"""A real call, heard and noted on its page: the daemon as it is run, the sound as Asterisk wrote it."""

from __future__ import annotations

import asyncio
import re
import wave
from io import BytesIO

import aiohttp
import pytest
from harness.customers import ENGLISH
from harness.own_flow import two_seconds_of_talk
from harness.system import SystemUnderTest

from pbx_bridge.store import open_store
from pbx_bridge.store.audit import Sought

pytestmark = pytest.mark.asterisk

ACCOUNT = ("listener", "a fine password")
FROM_PAGE = {"Sec-Fetch-Site": "same-origin"}


async def a_talk(system: SystemUnderTest) -> str:
    """Two seconds of it; the call's id once its recording is kept."""
    caller = await two_seconds_of_talk(system, ENGLISH)
    call_id = str((await system.record_of(caller))["call_id"])
    async with asyncio.timeout(30):
        while True:
            listed = [line for line in (await system.command("recordings", "list")).splitlines() if call_id in line]
            if any("present" in line for line in listed):
                return call_id
            await asyncio.sleep(0.1)


async def test_a_call_is_heard_noted_and_followed_to_its_facts(system: SystemUnderTest) -> None:
    async with open_store(system.store, folding=False) as store:
        await store.users.create(*ACCOUNT, "lead")
    call_id = await a_talk(system)
    jar = aiohttp.CookieJar(unsafe=True)
    headers = {"Accept-Language": "en"}
    async with aiohttp.ClientSession(system.page_url, cookie_jar=jar, headers=headers) as web:
        form = dict(zip(("name", "password"), ACCOUNT, strict=True))
        assert (await web.post("/sign-in", data=form, headers=FROM_PAGE)).status == 200
        page = await (await web.get(f"/calls/{call_id}")).text()
        (source,) = re.findall(r'<audio [^>]*src="([^"]+)"', page)
        assert re.search(r'data-jump="0\.0"', page), "the talk begins where the recording begins"
        content = await (await web.get(source)).read()
        with wave.open(BytesIO(content)) as sound:
            assert sound.getnframes() / sound.getframerate() == pytest.approx(2, abs=1)
        part = await web.get(source, headers={"Range": "bytes=44-1043"})
        assert (part.status, await part.read()) == (206, content[44:1044])
        drawn = await web.get(source.replace(".wav", ".svg"))
        assert drawn.status == 200
        assert 'class="talk"' in await drawn.text()
        noted = await web.post(f"/calls/{call_id}/notes", data={"text": "نمونه"}, headers=FROM_PAGE)
        assert "نمونه" in await noted.text()
        facts = await (await web.get(f"/calls/{call_id}/facts.json")).json()
        assert {"cel", "queue", "step"} <= {fact["kind"] for fact in facts}
        table = await (await web.get(f"/calls/{call_id}/facts")).text()
        assert all(word in table for word in ("CHAN_START", "BRIDGE_ENTER", "CONNECT", "LINKEDID_END"))
    async with open_store(system.store, folding=False) as store:
        entries = await store.audit.page(Sought(about=call_id))
    assert [entry.what for entry in reversed(entries)] == ["heard", "noted", "took_facts"]
