"""The pages of callbacks: due ones by reason, taken, closed, put off, given; the week; the reminder; by role."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from demo_history import NOON
from full_site import HOSTILE
from renewal_site import RenewalSite, field_of, renewal_site
from web_visitor import TEHRAN

from pbx_bridge.store import Role
from pbx_bridge.store.callbacks import CallbackLine, NewFollowUp
from pbx_bridge.store.requests import NewCallback
from pbx_bridge.values.digits import to_ascii

HOUR = timedelta(hours=1)
HTMX = {"HX-Request": "true"}


def said(page: str) -> str:
    """The words of a page, without marks."""
    return " ".join(re.sub(r"<[^>]+>|[\u2066-\u2069]", " ", page).split())


async def asks(
    site: RenewalSite, name: str, at: datetime = NOON, *, code: str = "", number: str = "", queue: str = "support"
) -> str:
    """A caller asked for a call in the menu; the callback's id."""
    new = NewCallback(
        origin=name,
        node="pbx1",
        channel=name,
        number=number or f"+9821440000{len(name):02}",
        queue=queue,
        wanted_at=at,
        customer_code=code,
    )
    return (await site.store.requests.ask_for_callback(new)).id


async def sets(site: RenewalSite, name: str, at: datetime, owner: str, why: str = "x", number: str = "") -> str:
    """Somebody set a follow-up."""
    new = NewFollowUp(origin=name, number=number or "02155550000", wanted_at=at, why=why, by="zahra", owner=owner)
    return await site.store.callbacks.follow_up(new)


async def one(site: RenewalSite, name: str) -> CallbackLine:
    found = await site.store.callbacks.get(name)
    assert found is not None
    return found


async def shown(site: RenewalSite, query: str = "") -> list[str]:
    page = await site.visitor.page(f"/callbacks{query}")
    return re.findall(r'<a href="/callbacks/([0-9a-f]{16})"', page)


async def test_who_matters_most_is_first_and_the_page_says_why(tmp_path: Path) -> None:
    async with renewal_site(tmp_path) as site:
        plain = await asks(site, "a", NOON - 2 * HOUR)
        gold = await asks(site, "b", NOON, code="C-1042", number="+989121234567")
        later = await asks(site, "later", NOON + 3 * HOUR)
        assert await shown(site) == [gold, plain]
        assert await shown(site, "?show=later") == [later]
        words = said(await site.visitor.page("/callbacks"))
        assert "gold customer" in words
        assert "2 hours late" in words
        site.visitor.language = "fa"
        assert "مشتری طلایی" in said(await site.visitor.page("/callbacks"))
        assert f"callback:{gold}" in await site.visitor.page("/callbacks")


async def test_an_agent_sees_their_own_and_their_queues_and_no_others(tmp_path: Path) -> None:
    async with renewal_site(tmp_path, role=Role.AGENT, queues=("support",)) as site:
        pool = await asks(site, "a")
        other = await asks(site, "b", queue="services", number="+982188776655")
        mine = await sets(site, "1", NOON, "lead")
        hers = await sets(site, "2", NOON, "zahra", number="02155550001")
        assert set(await shown(site)) == {pool, mine}
        assert await shown(site, "?who=mine") == [mine]
        assert set(await shown(site, "?who=all")) == {pool, mine}
        for name, status in ((pool, 200), (mine, 200), (other, 404), (hers, 404)):
            assert (await site.visitor.get(f"/callbacks/{name}")).status == status
            answer = await site.visitor.post(f"/callbacks/{name}", {"do": "free"})
            assert answer.status == (404 if status == 404 else 400)
        assert "Mine" in said(await site.visitor.page("/callbacks"))


async def test_where_queues_are_not_known_nobody_is_left_out(tmp_path: Path) -> None:
    async with renewal_site(tmp_path, role=Role.AGENT, queues=None) as site:
        names = {await asks(site, queue, queue=queue) for queue in ("support", "services")}
        assert set(await shown(site)) == names


async def test_taking_one_keeps_others_from_it(tmp_path: Path) -> None:
    async with renewal_site(tmp_path) as site:
        name = await asks(site, "a", number="+989121234567")
        address = f"/callbacks/{name}"
        assert f'value="+989121234567|callback:{name}"' in await site.visitor.page(address)
        assert await site.store.callbacks.take(name, "zahra", timedelta(minutes=10)) == ""
        page = await site.visitor.page(address)
        assert "zahra is calling, until 12:22" in said(page)
        assert f"callback:{name}" not in page  # nothing to click on
        answer = await site.visitor.post(address, {"do": "take"})
        assert (answer.status, "A colleague is calling" in said(await answer.text())) == (400, True)
        site.parts.now += timedelta(minutes=11)
        answers = await asyncio.gather(*(site.visitor.post(address, {"do": "take"}) for _ in range(3)))
        assert {answer.status for answer in answers} == {303}
        assert "You are calling" in said(await site.visitor.page(address))
        assert (await site.visitor.post(address, {"do": "free"})).status == 303
        assert (await one(site, name)).taken_by == ""


async def test_it_is_put_off_given_closed_and_opened_again_with_who_and_when(tmp_path: Path) -> None:
    async with renewal_site(tmp_path) as site:
        name = await asks(site, "a")
        address = f"/callbacks/{name}"

        async def do(what: str, status: int = 303, **fields: str) -> str:
            answer = await site.visitor.post(address, {"do": what, **fields})
            assert answer.status == status, (what, fields)
            return said(await answer.text()) if status != 303 else ""

        assert "past" in await do("put_off", 400, day="1405/08/29", clock="10:00")
        assert "date" in await do("put_off", 400, day="1405/13/01")
        await do("put_off", day="۱۴۰۵/۰۹/۰۱", clock="۱۴:۱۵", why="در جلسه است")
        wanted = (await one(site, name)).wanted_at.astimezone(TEHRAN)
        assert (wanted.hour, wanted.minute, wanted.date().isoformat()) == (14, 15, "2026-11-22")
        assert "nobody of that name" in await do("give", 400, owner="<b>")
        await do("give", owner="zahra")
        assert (await one(site, name)).owner == "zahra"
        assert "Choose a result" in await do("close", 400, result="vanished")
        await do("close", result="solved", note="با ایمیل")
        done = await one(site, name)
        assert (done.result, done.done_by) == ("solved", "101")
        assert "changed it meanwhile" in await do("close", 400, result="solved")
        assert await shown(site, "?show=done") == [name]
        assert await shown(site) == []
        await do("open")
        assert await shown(site) == [name]
        page = said(await site.visitor.page(address))
        for words in ("put it off", "gave it to", "closed it", "opened it again", "در جلسه است", "با ایمیل"):
            assert words in page
        noted = [entry.what for entry in site.parts.audit.entries if entry.about == f"callback:{name}"]
        assert noted == ["callback_put_off", "callback_give", "callback_close", "callback_open"]


async def test_a_follow_up_is_set_for_a_number_or_a_customer_once(tmp_path: Path) -> None:
    async with renewal_site(tmp_path) as site:
        form = await site.visitor.page("/callbacks/new?customer=C-1042&about=contract:C-1042:A-17")
        assert "contract A-17" in said(form)
        told = {
            "token": field_of(form, "token"),
            "about": field_of(form, "about"),
            "customer": "C-۱۰۴۲",
            "day": "1405/09/02",
            "why": "پرسیدن نظر",
            "owner": "zahra",
        }
        assert {(await site.visitor.post("/callbacks/new", told)).status for _ in range(3)} == {303}
        [line] = await site.store.callbacks.of_customer("C-1042")
        assert (line.number, line.owner, line.made_by, line.about) == (
            "+989121234567",
            "zahra",
            "lead",
            "contract:C-1042:A-17",
        )
        for wrong, why in (
            ({"customer": "C-9"}, "customer"),
            ({"customer": "", "number": "12ab"}, "no phone number"),
            ({"why": " "}, "Say what for"),
            ({"day": "1405/08/01"}, "past"),
            ({"owner": "x"}, "nobody of that name"),
            ({"token": "x"}, "form"),
        ):
            answer = await site.visitor.post("/callbacks/new", told | wrong)
            page = await answer.text()
            assert (answer.status, why in said(page)) == (400, True), wrong
            assert "پرسیدن نظر" in page or "why" in wrong


@pytest.mark.parametrize(("language", "first"), [("fa", "۱۴۰۵/۰۸/۳۰"), ("en", "16 Nov 2026")])
async def test_the_week_begins_as_the_readers_does(tmp_path: Path, language: str, first: str) -> None:
    async with renewal_site(tmp_path) as site:
        await sets(site, "1", NOON + 24 * HOUR, "lead", number="02155550001")
        await sets(site, "2", NOON + 24 * 8 * HOUR, "lead", number="02155550002")
        site.visitor.language = language
        page = await site.visitor.page("/callbacks/calendar")
        assert first in said(page)
        days = re.findall(r"<h2>(.*?)</h2>", page)
        assert len(days) == 7
        assert first in said(days[0])
        assert 'aria-current="date"' in page
        where = re.search(r'href="([^"]+)" id="week-after"', page)
        assert where is not None
        further = await site.visitor.page(where[1].replace("&amp;", "&"))
        links = [re.findall(r"/callbacks/[0-9a-f]{16}", text) for text in (page, further)]
        assert [len(found) for found in links] == (
            [1, 0] if language == "en" and not links[0] else [len(links[0]), 1]
        )
        for odd in ("week=0001-01-01", "week=x", "week=9999-12-31", "who=x"):
            await site.visitor.page(f"/callbacks/calendar?{odd}")


async def test_the_reminder_counts_what_is_due_and_names_the_first(tmp_path: Path) -> None:
    async with renewal_site(tmp_path, role=Role.AGENT) as site:
        assert (await site.visitor.get("/callbacks/due")).headers["Location"] == "/callbacks"

        async def told() -> str:
            answer = await site.visitor.client.get("/callbacks/due", headers={"Accept-Language": "en", **HTMX})
            assert answer.status == 200
            return said(await answer.text())

        assert "Nobody waits" in await told()
        await asks(site, "later", NOON + 2 * HOUR, code="C-1007", number="+982188776655")
        assert "Next" in await told()
        await asks(site, "a", code="C-1042", number="+989121234567")
        reminder = await told()
        assert "1 waits for a call" in reminder
        assert "شرکت آریا صنعت" in reminder
        assert "gold customer" in reminder


async def test_who_is_given_one_is_told_on_their_desk_at_once_and_at_the_next_visit(tmp_path: Path) -> None:
    async with renewal_site(tmp_path) as site:  # the lead has a desk of their own
        stream = await site.visitor.get("/desk/events", Accept="text/event-stream")

        async def heard(words: str) -> None:
            async with asyncio.timeout(5):
                while words not in (line := (await stream.content.readline()).decode()):
                    assert line

        name = await sets(site, "1", NOON + HOUR, "zahra", f"{HOSTILE[0]} 09121234567")
        await site.visitor.sign_in("zahra", "a fine password")
        assert (await site.visitor.post(f"/callbacks/{name}", {"do": "give", "owner": "lead"})).status == 303
        await heard("zahra gave you a call to")
        stream.close()
        await site.visitor.sign_in()
        page = await site.visitor.page("/desk")
        assert "<img src=x" not in page
        assert "Given to you" in said(page)
        assert "by zahra" in said(page)
        assert f'href="/callbacks/{name}"' in page
        stream = await site.visitor.get("/desk/events", Accept="text/event-stream")
        await heard("zahra gave you a call to")
        answer = await site.visitor.post("/desk/seen", {"callback": name})
        assert (answer.status, answer.headers["Location"]) == (303, "/desk")
        await heard('aria-labelledby=\\"h-handed\\" hidden')
        stream.close()
        assert "saw that it was given to them" in said(await site.visitor.page(f"/callbacks/{name}"))


async def test_hostile_texts_are_shown_as_texts(tmp_path: Path) -> None:
    async with renewal_site(tmp_path) as site:
        names = []
        for number, text in enumerate(HOSTILE):
            plain = replace(
                NewFollowUp(origin=str(number), number=text, wanted_at=NOON, why=text, by=text, owner=""),
                about=f"contract:{text}:{text}"[:110],
            )
            names.append(await site.store.callbacks.follow_up(plain))
        pages = [await site.visitor.page(f"/callbacks/{name}") for name in names]
        pages += [await site.visitor.page(path) for path in ("/callbacks", "/callbacks/calendar")]
        asked = "%22%3E%3Cscript%3Ewindow.struck=1%3C/script%3E"
        pages.append(
            await site.visitor.page(f"/callbacks/new?number={asked}&customer={asked}&about=customer:{asked}")
        )
        for page in pages:
            assert "<img src=x" not in page
            assert "<script>window" not in page
            assert "\u202e" not in page
            assert "javascript:" not in " ".join(re.findall(r'href="([^"]*)"', page))


async def test_who_only_reads_has_no_callbacks_and_masked_numbers_stay_masked(tmp_path: Path) -> None:
    async with renewal_site(tmp_path, role=Role.READ_ONLY) as site:
        for path in ("/callbacks", "/callbacks/calendar", "/callbacks/new"):
            assert (await site.visitor.get(path)).status == 403
    (tmp_path / "m").mkdir()
    async with renewal_site(tmp_path / "m") as site:
        name = await asks(site, "a", number="+989121234567")
        page = await site.visitor.page(f"/callbacks/{name}")
        assert "9121234567" in re.sub(r"\D", "", to_ascii(page))
