"""Encrypted sounds on the page, with a real store: heard as if they were plain, named where they do not open."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from call_site import CallSite, call_site, sound_file
from store_facts import NODE, at
from web_visitor import TEHRAN

from pbx_bridge.health import LinkState
from pbx_bridge.spool.recording_commands import RecordingPlace, check_recordings
from pbx_bridge.spool.recordings import expire
from pbx_bridge.spool.sound_keys import SoundKeys
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.commands import Place
from pbx_bridge.store.recordings import RecordingState


def files_of(site: CallSite) -> list[str]:
    """Every file of the system that holds a sound."""
    trees = ("monitor", "kept", "recording", "messages-kept")
    return sorted(one.name for tree in trees for one in (site.folder / tree).rglob("*") if one.is_file())


def sounds_of(page: str) -> list[str]:
    return re.findall(r'<audio [^>]*src="([^"]+)"', page)


async def test_a_sealed_sound_is_heard_in_every_part_and_named_without_its_key(
    place: StorePlace, tmp_path: Path
) -> None:
    sound_file(tmp_path / "plain.wav")
    plain = (tmp_path / "plain.wav").read_bytes()
    async with call_site(place, tmp_path) as site:
        site.keys = SoundKeys(folder=tmp_path / "keys", seals=True, makes=True)
        call = await site.recorded()
        name = f"{NODE}_1.1"
        # A flow's message leaves its source only when its call is over; the daemon was asked for no more than that.
        assert files_of(site) == [f"{name}-01-leave.wav", f"{name}-01-leave.wav.enc", f"{name}.wav.enc"]
        address = f"/calls/{call.call_id}"
        async with site.visiting() as visitor:
            talk, message = sounds_of(await visitor.page(address))
            whole = await visitor.get(talk)
            assert (whole.status, await whole.read()) == (200, plain)
            assert whole.headers["Content-Type"] == "audio/wav"
            assert whole.headers["Accept-Ranges"] == "bytes"
            for part in (slice(0, 1), slice(40, 48), slice(63990, 64044), slice(7, 64044)):
                asked = await visitor.get(talk, Range=f"bytes={part.start}-{part.stop - 1}")
                assert (asked.status, await asked.read()) == (206, plain[part])
                assert asked.headers["Content-Range"] == f"bytes {part.start}-{part.stop - 1}/64044"
            tag = whole.headers["ETag"]
            assert (await visitor.get(talk, Range="bytes=9-", If_Range=tag)).status == 206
            assert (await visitor.get(talk, Range="bytes=9-", If_Range='"another"')).status == 200
            beyond = await visitor.get(talk, Range="bytes=64044-")
            assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */64044")
            head = await visitor.client.head(talk)
            assert (head.status, head.headers["Content-Length"]) == (200, "64044")
            assert len(await (await visitor.get(message)).read()) == 48044
            assert (await visitor.get(talk.replace(".wav", ".svg"))).status == 200
            (key,) = (tmp_path / "keys").iterdir()
            key.rename(tmp_path / "away")
            page = await visitor.page(address)
            assert page.count("The recording cannot be opened") == 2
            assert sounds_of(page) == []
            assert (await visitor.get(talk)).status == 404
            assert (await visitor.get("/calls")).status == 200
            await check_names_it(site, place, tmp_path)
            (tmp_path / "away").rename(key)
            assert len(sounds_of(await visitor.page(address))) == 2
        async for _ in expire(site.store.recordings, site.recordings, {"default": 1}, at(10 * 24 * 3600)):
            assert f"{name}.wav.enc" not in files_of(site)
        (recording,) = await site.store.recordings.of_call(call.call_id)
        assert recording.state is RecordingState.EXPIRED


async def check_names_it(site: CallSite, place: StorePlace, folder: Path) -> None:
    said: list[str] = []
    where = RecordingPlace(
        store=Place(path=place, region="IR", zone=TEHRAN),
        node=NODE,
        spool=folder / "monitor",
        kept=folder / "kept",
        keep_days={},
        keys=site.keys,
    )
    assert await check_recordings(where, said.append, since=None) == 1
    assert said[0].startswith(f"locked: {folder}/kept/")
    assert "its key" in said[0]


async def test_without_a_key_nothing_is_taken_or_lost_until_there_is_one(place: StorePlace, tmp_path: Path) -> None:
    async with call_site(place, tmp_path) as site:
        call = await site.recorded()
        (before,) = await site.store.recordings.of_call(call.call_id)
        await site.store.recordings.put(replace(before, state=RecordingState.AWAITED, path=""))
        site.recordings.drop_kept(before.path)
        sound_file(tmp_path / "monitor" / before.file)
        site.keys = SoundKeys(folder=tmp_path / "medium", seals=True)
        await site.take_recordings()
        (told,) = [link for link in site.health.links() if link.name == "recordings"]
        assert told.state is LinkState.DEGRADED
        assert "holds no key, or is not mounted" in told.detail
        assert before.file in files_of(site)
        site.keys.make()
        await site.take_recordings()
        assert (await site.store.recordings.of_call(call.call_id)) == [before], "the store knows nothing of sealing"
        assert before.file not in files_of(site)
        assert f"{before.file}.enc" in files_of(site)
