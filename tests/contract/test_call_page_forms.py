"""Notes and tickets of one call's page, on a real store: kept, refused with what was typed, taken back, logged."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest
from call_site import ADMIN, HOSTILE, SARA, CallSite, call_site
from crm_folder import import_files
from store_facts import whole
from web_visitor import NAME

from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.requests import NewTicket
from pbx_bridge.values import tracking


@pytest.fixture
async def site(place: StorePlace, tmp_path: Path) -> AsyncIterator[CallSite]:
    async with call_site(place, tmp_path) as found:
        yield found


# --- notes ---


async def test_a_note_is_written_shown_and_taken_back(site: CallSite) -> None:
    call = await site.put(whole("1.1"))
    here = f"/calls/{call.call_id}"
    async with site.visiting() as visitor:
        answer = await visitor.post(f"{here}/notes", {"text": f"line one\r\n{HOSTILE}"})
        assert (answer.status, answer.headers["Location"]) == (303, f"{here}#notes")
        page = await visitor.page(here)
        assert "line one<br>&lt;img src=x onerror=window.struck=1&gt;=cmd|" in page
        assert "<img src=x" not in page
        assert "\u202e" not in page
        assert f"<bdi>{NAME}</bdi>" in page
        (back,) = re.findall(r'action="([^"]+/remove)"', page)
        async with site.visiting(ADMIN) as other:
            assert "/remove" not in await other.page(here)
            assert (await other.post(back, {})).status == 303
        assert len(await site.store.notes.notes(call.call_id)) == 1
        assert (await visitor.post(back, {})).status == 303
        assert "Nobody has noted anything yet." in await visitor.page(here)
        assert await site.log() == [
            (NAME, "noted", call.call_id),
            (NAME, "took_note_back", call.call_id),
        ]


@pytest.mark.parametrize(("text", "said"), [("  \n ", "The note is empty."), ("x" * 2001, "longer than 2000")])
async def test_a_refused_note_keeps_what_was_typed(site: CallSite, text: str, said: str) -> None:
    call = await site.put(whole("1.1"))
    async with site.visiting() as visitor:
        answer = await visitor.post(f"/calls/{call.call_id}/notes", {"text": text})
        page = await answer.text()
        assert answer.status == 400
        assert said in page
        assert f">{text}</textarea>" in page
        (turn,) = re.findall(r'class="turn" href="([^"]+)"', page)
        assert (await visitor.get(unescape(turn))).status in (200, 303)
        assert await site.store.notes.notes(call.call_id) == []
        assert (await visitor.post(f"/calls/{call.call_id}/notes", {"text": "é\n" * 1000})).status == 303


async def test_another_sites_form_notes_nothing(site: CallSite) -> None:
    call = await site.put(whole("1.1"))
    async with site.visiting() as visitor:
        answer = await visitor.post(f"/calls/{call.call_id}/notes", {"text": "x"}, {"Sec-Fetch-Site": "cross-site"})
        assert answer.status == 403
        assert await site.store.notes.notes(call.call_id) == []


# --- tickets ---


def token_of(page: str) -> str:
    return str(re.findall(r'name="token" value="([0-9a-f]{16})"', page)[0])


async def a_customer(site: CallSite, folder: Path) -> None:
    await import_files(site.store, folder, {"customers": "1001,Aria,fa,", "contacts": f"1001,Sara,{SARA}"})


async def test_an_existing_ticket_is_linked_by_its_number(site: CallSite, tmp_path: Path) -> None:
    await a_customer(site, tmp_path)
    opened = await site.store.requests.open_ticket(NewTicket(origin="o", customer_code="1001", subject=HOSTILE))
    assert opened
    number = opened.tracking_number
    call = await site.put(whole("1.1"))
    here = f"/calls/{call.call_id}"
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    async with site.visiting() as visitor:
        refused = await visitor.post(f"{here}/tickets", {"number": wrong})
        assert refused.status == 400
        assert "no tracking number" in await refused.text()
        assert f'value="{wrong}"' in await refused.text()
        unknown = await visitor.post(f"{here}/tickets", {"number": tracking.with_check_digit("999999")})
        assert "No ticket has this number." in await unknown.text()
        persian = number.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
        assert (await visitor.post(f"{here}/tickets", {"number": f" {persian[:3]} {persian[3:]} "})).status == 303
        page = await visitor.page(here)
        assert "linked by" in page
        assert "&lt;img src=x" in page
        assert "<img src=x" not in page
        assert (await visitor.post(f"{here}/tickets/{number}/remove", {})).status == 303
        assert await site.store.notes.links(call.call_id) == []
        assert [what for _, what, _ in await site.log()] == ["linked_ticket", "unlinked_ticket"]


@pytest.mark.parametrize("kind", ["request", "complaint"])
async def test_a_new_ticket_is_in_the_menu_at_once_and_opened_once(site: CallSite, tmp_path: Path, kind: str) -> None:
    await a_customer(site, tmp_path)
    call = await site.put(whole("1.1"))
    here = f"/calls/{call.call_id}"
    async with site.visiting() as visitor:
        page = await visitor.page(here)
        form = {"subject": "فاکتور اشتباه", "kind": kind, "customer": "1001", "token": token_of(page)}
        for _ in range(2):  # a double click
            assert (await visitor.post(f"{here}/tickets/new", form)).status == 303
        heard = await site.store.crm.newest_open_ticket("1001")
        assert heard is not None
        assert (heard.subject, heard.kind) == ("فاکتور اشتباه", kind)
        assert len(await site.store.desk.tickets()) == 1
        assert len(await site.store.desk.complaints()) == (kind == "complaint")
        (link,) = await site.store.notes.links(call.call_id)
        assert link.tracking_number == heard.tracking_number
        assert (NAME, "opened_ticket", call.call_id) in await site.log()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subject": " \u202e"}, "The subject is empty."),
        ({"subject": "x" * 201}, "The subject is longer"),
        ({"customer": "nobody"}, "No customer has this code."),
        ({"customer": "' OR 1=1 --"}, "No customer has this code."),
        ({"kind": "bomb"}, "The form is not right."),
        ({"token": "abc"}, "The form is not right."),
    ],
)
async def test_a_refused_ticket_keeps_what_was_typed(
    site: CallSite, tmp_path: Path, change: dict[str, str], said: str
) -> None:
    await a_customer(site, tmp_path)
    call = await site.put(whole("1.1", caller="09350000000"))
    async with site.visiting() as visitor:
        page = await visitor.page(f"/calls/{call.call_id}")
        form = {"subject": "fax & <b>", "kind": "request", "customer": "1001", "token": token_of(page)} | change
        answer = await visitor.post(f"/calls/{call.call_id}/tickets/new", form)
        page = await answer.text()
        assert answer.status == 400
        assert said in page
        if "subject" not in change:
            assert 'value="fax &amp; &lt;b&gt;"' in page
        assert await site.store.desk.tickets() == []
