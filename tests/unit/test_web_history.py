"""The history's filters, saved views, exports and who sees what of them."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import pytest
from demo_history import NOON, TICKET, make_call, morning, queued, self_served
from web_visitor import Parts, Visitor, query, visiting

from pbx_bridge.calls.call import Call, Outcome, Segment, SegmentKind, SurveyAnswer
from pbx_bridge.calls.facets import rung_in_vain
from pbx_bridge.store import Customer
from pbx_bridge.store.users import Role
from pbx_bridge.store.wrap_ups import NewWrapUp, Stand
from pbx_bridge.web.memory import MemoryAgents

ROW = re.compile(r'<tr id="call-([0-9a-f-]{36})"')


@pytest.fixture
def parts() -> Parts:
    parts = Parts(agents=MemoryAgents({"102": "Neda"}))
    parts.put(morning())
    return parts


def _rows(page: str) -> list[str]:
    return ROW.findall(page)


def _ids(calls: list[Call]) -> list[str]:
    return [str(call.call_id) for call in calls][::-1]


async def test_each_filter_alone_and_together(parts: Parts) -> None:
    extra = make_call(900, started_at=NOON, agents=("102",), wait_us=95_000_000)
    parts.put([extra])
    every = [*morning(), extra]
    async with visiting(parts) as visitor:
        for fields, wanted in (
            ({"agent": "102"}, [extra]),
            (
                {"rang": "101"},
                [c for c in every if any((s.kind, s.party) == ("ring", "101") for s in c.segments)],
            ),
            ({"queue": "services"}, [c for c in every if any(s.party == "services" for s in c.segments)]),
            ({"outcome": "missed"}, [c for c in every if c.outcome == "missed"]),
            ({"direction": "outbound"}, [c for c in every if c.direction == "outbound"]),
            ({"ticket": TICKET}, [c for c in every if TICKET in c.tracking_numbers]),
            (
                {"node": "ask_tracking"},
                [c for c in every if any(s.flow_node == "ask_tracking" for s in c.steps)],
            ),
            ({"want": "status"}, [c for c in every if c.tracking_numbers]),
            ({"wait": "60"}, [c for c in every if c.wait_us > 60_000_000]),
            (
                {"wait": "60", "outcome": "missed"},
                [c for c in every if c.wait_us > 60e6 and c.outcome == "missed"],
            ),
            ({"recorded": "1"}, []),
        ):
            page = await visitor.page(query(**fields))
            assert _rows(page) == _ids(wanted), fields
            for text in fields.values():
                assert f'value="{text}" selected' in page or f'value="{text}"' in page


async def test_what_is_asked_is_shown_as_chips_that_take_it_away(parts: Parts) -> None:
    async with visiting(parts) as visitor:
        page = await visitor.page(query(outcome="missed", number="09197654321", from_="2026-11-21"))
        chips = re.search(r'<ul class="chips".*?</ul>', page, re.DOTALL)
        assert chips
        assert "Outcome: Missed" in chips[0]
        links = [parse_qs(urlsplit(unescape(one)).query) for one in re.findall(r'href="([^"]+)"', chips[0])]
        assert [sorted(link) for link in links] == [["from", "outcome"], ["number", "outcome"], ["from", "number"]]


async def test_a_line_says_what_they_wanted_and_who_answered(parts: Parts) -> None:
    answer = SurveyAnswer(question="q", answer=4, scale=5, queue="", agent="102", at=NOON)
    call = make_call(901, started_at=NOON, agents=("102",), steps=self_served(1, NOON).steps, survey=(answer,))
    parts.put([call])
    async with visiting(parts) as visitor:
        page = await visitor.page(query(agent="102"))
        for text in ("Ticket status", "Neda", "4.0/5", "ask tracking"):
            assert text in page
        visitor.language = "fa"
        page = await visitor.page(query(agent="102"))
        assert "پیگیری تیکت" in page
        assert "۴.۰/۵" in page


async def test_presets_are_links_that_move_with_the_day(parts: Parts) -> None:
    parts.put([make_call(902, started_at=NOON - timedelta(days=1))])
    async with visiting(parts) as visitor:
        page = await visitor.page("/calls?range=yesterday&outcome=answered")
        assert _rows(page) == [make_call(902, started_at=NOON).call_id]
        assert 'href="/calls?outcome=answered&amp;range=today"' in page
        assert 'href="/calls?outcome=answered&amp;range=yesterday" aria-current="true"' in page


async def test_a_customer_by_a_part_of_the_name(parts: Parts) -> None:
    parts.calls.customers["x"] = [Customer(code="C-1042", name="شرکت آریا صنعت", language=None, tier="")]
    async with visiting(parts) as visitor:
        wanted = [c for c in morning() if c.customer_code == "C-1042"]
        assert _rows(await visitor.page(query(customer="c-1042"))) == _ids(wanted)
        assert _rows(await visitor.page(query(number="شرکت آریا صنعت"))) == _ids(wanted)
        assert _rows(await visitor.page(query(customer="nobody"))) == []


async def test_an_agent_sees_only_calls_they_talked_or_rang_in(parts: Parts) -> None:
    parts.users.passwords |= {"neda": "a fine password"}
    parts.users.roles["neda"], parts.users.extensions["neda"] = Role.AGENT, "101"
    talked = make_call(903, started_at=NOON, agents=("101",))
    other = make_call(904, started_at=NOON, agents=("102",))
    parts.put([talked, other])
    rang = [c for c in morning() if any(s.kind is SegmentKind.RING and s.party == "101" for s in c.segments)]
    async with visiting(parts, signed_in=False) as visitor:
        assert (await visitor.sign_in("neda")).status == 303
        assert _rows(await visitor.page("/calls")) == _ids([*rang, talked])
        assert _rows(await visitor.page("/calls?agent=102")) == []
        assert (await visitor.get("/calls/export.csv")).status == 403
        assert (await visitor.get("/calls/export.xlsx")).status == 403
        stream = await visitor.client.get("/calls/events", headers={"Accept": "text/event-stream"})
        heard = await _heard(stream, visitor, [other, talked])
        assert f"call-{talked.call_id}" in heard
        assert other.call_id not in heard


async def _heard(stream: object, visitor: Visitor, calls: list[Call]) -> str:
    """What a stream tells of new revisions of these, up to the last one."""
    content = stream.content  # type: ignore[attr-defined]
    told = ""
    while "event: stale" not in told:  # no mark was given: it begins now
        told += (await content.readline()).decode()
    visitor.parts.put(calls)
    while f"call-{calls[-1].call_id}" not in told:
        told += (await content.readline()).decode()
    return told


@pytest.mark.parametrize(
    ("fields", "is_told"),
    [({"outcome": "missed"}, False), ({"outcome": "answered"}, True), ({"want": "queue:support"}, True),
     ({"agent": "999"}, False), ({"wait": "30"}, False), ({"wait": "5"}, True)],
)  # fmt: skip
async def test_the_stream_tells_what_answers_the_search(fields: dict[str, str], is_told: bool) -> None:
    parts = Parts()
    call = queued(905, NOON, "09121234567", wait=20, talk=60)
    last = make_call(906, started_at=NOON, segments=call.segments, steps=call.steps, wait_us=10**9, agents=("999",))
    async with visiting(parts) as visitor:
        stream = await visitor.client.get(query(**fields).replace("/calls?", "/calls/events?"))
        # One that answers the search ends the wait.
        end = last if "outcome" not in fields else make_call(906, started_at=NOON, outcome=Outcome(fields["outcome"]))
        heard = await _heard(stream, visitor, [call, end])
        assert (f"call-{call.call_id}" in heard) == is_told


async def test_an_export_is_the_list(parts: Parts) -> None:
    parts.put([make_call(2000 + n, started_at=NOON - timedelta(hours=3, seconds=n)) for n in range(600)])
    async with visiting(parts) as visitor:
        answer = await visitor.get("/calls/export.csv?outcome=answered")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        body = await answer.read()
        assert body.startswith(b"\xef\xbb\xbf")
        rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
        listed, page = [], await visitor.page("/calls?outcome=answered")
        while True:
            listed += _rows(page)
            link = re.search(r'href="([^"]+)" rel="next"', page)
            if link is None:
                break
            page = await visitor.page(unescape(link[1]))
        assert [row["Call id"] for row in rows] == listed
        assert len(rows) > 600
        (noted,) = [entry for entry in parts.audit.entries if entry.what == "exported"]
        assert (noted.about, noted.detail) == ("calls", "csv outcome=answered")


async def test_an_export_tells_what_agents_said_it_was_about(parts: Parts) -> None:
    told = make_call(901, started_at=NOON, agents=("101", "102"))
    parts.put([told])
    book = parts.agent_desk.wrap_ups
    for user, reason, then in (("neda", "fault", "call 09121234567"), ("reza", "=cmd()", "")):
        new = NewWrapUp(
            call_id=told.call_id, user=user, extension="102", node="pbx1", channel="1.1", began_at=told.started_at
        )
        await book.begin(new)
        await book.tell(told.call_id, user, reason=reason, next_step=then, stand=Stand.DONE)
    async with visiting(parts) as visitor:
        text = (await (await visitor.get("/calls/export.csv")).read()).decode("utf-8-sig")
        rows = {row["Call id"]: row for row in csv.DictReader(io.StringIO(text))}
    row = rows.pop(told.call_id)
    assert (row["What it was about"], row["Next step"]) == ("Fault; =cmd()", "call 09121234567")
    assert {(row["What it was about"], row["Next step"]) for row in rows.values()} == {("", "")}


async def test_formulas_in_an_export_are_text() -> None:
    parts = Parts()
    bad = ["=cmd|' /C calc'!A0", "+1+1", "-2", "@SUM(A1)", "\tx", '=1,"2"\n3']
    parts.put([make_call(n, started_at=NOON, caller_name=name, caller=name) for n, name in enumerate(bad)])
    async with visiting(parts) as visitor:
        text = (await (await visitor.get("/calls/export.csv")).read()).decode("utf-8-sig")
        for row in list(csv.reader(io.StringIO(text)))[1:]:
            assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        book = ZipFile(io.BytesIO(await (await visitor.get("/calls/export.xlsx")).read()))
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "calc" in sheet
        assert sheet.count("<row ") == len(bad) + 1


async def test_a_persian_sheet_goes_from_right_to_left(parts: Parts) -> None:
    async with visiting(parts) as visitor:
        visitor.language = "fa"
        book = ZipFile(io.BytesIO(await (await visitor.get("/calls/export.xlsx")).read()))
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert 'rightToLeft="1"' in sheet
        assert "شرکت آریا صنعت" in sheet


async def test_a_wrong_search_is_not_exported(parts: Parts) -> None:
    async with visiting(parts) as visitor:
        assert (await visitor.get("/calls/export.csv?from=nonsense")).status == 400
        assert not [entry for entry in parts.audit.entries if entry.what == "exported"]


async def test_numbers_are_masked_in_list_and_stream_for_who_may_not_see_them(parts: Parts) -> None:
    parts.users.passwords |= {"guest": "a fine password"}
    parts.users.roles["guest"] = Role.READ_ONLY
    async with visiting(parts, signed_in=False) as visitor:
        await visitor.sign_in("guest")
        page = await visitor.page("/calls")
        assert "0935 555 0142" not in page
        assert "09355550142" not in page
        assert "Export CSV" not in page
        stream = await visitor.client.get("/calls/events")
        assert "123 4567" not in await _heard(stream, visitor, [make_call(907, started_at=NOON)])


async def test_a_view_is_saved_opened_shared_and_dropped(parts: Parts) -> None:
    parts.users.passwords |= {"other": "a fine password"}
    async with visiting(parts) as visitor:
        saved = await visitor.post(
            "/calls/views",
            {"name": "<b>Missed", "address": "outcome=missed&range=today&next=//evil&before=1.x", "shared": "1"},
        )
        assert (saved.status, saved.headers["Location"]) == (303, "/calls?range=today&outcome=missed")
        page = await visitor.page("/calls")
        assert 'href="/calls?range=today&amp;outcome=missed"><bdi>&lt;b&gt;Missed' in page
        await visitor.post("/sign-out", {})
        await visitor.sign_in("other")
        page = await visitor.page("/calls")
        assert "&lt;b&gt;Missed" in page
        assert "by lead" in page
        drop = re.search(r'action="(/calls/views/[^"]+/drop)"', page)
        assert drop
        assert (await visitor.post(drop[1], {"address": ""})).status == 303
        assert "&lt;b&gt;Missed" not in await visitor.page("/calls")
        assert (await visitor.post(drop[1], {"address": ""})).status == 404


async def test_what_changes_views_comes_from_a_page_of_ours(parts: Parts) -> None:
    async with visiting(parts) as visitor:
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        assert (await visitor.post("/calls/views", {"name": "x", "address": ""}, elsewhere)).status == 403
        assert (await visitor.post("/calls/views", {"name": "", "address": ""})).status == 400
        assert (await visitor.post("/calls/views/nope/drop", {})).status == 404


async def test_an_agent_keeps_views_to_themselves(parts: Parts) -> None:
    parts.users.passwords |= {"neda": "a fine password"}
    parts.users.roles["neda"], parts.users.extensions["neda"] = Role.AGENT, "101"
    async with visiting(parts, signed_in=False) as visitor:
        await visitor.sign_in("neda")
        await visitor.post("/calls/views", {"name": "mine", "address": "range=today", "shared": "1"})
        await visitor.post("/sign-out", {})
        await visitor.sign_in()
        assert "mine" not in re.findall(r"<bdi>([^<]*)</bdi></a>", await visitor.page("/calls"))


def test_a_ring_that_goes_on_is_one_of_whoever_rings() -> None:
    rings = [
        Segment(kind=SegmentKind.RING, started_at=NOON, ended_at=None, party="101"),
        Segment(kind=SegmentKind.RING, started_at=NOON, ended_at=NOON, party="102", result="answered"),
        Segment(kind=SegmentKind.RING, started_at=NOON, ended_at=NOON, party="02188776655", result="busy"),
    ]
    assert list(rung_in_vain(make_call(1, started_at=NOON, segments=rings))) == ["101"]
