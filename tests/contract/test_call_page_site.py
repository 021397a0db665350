"""One call's page on a real store: what is heard, noted, linked and downloaded, by whom, and that it is logged."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest
from call_site import AGENT, HOSTILE, READER, SARA, CallSite, call_site
from crm_folder import import_files
from store_facts import NODE, begun, cel, ended, step, whole
from web_visitor import NAME, Visitor

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.store.address import StorePlace

_KEY = re.compile(r'name="key" value="[^"]+"')  # of the form of calls by a click: new on every page


@pytest.fixture
async def site(place: StorePlace, tmp_path: Path) -> AsyncIterator[CallSite]:
    async with call_site(place, tmp_path) as found:
        yield found


def sounds_of(page: str) -> list[str]:
    return re.findall(r'<audio [^>]*src="([^"]+)"', page)


# --- hearing ---


async def test_a_talk_and_a_message_can_be_heard_whole_and_in_part(site: CallSite) -> None:
    call = await site.recorded()
    async with site.visiting() as visitor:
        page = await visitor.page(f"/calls/{call.call_id}")
        talk, message = sounds_of(page)
        assert (">0:04<" in page, ">0:03<" in page) == (True, True)
        whole_file = await visitor.get(talk)
        content = await whole_file.read()
        assert (whole_file.status, len(content)) == (200, 64044)
        assert content[:4] == b"RIFF"
        assert whole_file.headers["Content-Type"] == "audio/wav"
        assert whole_file.headers["Cache-Control"] == "private, no-store"
        assert whole_file.headers["Accept-Ranges"] == "bytes"
        part = await visitor.get(talk, Range="bytes=100-199")
        assert (part.status, await part.read()) == (206, content[100:200])
        assert part.headers["Content-Range"] == "bytes 100-199/64044"
        last = await visitor.get(talk, Range="bytes=-44")
        assert (last.status, await last.read()) == (206, content[-44:])
        assert (await visitor.get(talk, Range="bytes=64044-")).status == 416
        assert len(await (await visitor.get(message)).read()) == 48044


async def test_a_sitting_is_logged_once_and_each_taking_away(site: CallSite) -> None:
    call = await site.recorded()
    async with site.visiting() as visitor:
        talk, _ = sounds_of(await visitor.page(f"/calls/{call.call_id}"))
        assert await site.log() == []  # to see the page is not to hear it
        for start in (0, 1000, 2000):
            assert (await visitor.get(talk, Range=f"bytes={start}-")).status == 206
        assert (await visitor.client.head(talk)).status == 200
        heard = (NAME, "heard", call.call_id)
        assert await site.log() == [heard]
        site.later(minutes=29)
        await visitor.get(talk)
        site.later(minutes=29)
        await visitor.get(talk)
        assert await site.log() == [heard]
        site.later(minutes=30)
        await visitor.get(talk)
        assert await site.log() == [heard, heard]
        for _ in range(2):
            taken = await visitor.get(f"{talk}?take=1")
            assert taken.headers["Content-Disposition"] == f'attachment; filename="{NODE}_1.1.wav"'
        assert await site.log() == [heard, heard, *[(NAME, "took_sound", call.call_id)] * 2]


async def test_what_is_not_there_says_so_and_cannot_be_asked_for(site: CallSite) -> None:
    call = await site.recorded()
    (recording,) = await site.store.recordings.of_call(call.call_id)
    async with site.visiting() as visitor:
        talk, _ = sounds_of(await visitor.page(f"/calls/{call.call_id}"))
        site.recordings.kept(recording.path).unlink()
        page = await visitor.page(f"/calls/{call.call_id}")
        assert "its file is gone" in page
        assert len(sounds_of(page)) == 1
        assert (await visitor.get(talk)).status == 404
        assert (await visitor.get(talk.replace(".wav", ".svg"))).status == 204
        assert await site.log() == []


@pytest.mark.parametrize("key", ["0" * 16, "../../../etc/passwd", "%2e%2e%2fetc", "x" * 16, f"{NODE}_1.1"])
async def test_no_address_leads_to_another_file(site: CallSite, key: str) -> None:
    call = await site.recorded()
    async with site.visiting() as visitor:
        assert (await visitor.get(f"/calls/{call.call_id}/sounds/{key}.wav")).status == 404


async def test_no_link_is_followed_out_of_the_folder(site: CallSite, tmp_path: Path) -> None:
    call = await site.recorded()
    (recording,) = await site.store.recordings.of_call(call.call_id)
    place = site.recordings.kept(recording.path)
    elsewhere = tmp_path / "secret"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    async with site.visiting() as visitor:
        talk, _ = sounds_of(await visitor.page(f"/calls/{call.call_id}"))
        assert (await visitor.get(talk)).status == 404
        assert (await visitor.get(talk.replace(".wav", ".svg"))).status == 204
        assert await site.log() == []


async def test_a_sound_of_another_call_is_not_this_ones(site: CallSite) -> None:
    one, other = await site.recorded("1.1"), await site.recorded("1.2", "09351112233", 100.0)
    async with site.visiting() as visitor:
        talk, _ = sounds_of(await visitor.page(f"/calls/{one.call_id}"))
        assert (await visitor.get(talk.replace(one.call_id, other.call_id))).status == 404


async def test_the_waveform_is_drawn_and_a_damaged_file_has_none(site: CallSite) -> None:
    call = await site.recorded()
    (recording,) = await site.store.recordings.of_call(call.call_id)
    place = site.recordings.kept(recording.path)
    async with site.visiting() as visitor:
        talk, _ = sounds_of(await visitor.page(f"/calls/{call.call_id}"))
        content = place.read_bytes()
        place.write_bytes(b"\xff" * len(content))
        drawn = talk.replace(".wav", ".svg")
        assert (await visitor.get(drawn)).status == 204
        assert (await visitor.get(talk)).status == 200  # it is heard as it is
        place.write_bytes(content)
        svg = await visitor.get(drawn)
        assert svg.status == 200
        assert svg.headers["Content-Type"].startswith("image/svg+xml")
        assert (await svg.text()).count('class="wave"') == 1


# --- who may ---


async def agents_call(site: CallSite, channel: str, phone: str) -> str:
    """A call that rang and was answered by a phone."""
    facts = [
        *begun(channel),
        cel("CHAN_START", f"{channel}0", 2.0, linkedid=channel),
        *ended(channel),
    ]
    made = facts[2]
    body = made.body.replace(f"PJSIP/trunk-{channel}0", f"PJSIP/{phone}-00000001").replace(
        "from-trunk", "from-agents"
    )
    facts[2] = type(made)(
        node=made.node,
        file=made.file,
        offset=made.offset,
        kind=made.kind,
        at=made.at,
        channel=made.channel,
        linkedid=made.linkedid,
        body=body,
    )
    call = await site.put(facts)
    assert phone in {segment.party for segment in call.segments}, call.segments
    return str(call.call_id)


async def test_an_agent_sees_their_own_calls_and_of_others_not_that_they_are(site: CallSite) -> None:
    mine, other = await agents_call(site, "6.1", "102"), await agents_call(site, "6.2", "103")
    async with site.visiting(AGENT) as visitor:
        assert (await visitor.get(f"/calls/{mine}")).status == 200
        unknown = await visitor.get("/calls/00000000-0000-0000-0000-000000000000")
        refused = await visitor.get(f"/calls/{other}")
        assert (unknown.status, refused.status) == (404, 404)
        nothing = (await unknown.text()).replace("00000000-0000-0000-0000-000000000000", other)
        assert _KEY.sub("", nothing) == _KEY.sub("", await refused.text())
        for path in ("sounds/" + "0" * 16 + ".wav", "sounds/" + "0" * 16 + ".svg"):
            assert (await visitor.get(f"/calls/{other}/{path}")).status == 404
        for path in ("notes", "tickets", "tickets/new", "notes/" + "0" * 16 + "/remove", "tickets/123456/remove"):
            assert (await visitor.post(f"/calls/{other}/{path}", {"text": "x", "number": "1"})).status == 404
        assert (await visitor.get(f"/calls/{mine}/facts")).status == 403
        assert (await visitor.get(f"/calls/{mine}/facts.json")).status == 403
        page = await visitor.page(f"/calls/{mine}")
        assert other not in page  # the same caller's, among the calls before and after
        assert "/facts" not in page
    assert await site.store.notes.notes(other) == []


async def test_who_only_reads_hears_and_changes_nothing(site: CallSite) -> None:
    call = await site.recorded()
    async with site.visiting() as visitor:
        talk, _ = sounds_of(await visitor.page(f"/calls/{call.call_id}"))
    async with site.visiting(READER) as visitor:
        page = await visitor.page(f"/calls/{call.call_id}")
        assert sounds_of(page) == []
        assert "Your role may not hear sounds." in page
        assert "<textarea" not in page
        assert "0912•••4567" in page
        assert not re.search(r"912.?123.?4567", page)
        assert (await visitor.get(talk)).status == 403
        assert (await visitor.post(f"/calls/{call.call_id}/notes", {"text": "x"})).status == 403
        facts = unescape(await visitor.page(f"/calls/{call.call_id}/facts"))
        assert "CHAN_START" in facts
        assert SARA not in facts
        assert (await visitor.get(f"/calls/{call.call_id}/facts.json")).status == 403


async def test_numbers_are_hidden_in_the_file_too_where_the_settings_hide_them(site: CallSite) -> None:
    call = await site.put(whole("1.1"))
    site.unmasked = frozenset()
    async with site.visiting() as visitor:
        answer = await visitor.get(f"/calls/{call.call_id}/facts.json")
        told = await answer.text()
        assert json.loads(told)
        assert SARA not in told
        assert "0912\\u2022\\u2022\\u20224567" in told


async def test_an_agent_may_hear_but_not_take_away(site: CallSite) -> None:
    mine = await agents_call(site, "6.1", "102")
    async with site.visiting(AGENT) as visitor:
        assert (await visitor.get(f"/calls/{mine}/sounds/{'0' * 16}.wav?take=1")).status == 404
        assert "take=1" not in await visitor.page(f"/calls/{mine}")


# --- around, and raw ---


async def test_the_third_call_of_a_week_is_seen_at_once(site: CallSite) -> None:
    calls = [await site.put(whole(f"2.{n}", n * 7200.0)) for n in range(4)]
    async with site.visiting() as visitor:
        page = await visitor.page(f"/calls/{calls[2].call_id}")
        assert "Third call within 7 days" in page
        for other in (calls[0], calls[1], calls[3]):
            assert f'href="/calls/{other.call_id}"' in page
        assert "1 hour apart" in page
        assert 'href="/calls?number=%2B989121234567"' in page
        visitor.language = "fa"
        page = await visitor.page(f"/calls/{calls[2].call_id}")
        assert "سومین تماس در هفت روز" in page
        assert "۱ ساعت فاصله" in page


async def test_the_link_to_all_calls_leads_to_all_calls_of_the_customer(site: CallSite, tmp_path: Path) -> None:
    contacts = f"1001,Sara,{SARA}\n1001,Reza,09351112233\n1002,Other,09120000001"
    await import_files(site.store, tmp_path, {"customers": "1001,Aria,fa,\n1002,Parsa,fa,", "contacts": contacts})
    theirs = [await site.put(whole(f"2.{n}", n * 60.0, caller)) for n, caller in enumerate((SARA, "09351112233"))]
    other = await site.put(whole("3.1", 300.0, "09120000001"))
    async with site.visiting() as visitor:
        page = await visitor.page(f"/calls/{theirs[0].call_id}")
        (link,) = re.findall(r'href="(/calls\?[^"]+)"', page)
        listed = await visitor.page(unescape(link))
        assert all(f'id="call-{call.call_id}"' in listed for call in theirs)
        assert other.call_id not in listed


async def test_what_went_wrong_is_on_the_page(site: CallSite) -> None:
    call = await site.put(whole("1.1"))
    row = {"id": call.call_id, "at": 1}
    await site.store.writer.submit(
        lambda tx: (
            tx.db.execute(
                "INSERT INTO moment (call_id, kind, at_us, detail, state, owner, note)"
                " VALUES (:id, 'long_wait', :at, '200', 'open', '<b>sara', 'said sorry')",
                row,
            ).rowcount
        )
    )
    async with site.visiting() as visitor:
        page = await visitor.page(f"/calls/{call.call_id}")
        assert "Long wait" in page
        assert "waited 3:20" in page
        assert "&lt;b&gt;sara" in page


async def test_every_fact_as_a_table_and_as_a_file(site: CallSite) -> None:
    facts = [
        *begun("1.1", caller=HOSTILE[:60]),
        step("1.1", 0, 5.0, kind=StepKind.KEYS, keys=HOSTILE, result="match"),
        *ended("1.1"),
    ]
    call = await site.put(facts)
    async with site.visiting() as visitor:
        page = await visitor.page(f"/calls/{call.call_id}/facts")
        assert page.partition("</table>")[0].count("<tr>") == len(facts) + 1
        assert "<img src=x" not in page
        assert "\u202e" not in page
        assert "\x07" not in page
        answer = await visitor.get(f"/calls/{call.call_id}/facts.json")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        told = json.loads(await answer.read())
        assert len(told) == len(facts)
        assert {one["body"] for one in told} == {raw.body for raw in facts}
        assert await site.log() == [(NAME, "took_facts", call.call_id)]
        visitor.language = "fa"
        assert "دادهٔ خام" in await visitor.page(f"/calls/{call.call_id}/facts")


@pytest.mark.parametrize("language", ["en", "fa"])
async def test_hostile_text_is_text_everywhere(site: CallSite, language: str) -> None:
    steps = [
        step("1.1", 0, 2.0, kind=StepKind.CUSTOMER, code=HOSTILE, name=HOSTILE, by="number"),
        step("1.1", 1, 3.0, kind=StepKind.KEYS, keys=HOSTILE, result="match"),
        step("1.1", 2, 4.0, kind=StepKind.TROUBLE, reason=HOSTILE),
    ]
    call = await site.put([*begun("1.1", caller=HOSTILE[:90]), *steps, *ended("1.1")])
    async with site.visiting() as visitor:
        visitor.language = language
        page = await visitor.page(f"/calls/{call.call_id}")
        assert "<img src=x" not in page
        assert not set("\u202e\x07").intersection(page)
        assert "&lt;img src=x" in page


async def test_the_page_lets_only_its_own_sounds_play(site: CallSite) -> None:
    call = await site.put(whole("1.1"))
    async with site.visiting() as visitor:
        answer = await visitor.get(f"/calls/{call.call_id}")
        assert "media-src 'self'" in answer.headers["Content-Security-Policy"]
        assert await _has_no_inline(visitor, call.call_id)


async def _has_no_inline(visitor: Visitor, call_id: str) -> bool:
    page = await visitor.page(f"/calls/{call_id}")
    return not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", page)
