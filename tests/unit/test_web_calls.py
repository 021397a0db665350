"""The call history and the page of one call."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from demo_history import NOON, TICKET, make_call, morning, queued, self_served, talking
from web_visitor import Parts, Visitor, query, visiting

from pbx_bridge.calls.call import Call

ROW = re.compile(r'<tr id="call-([0-9a-f-]{36})"')


def _rows(page: str) -> list[str]:
    return ROW.findall(page)


def _ids(calls: list[Call]) -> list[str]:
    return [call.call_id for call in calls]


def _many(count: int) -> list[Call]:
    """Newest first; every third pair begins at the same moment."""
    calls = [make_call(n, started_at=NOON - timedelta(minutes=n - (n % 3 == 0))) for n in range(count)]
    return sorted(calls, key=lambda c: (c.started_at, c.call_id), reverse=True)


def _link(page: str, rel: str) -> str:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', page)
    return unescape(found[1]) if found else ""


@pytest.fixture
def parts() -> Parts:
    parts = Parts()
    parts.put(morning())
    return parts


async def test_newest_first_with_everything_a_lead_asks_for(parts: Parts) -> None:
    async with visiting(parts) as visitor:
        page = await visitor.page("/calls")
        assert _rows(page) == _ids(morning())[::-1]
        for text in ("In the menu", "Talking", "Answered", "Self-served", "Left in the menu", "Left while waiting"):
            assert text in page
        for text in ("Missed", "Cut off", "No answer", "Without the menu", "End estimated", "Outbound", "Anonymous"):
            assert text in page
        for text in (
            "شرکت آریا صنعت",
            "0912 123 4567",
            "21 Nov 2026",
            "12:11:30",
            "C-1042",
            "471 20 88",
            "≈&nbsp;1:53",
        ):
            assert text in page


async def test_the_same_in_persian(parts: Parts) -> None:
    async with visiting(parts) as visitor:
        visitor.language = "fa"
        page = await visitor.page("/calls")
        assert _rows(page) == _ids(morning())[::-1]
        for text in ("۱۴۰۵/۰۸/۳۰", "۱۲:۱۱:۳۰", "۰۹۱۲ ۱۲۳ ۴۵۶۷", "پاسخ داده شد", "در گفت‌وگو", "قطع در صف"):
            assert text in page


async def test_an_empty_history_says_so() -> None:
    async with visiting() as visitor:
        assert "No calls yet" in await visitor.page("/calls")
        assert "No calls match" in await visitor.page("/calls?number=777")


@pytest.mark.parametrize(
    "typed", ["09121234567", "+989121234567", "00989121234567", "9121234567", "۰۹۱۲۱۲۳۴۵۶۷", "0912 123-4567"]
)
async def test_a_number_however_it_is_typed(parts: Parts, typed: str) -> None:
    async with visiting(parts) as visitor:
        page = await visitor.page(query(number=typed))
        wanted = [c for c in morning() if "09121234567" in (c.caller, c.called)]
        assert _rows(page) == _ids(wanted)[::-1]
        assert f'value="{typed}"' in page


async def test_a_jalali_range_gives_the_rows_of_the_gregorian_one(parts: Parts) -> None:
    parts.put(
        [make_call(100, started_at=NOON - timedelta(days=1)), make_call(101, started_at=NOON - timedelta(days=2))]
    )
    async with visiting(parts) as visitor:
        jalali = _rows(await visitor.page(query(from_="۱۴۰۵/۰۸/۲۹", to="1405/08/29")))
        gregorian = _rows(await visitor.page(query(from_="2026-11-20", to="2026-11-20")))
        assert jalali == gregorian == [make_call(100, started_at=NOON).call_id]


async def test_a_wrong_field_is_named_and_nothing_typed_is_lost(parts: Parts) -> None:
    async with visiting(parts) as visitor:
        page = await visitor.page(query(number="0912", from_="1405/13/01", to='"><script>'), 400)
        assert page.count("Write a date as") == 2
        assert 'value="1405/13/01"' in page
        assert 'value="0912"' in page
        assert 'value="&#34;&gt;&lt;script&gt;"' in page
        assert 'aria-describedby="error-from"' in page
        assert _rows(page) == []


async def _walk(visitor: Visitor, page: str, rel: str) -> list[str]:
    seen = _rows(page)
    while link := _link(page, rel):
        page = await visitor.page(link)
        seen += _rows(page)
    return seen


async def test_paging_shows_every_call_once_forth_and_back() -> None:
    parts, calls = Parts(), _many(175)
    parts.put(calls)
    async with visiting(parts) as visitor:
        first = await visitor.page("/calls")
        assert len(_rows(first)) == 50
        assert not _link(first, "prev")
        assert await _walk(visitor, first, "next") == _ids(calls)
        last = await visitor.page(
            _link(await visitor.page(_link(await visitor.page(_link(first, "next")), "next")), "next")
        )
        back = await visitor.page(_link(last, "prev"))
        assert _rows(back) == _ids(calls[100:150])
        assert _rows(await visitor.page(_link(back, "prev"))) == _ids(calls[50:100])
        assert _rows(await visitor.page(_link(await visitor.page(_link(back, "prev")), "prev"))) == _ids(calls[:50])


async def test_paging_is_steady_while_calls_come_in() -> None:
    parts, calls = Parts(), _many(120)
    parts.put(calls)
    async with visiting(parts) as visitor:
        first = await visitor.page("/calls")
        seen = _rows(first)
        page = first
        for number in range(3):
            parts.put([make_call(1000 + number, started_at=NOON + timedelta(seconds=number))])
            if not (link := _link(page, "next")):
                break
            page = await visitor.page(link)
            seen += _rows(page)
        assert seen == _ids(calls)


async def test_paging_keeps_the_search() -> None:
    parts, calls = Parts(), _many(120)
    parts.put(calls)
    async with visiting(parts) as visitor:
        page = await visitor.page(query(number="۰۹۱۲۱۲۳۴۵۶۷"))
        assert await _walk(visitor, page, "next") == _ids(calls)


@pytest.mark.parametrize(
    "cursor", ["before=nonsense", "after=", "before=-5.x", "before=" + "9" * 400, "after=1.%00", "before=²"]
)
async def test_a_cursor_edited_by_hand_is_harmless(parts: Parts, cursor: str) -> None:
    async with visiting(parts) as visitor:
        assert (await visitor.get(f"/calls?{cursor}")).status == 200


async def test_one_call_with_its_parts_and_steps(parts: Parts) -> None:
    call = self_served(500, NOON - timedelta(minutes=3))
    parts.put([call])
    async with visiting(parts) as visitor:
        page = await visitor.page(f"/calls/{call.call_id}")
        for text in (
            "شرکت آریا صنعت",
            "Timeline",
            "Step by step",
            "heard to the end",
            "not heard to the end",
            "pbx1",
        ):
            assert text in page
        assert f'<kbd dir="ltr">{TICKET}</kbd>' in page
        assert call.steps[3].data["text"] in page
        assert "told by the PBX" in page
        assert call.root in page
        assert "data-stream" not in page


async def test_a_call_in_progress_is_followed(parts: Parts) -> None:
    call = talking(501, NOON - timedelta(minutes=3))
    parts.put([call])
    async with visiting(parts) as visitor:
        page = await visitor.page(f"/calls/{call.call_id}")
        assert 'data-stream="/calls/events?mark=' in page
        assert "In progress" in page


async def test_what_is_doubtful_about_a_record_is_told(parts: Parts) -> None:
    call = queued(502, NOON, "09121234567", wait=3, talk=9, end_estimated=True, fallback=True)
    parts.put([call])
    async with visiting(parts) as visitor:
        page = await visitor.page(f"/calls/{call.call_id}")
        assert "The PBX never told the end of this call" in page
        assert "the PBX itself sent the caller to the queue" in page


@pytest.mark.parametrize("call_id", ["00000000-0000-0000-0000-000000000000", "x", "../etc/passwd", "%00", "1" * 500])
async def test_an_unknown_call_is_a_page_of_its_own(parts: Parts, call_id: str) -> None:
    async with visiting(parts) as visitor:
        assert (await visitor.get(f"/calls/{call_id}")).status == 404
    async with visiting(parts) as visitor:
        assert "No call has this id" in await visitor.page("/calls/00000000-0000-0000-0000-000000000000", 404)


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "\u202eevil\u2066",
    '"><script>alert(1)</script>',
    "{{ 7*7 }}{% raw %}",
    "=cmd|' /C calc'!A0",
    "a" * 300,
    "م" * 300,
    "\x00\x07\x1b[2J",
    "\ud800",
]


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_caller_is_harmless(name: str) -> None:
    parts = Parts()
    call = make_call(1, started_at=NOON, caller=name, caller_name=name, called=name, language="<b>")
    parts.put([self_served(2, NOON), call])
    async with visiting(parts) as visitor:
        for path in (
            "/calls",
            f"/calls/{call.call_id}",
            query(number=f"1{name[:40]}".encode("utf-8", "replace").decode()),
        ):
            answer = await visitor.get(path)
            page = await answer.text()
            assert answer.status == 200
            assert "<img src=x" not in page
            assert "<script>alert" not in page
            assert "<b>" not in page.replace("<b>No calls", "")
            assert not set(page) & set("\u202e\x00\x07\x1b")
            assert "a" * 90 not in page or path != "/calls"


async def test_hostile_steps_are_harmless() -> None:
    parts = Parts()
    base = self_served(1, NOON)
    steps = [
        type(step)(at=step.at, flow_node=HOSTILE[0], kind=step.kind, data={k: HOSTILE[0] for k in step.data})
        for step in base.steps
    ]
    parts.put([make_call(1, started_at=NOON, steps=steps, segments=base.segments, tracking_numbers=(HOSTILE[2],))])
    async with visiting(parts) as visitor:
        for path in ("/calls", f"/calls/{base.call_id}"):
            page = await visitor.page(path)
            assert "<img src=x" not in page
            assert "<script>alert" not in page
