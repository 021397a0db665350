"""A real talk with encryption on: what Asterisk writes plain is gone a moment later; the page plays it as it was."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import time
import wave
from collections.abc import AsyncIterator
from io import BytesIO

import aiohttp
import pytest
from harness.customers import ENGLISH
from harness.own_flow import two_seconds_of_talk
from harness.system import SystemUnderTest
from test_recordings_asterisk import spooled, with_recordings

from pbx_bridge.store import open_store

pytestmark = pytest.mark.asterisk

ACCOUNT = ("sealed", "a fine password")
FROM_PAGE = {"Sec-Fetch-Site": "same-origin"}
PLAIN_S = 20.0  # after the talk: 2 s until Asterisk's file is settled, the call's last facts, a turn; busy cores


@pytest.fixture
async def sealing(system: SystemUnderTest) -> AsyncIterator[SystemUnderTest]:
    """The system with encryption on, and nothing of earlier tests; the next ones find no key of it."""
    system.stop_daemon()
    for path in system.pbx.paths.monitor.iterdir():
        path.unlink()
    shutil.rmtree(system.home / "recordings-kept", ignore_errors=True)
    system.extra = {"PBX_BRIDGE_ENCRYPTION__SOUNDS": "true"}
    await system.start_daemon()
    yield system
    system.stop_daemon()
    shutil.rmtree(system.home / "secrets" / "sound-keys", ignore_errors=True)
    shutil.rmtree(system.home / "recordings-kept", ignore_errors=True)


async def test_a_talk_is_encrypted_on_disk_and_played_on_its_page(sealing: SystemUnderTest) -> None:
    system = sealing
    async with open_store(system.store, folding=False) as store:
        await store.users.create(*ACCOUNT, "lead")
    caller = await two_seconds_of_talk(system, ENGLISH)
    over, (file,) = time.monotonic(), spooled(system)
    async with asyncio.timeout(PLAIN_S):
        while spooled(system):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    print(f"plain for {time.monotonic() - over:.1f} s after the talk")
    record = await with_recordings(system, (await system.record_of(caller))["call_id"])
    (recording,) = record["recordings"]
    (sealed,) = [one for one in (system.home / "recordings-kept").rglob("*") if one.is_file()]
    assert (sealed.name, recording["state"]) == (f"{file}.enc", "present")
    assert str(sealed).endswith(f"{recording['path']}.enc")
    assert sealed.stat().st_mode & 0o077 == 0
    content = await played(system, record["call_id"])
    assert (len(content), hashlib.sha256(content).hexdigest()) == (recording["bytes"], recording["sha256"])
    assert content[:4] == b"RIFF"
    assert content[1000:1040] not in sealed.read_bytes()
    with wave.open(BytesIO(content)) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(2, abs=1)
    assert file not in await system.command("recordings", "check", check=False)
    assert "1 sounds decrypted" in await system.command("encryption", "decrypt")
    assert sealed.with_suffix("").read_bytes() == content


async def played(system: SystemUnderTest, call_id: str) -> bytes:
    """The sound as the page's player gets it, whole and in part."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(system.page_url, cookie_jar=jar) as web:
        form = dict(zip(("name", "password"), ACCOUNT, strict=True))
        assert (await web.post("/sign-in", data=form, headers=FROM_PAGE)).status == 200
        page = await (await web.get(f"/calls/{call_id}")).text()
        (source,) = re.findall(r'<audio [^>]*src="([^"]+)"', page)
        content = await (await web.get(source)).read()
        part = await web.get(source, headers={"Range": "bytes=44-1043"})
        assert (part.status, await part.read()) == (206, content[44:1044])
        assert (await web.get(source.replace(".wav", ".svg"))).status == 200
        return content
