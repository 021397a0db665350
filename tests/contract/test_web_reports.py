"""The reports, the month and the list of moments on the real store, in both languages."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from demo_history import NOON, morning, queued
from kept_calls import Keeper
from store_facts import QUICK
from web_visitor import FROM_PAGE, TEHRAN

from pbx_bridge.calls.call import Call, SurveyAnswer
from pbx_bridge.calls.targets import Targets
from pbx_bridge.health import Health
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.audit import Sought
from pbx_bridge.store.derived.backfill import Backfill
from pbx_bridge.store.moments import Search
from pbx_bridge.store.wrap_ups import NewWrapUp, Stand
from pbx_bridge.web.reports.book import REPORTS
from pbx_bridge.web.reports.pages import ReportParts
from pbx_bridge.web.site import SiteParts, make_site

HOSTILE = "<img src=x onerror=alert(1)>\"'&"


def calls() -> list[Call]:
    answer = SurveyAnswer(question=HOSTILE, answer=1, scale=5, queue="support", agent="102", at=NOON)
    again = [
        queued(
            900 + day, NOON - timedelta(days=day), "09121234567", wait=200, talk=60, agents=("102",), survey=(answer,)
        )
        for day in range(3)
    ]
    nasty = queued(950, NOON - timedelta(days=1), "09355550142", wait=10, queue=HOSTILE, agents=("102",))
    return [*morning(), *again, nasty]


class Person:
    """Somebody signed in at the site."""

    def __init__(self, client: TestClient[web.Request, web.Application], store: Store) -> None:
        self.client, self.store = client, store

    async def page(self, path: str, language: str = "en", status: int = 200) -> str:
        answer = await self.client.get(path, headers={"Accept-Language": language}, allow_redirects=False)
        text = await answer.text()
        assert answer.status == status, (path, answer.status, text[-2000:])
        return text

    async def post(self, path: str, **fields: str) -> int:
        answer = await self.client.post(path, data=fields, headers=FROM_PAGE, allow_redirects=False)
        return answer.status


@asynccontextmanager
async def at_the_site(place: StorePlace, role: str = "lead", extension: str = "") -> AsyncIterator[Person]:
    clock = lambda: NOON  # noqa: E731
    async with open_store(place, folding=False, zone=TEHRAN, limits=QUICK, clock=clock) as store:
        keeper = Keeper(store, TEHRAN)
        await Backfill(store.writer, store.backfill._reader, keeper.parts, zone=TEHRAN.key).finish()
        await keeper.keep(calls())
        await store.users.create("sara", "a fine password", role)
        if extension:
            await store.writer.submit(
                lambda tx: tx.db.execute("UPDATE user_account SET extension = :e", {"e": extension})
            )
        reports = ReportParts(source=store.reports, moments=store.moments, targets=Targets())
        site = make_site(
            SiteParts(
                health=Health(),
                calls=store.calls,
                users=store.users,
                session_key=b"k" * 32,
                zone=TEHRAN,
                clock=clock,
                agents=store.agents,
                audit=store.audit,
                reports=reports,
            )
        )
        async with TestClient(TestServer(site)) as client:
            person = Person(client, store)
            assert await person.post("/sign-in", name="sara", password="a fine password") == 303
            yield person


@pytest.fixture
async def lead(place: StorePlace) -> AsyncIterator[Person]:
    async with at_the_site(place) as person:
        yield person


async def test_every_report_in_both_languages(lead: Person) -> None:
    for name in REPORTS:
        for language in ("en", "fa"):
            for query in ("", "?period=month", "?period=year", "?from=2026-11-01&to=1405/08/30"):
                page = await lead.page(f"/reports/{name}{query}", language)
                assert "<h1>" in page
                assert "<img src=x" not in page
                assert "style=" not in page
        assert 'class="chart"' in await lead.page(f"/reports/{name}") or name == "complaints", name
    index = await lead.page("/reports")
    assert [name for name in REPORTS if f'href="/reports/{name}"' not in index] == []


async def test_figures_are_those_of_the_calls(lead: Person) -> None:
    everything = [row.call async for row in lead.store.calls.since()]
    inbound = sum(call.direction == "inbound" and call.ended_at is not None for call in everything)
    page = await lead.page("/reports/outcomes?period=days30")
    assert f'<b class="figure"><bdi>{inbound}</bdi></b>' in page
    assert await lead.store.reports.since() is not None
    assert "hint" not in page  # all is counted


async def test_a_period_that_cannot_be_read_is_said_and_keeps_its_text(lead: Person) -> None:
    page = await lead.page("/reports/hours?from=1405/13/40", status=400)
    assert 'value="1405/13/40"' in page
    assert "aria-invalid" in page
    await lead.page("/reports/hours?from=2026-11-20&to=2026-11-01", status=400)
    await lead.page("/reports/hours?from=1971-01-01&to=2026-11-01", status=400)
    await lead.page("/reports/none-such", status=404)


async def test_the_month_is_the_same_in_either_calendar(lead: Person) -> None:
    english, persian = await lead.page("/reports/month/2026-11"), await lead.page("/reports/month/1405-08", "fa")
    assert "November 2026" in english
    assert "آبان ۱۴۰۵" in persian
    assert english.count('class="tile"') == persian.count('class="tile"') == 12
    await lead.page("/reports/month/1405-08")
    await lead.page("/reports/month/2026-13", status=404)
    assert "/reports/month/1405-07" in persian
    assert "/reports/month/2026-10" in english


async def test_a_report_is_taken_away_as_csv_and_that_is_noted(lead: Person) -> None:
    text = await lead.page("/reports/queues.csv?period=days30")
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))
    assert next(row for row in rows if row and row[0] == "Queue")[:2] == ["Queue", "Waited"]
    assert any(row[:1] == ["support"] for row in rows)
    (entry, *_) = await lead.store.audit.page(Sought(what="exported"))
    assert (entry.user, entry.about) == ("sara", "reports/queues")


async def test_what_talks_were_about_beside_the_period_before(lead: Person) -> None:
    book = lead.store.wrap_ups
    told = [(1, "fault"), (2, "fault"), (3, ""), (4, HOSTILE), (33, "order"), (34, "order"), (35, "fault")]
    for days, reason in told:
        new = NewWrapUp(
            call_id=f"c-{days}",
            user="reza",
            extension="102",
            node="pbx1",
            channel=f"9.{days}",
            began_at=NOON - timedelta(days=days),
        )
        await book.begin(new)
        await book.tell(new.call_id, "reza", reason=reason, next_step="", stand=Stand.DONE)
    await book.begin(
        NewWrapUp(call_id="c-0", user="reza", extension="102", node="pbx1", channel="9.0", began_at=NOON)
    )
    text = await lead.page("/reports/agents.csv?period=days30")
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))
    start = next(place for place, row in enumerate(rows) if row[:1] == ["What talks were about"])
    assert rows[start + 1][:4] == ["What it was about", "Wrapped up", "Share", "Before"]
    found = {row[0]: row[1:4] for row in rows[start + 2 : start + 6]}
    assert found["Fault"] == ["2", "0.5", "1"]
    assert found["Order"] == ["0", "0.0", "2"]
    assert found["not told"] == ["1", "0.25", "0"]
    people = next(place for place, row in enumerate(rows) if row[:1] == ["Wrapped up by each agent"])
    assert rows[people + 2] == ["102", "4", "3", "Fault"]
    page = await lead.page("/reports/agents?period=days30", "fa")
    assert "موضوع گفت‌وگوها" in page
    assert "<img src=x" not in page


async def test_moments_are_worked_on(lead: Person) -> None:
    page = await lead.page("/moments?period=days30")
    assert "Third call in a week" in page
    assert "Long wait" in page
    assert "Unhappy caller" in page
    assert "<img src=x" not in page
    (line, *_) = [one for one in await lead.store.moments.list(Search()) if one.kind == "third"]
    address = f"/moments/{line.call_id}/third"
    assert await lead.post(address, state="done", owner="sara", note=HOSTILE, back="//evil.example") == 303
    assert await lead.post(address, state="done", owner="nobody-known") == 400
    assert await lead.post(address, state="away") == 400
    assert await lead.post(f"/moments/{line.call_id}/cut", state="done") == 404
    done = await lead.page("/moments?state=done&period=days30")
    assert "Third call in a week" in done
    assert "&lt;img" in done
    assert "sara" in done
    changed = await lead.store.moments.get(line.call_id, line.kind)
    assert changed is not None
    assert (changed.owner, changed.changed_by, changed.changed_at) == ("sara", "sara", NOON)
    assert f'action="{address}"' in done
    assert f'action="{address}"' not in await lead.page("/moments?kind=third&period=days30")


async def test_the_list_goes_on_page_by_page(lead: Person) -> None:
    seen, address = [], "/moments?state=all&period=days30"
    whole = await lead.store.moments.list(Search(state=None, limit=500))
    for start in range(0, len(whole), 2):
        after = whole[start - 1].place if start else ""
        seen += [one.place for one in await lead.store.moments.list(Search(state=None, after=after, limit=2))]
    assert seen == [one.place for one in whole]
    await lead.page(f"{address}&after={unquote('nonsense.%00')}")
    await lead.page(f"{address}&after=99999999999999999999999.x.y")


async def test_an_agent_sees_what_is_their_own(place: StorePlace) -> None:
    async with at_the_site(place, "agent", "102") as agent:
        await agent.page("/reports", status=403)
        await agent.page("/reports/hours.csv", status=403)
        page = await agent.page("/moments?state=all&period=days30")
        mine = [one for one in await agent.store.moments.list(Search(state=None)) if one.agent == "102"]
        others = [one for one in await agent.store.moments.list(Search(state=None)) if one.agent != "102"]
        assert mine
        assert others
        assert page.count('class="card moment') == len(mine)
        assert await agent.post(f"/moments/{others[0].call_id}/{others[0].kind}", state="done") == 404
        assert await agent.post(f"/moments/{mine[0].call_id}/{mine[0].kind}", state="done", owner="sara") == 303


async def test_who_only_reads_takes_nothing_away(place: StorePlace) -> None:
    async with at_the_site(place, "read_only") as reader:
        page = await reader.page("/reports/agents")
        assert ".csv" not in page
        await reader.page("/reports/agents.csv", status=403)
        await reader.page("/moments", status=403)


async def test_while_calls_are_still_counted_it_says_so(lead: Person) -> None:
    await lead.store.writer.submit(lambda tx: tx.db.execute("UPDATE worked_out SET complete = 0, up_to_us = 1"))
    assert "still being counted" in await lead.page("/reports/hours")
    assert "still being counted" in await lead.page("/reports")
