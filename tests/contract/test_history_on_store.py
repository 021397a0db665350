"""The history's pages on a real store, of both engines: calendars, exports and every condition agree row for row."""

from __future__ import annotations

import csv
import io
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from html import unescape
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import ClientSession, CookieJar
from put_calls import put_calls, random_call
from store_facts import NOON, quick_store

from pbx_bridge.calls.call import Call
from pbx_bridge.health import Health
from pbx_bridge.store import Store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.audit import Sought
from pbx_bridge.store.derived import Derived
from pbx_bridge.store.derived.facets import Facets
from pbx_bridge.store.search import Work
from pbx_bridge.values.dates import to_jalali
from pbx_bridge.web.history import filters
from pbx_bridge.web.server import serve
from pbx_bridge.web.site import SiteParts, make_site

TEHRAN = ZoneInfo("Asia/Tehran")
ROW = re.compile(r'<tr id="call-([0-9a-f-]{36})"')


class Browser:
    """Somebody signed in."""

    def __init__(self, session: ClientSession, store: Store, calls: list[Call]) -> None:
        self.session, self.store, self.calls = session, store, calls

    async def text(self, path: str, **fields: str) -> str:
        """A page or a download that is there."""
        answer = await self.session.get(f"{path}?{urlencode({k.rstrip('_'): v for k, v in fields.items()})}")
        assert answer.status == 200, (path, fields, answer.status)
        return (await answer.read()).decode("utf-8-sig")

    async def rows(self, **fields: str) -> list[str]:
        """Every row of a search, page after page."""
        page, seen = await self.text("/calls", **fields), []
        while True:
            seen += ROW.findall(page)
            link = re.search(r'href="([^"]+)" rel="next"', page)
            if link is None:
                return seen
            page = await (await self.session.get(unescape(link[1]))).text()


@asynccontextmanager
async def browsing(place: StorePlace) -> AsyncIterator[Browser]:
    """A site on a store with calls of some weeks, newest first."""
    rng = random.Random(11)
    calls = [random_call(rng, number, NOON - timedelta(days=40), timedelta(days=40)) for number in range(140)]
    async with quick_store(place) as store:
        await put_calls(store, calls, Derived(parts=(Facets(),)))
        await store.users.create("lead", "a fine password", "lead")
        parts = SiteParts(
            health=Health(),
            calls=store.calls,
            users=store.users,
            views=store.views,
            audit=store.audit,
            session_key=b"k" * 32,
            zone=TEHRAN,
            clock=lambda: NOON,
        )
        async with (
            serve(make_site(parts), "127.0.0.1", 0) as address,
            ClientSession(address, cookie_jar=CookieJar(unsafe=True), headers={"Accept-Language": "en"}) as session,
        ):
            signed_in = await session.post("/sign-in", data={"name": "lead", "password": "a fine password"})
            assert signed_in.status == 200
            yield Browser(session, store, sorted(calls, key=lambda c: (c.started_at, c.call_id), reverse=True))


def _jalali(day: date) -> str:
    year, month, number = to_jalali(day)
    return f"{year}/{month}/{number}"


async def test_jalali_filters_equal_gregorian_ones_row_for_row(place: StorePlace) -> None:
    async with browsing(place) as browser:
        full = 0
        for back, length in ((0, 0), (3, 0), (9, 4), (39, 39), (20, 12)):
            first = NOON.astimezone(TEHRAN).date() - timedelta(days=back)
            last = first + timedelta(days=length)
            jalali = await browser.rows(from_=_jalali(first), to=_jalali(last))
            assert jalali == await browser.rows(from_=first.isoformat(), to=last.isoformat())
            days = {call.call_id: call.started_at.astimezone(TEHRAN).date() for call in browser.calls}
            assert jalali == [call_id for call_id, day in days.items() if first <= day <= last]
            full += bool(jalali)
        assert full >= 3


async def test_list_and_export_are_what_each_condition_means(place: StorePlace) -> None:
    async with browsing(place) as browser:
        for fields in (
            {},
            {"agent": "101"},
            {"agent": "101", "outcome": "answered"},
            {"rang": "102", "direction": "inbound"},
            {"queue": "support", "wait": "60"},
            {"ticket": "4712088", "node": "menu"},
            {"want": "status", "talk": "59"},
            {"number": "0912 123 4567", "range": "last_month"},
            {"number": "+4930901820", "direction": "outbound"},
            {"recorded": "1"},
        ):
            search = filters.read(fields, TEHRAN, NOON)
            wanted = search.wanted()
            expected = [c.call_id for c in browser.calls if wanted.matches(c, "IR", recorded=False)]
            assert await browser.rows(**fields) == expected, fields
            rows = list(csv.DictReader(io.StringIO(await browser.text("/calls/export.csv", **fields))))
            assert [row["Call id"] for row in rows] == expected, fields
        entries = await browser.store.audit.page(Sought(what="exported"))
        assert {entry.about for entry in entries} == {"calls"}
        assert "csv agent=101" in {entry.detail for entry in entries}


async def test_a_view_is_kept_in_the_store(place: StorePlace) -> None:
    async with browsing(place) as browser:
        data = {"name": "Missed", "address": "outcome=missed", "shared": "1"}
        answer = await browser.session.post("/calls/views", data=data)
        assert "outcome=missed" in str(answer.url)
        assert "<bdi>Missed</bdi>" in await browser.text("/calls")
        (view,) = await browser.store.views.of("somebody else")
        assert (view.name, view.address, view.shared) == ("Missed", "outcome=missed", True)


async def test_a_search_that_is_cut_off_says_so_and_goes_on_to_the_end(place: StorePlace) -> None:
    async with browsing(place) as browser:
        browser.store.calls._search._work = Work(tried=2, candidates=4, seconds=0.0)
        wanted = filters.read({"agent": "101", "queue": "support", "outcome": "answered"}, TEHRAN, NOON).wanted()
        expected = [c.call_id for c in browser.calls if wanted.matches(c, "IR", recorded=False)]
        page = await browser.text("/calls", agent="101", queue="support", outcome="answered")
        seen: list[str] = []
        cut = 0
        while True:
            seen += ROW.findall(page)
            assert "No calls match" not in page or not page.partition('<div class="empty"')[2].startswith(">")
            on = re.search(r'class="searched".*?<a class="button" href="([^"]+)" hx-get="([^"]+)"', page, re.DOTALL)
            older = re.search(r'href="([^"]+)" rel="next"', page)
            link = on or older
            if link is None:
                break
            cut += on is not None
            assert on is None or "Searched back to" in page
            page = await (await browser.session.get(unescape(link[1]))).text()
        assert seen == expected
        assert cut > 2
        assert "there is nothing more" in page or ROW.findall(page)
