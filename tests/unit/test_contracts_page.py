"""The pages of contracts: lists, renewals with their facts, what is recorded of one, by role, and hostile text."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from full_site import HOSTILE
from renewal_site import CRM, RenewalSite, field_of, renewal_site

from pbx_bridge.store import Role
from pbx_bridge.store.contracts import Sought
from pbx_bridge.store.dials import NewDial
from pbx_bridge.values.digits import to_ascii

A17 = "/contracts/C-1042/A-17"


def said(page: str) -> str:
    """The words of a page, without marks."""
    return " ".join(re.sub(r"<[^>]+>|[\u2066-\u2069]", " ", page).split())


async def send(site: RenewalSite, address: str = A17, **fields: str) -> tuple[int, str]:
    """Fill in a form of the page as it stands; the status, and the page that comes of it."""
    token = field_of(await site.visitor.page(address), "token")
    answer = await site.visitor.post(address, {"token": token, **fields})
    return answer.status, await answer.text() if answer.status != 303 else answer.headers["Location"]


LISTS: list[tuple[str, set[str]]] = [
    ("", {"A-17", "M/9 ب", "P-1"}),
    ("?state=ending", {"A-17", "M/9 ب"}),
    ("?state=ended", {"P-0"}),
    ("?state=coming", {"M-10"}),
    ("?state=all", {"A-17", "M/9 ب", "P-1", "P-0", "M-10"}),
    ("?state=all&q=پارسا", set()),
    ("?state=all&q=parsa", {"P-1", "P-0"}),
    ("?state=all&q=C-۱۰۰۷", {"M/9 ب", "M-10"}),
    ("?state=all&level=gold", {"A-17"}),
    ("?state=all&outcome=lost", set()),
    ("?state=nonsense&outcome=x&after=%00|%27|x", {"A-17", "M/9 ب", "P-1"}),
]


async def test_the_list_shows_what_is_asked_for(tmp_path: Path) -> None:
    async with renewal_site(tmp_path) as site:
        for query, found in LISTS:
            page = await site.visitor.page(f"/contracts{query}")
            shown = set(re.findall(r'<a href="/contracts/C-[^"]+"><bdi>([^<]+)</bdi>', page))
            assert shown == found, query


async def test_the_list_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbx_bridge.web.contracts.list_page.PAGE", 2)
    async with renewal_site(tmp_path) as site:
        seen: list[str] = []
        address = "/contracts?state=all"
        while address:
            page = await site.visitor.page(address)
            seen += re.findall(r'<a href="/contracts/C-[^"]+"><bdi>([^<]+)</bdi>', page)
            more = re.search(r'href="([^"]+)" rel="next"', page)
            address = more[1].replace("&amp;", "&") if more else ""
        assert seen == ["P-1", "M-10", "A-17", "M/9 ب", "P-0"]


async def test_any_number_of_a_contract_has_a_page(tmp_path: Path) -> None:
    odd = ["M/9 ب", "50%", "a%2Fb", "?x=1#y", "..", "‹"]
    rows = "\n".join(f"C-1042,{number},1405/01/01,1405/12/29,gold" for number in odd)
    async with renewal_site(tmp_path, crm={"customers": CRM["customers"], "contracts": rows}) as site:
        page = await site.visitor.page("/contracts")
        links = re.findall(r'<a href="(/contracts/C-[^"]+)"', page)
        assert len(links) == len(odd)
        for link in links:
            if not link.endswith("/.."):  # a browser would go up; nobody names a contract so
                assert "C-1042" in await site.visitor.page(link)
        assert (await site.visitor.get("/contracts/C-1042/none")).status == 404


@pytest.mark.parametrize(("language", "left"), [("fa", "۱۱۹ روز مانده"), ("en", "119 days left")])
async def test_the_renewal_talk_starts_with_facts(tmp_path: Path, language: str, left: str) -> None:
    async with renewal_site(tmp_path) as site:
        site.visitor.language = language
        page = await site.visitor.page("/contracts/renewals")
        words = said(page)
        assert left in words
        assert page.index("/contracts/C-1007/M%2F9") < page.index("/contracts/C-1042/A-17")
        assert "P-1" not in words
        assert "contract:C-1042:A-17" in page  # the number is called by a click
        assert "9121234567" in re.sub(r"\D", "", to_ascii(page))


async def test_a_note_a_step_won_and_undone_stand_on_the_page_with_who_and_when(tmp_path: Path) -> None:
    async with renewal_site(tmp_path) as site:
        assert await send(site, do="note", text="تخفیف خواست") == (303, f"{A17}#renewal")
        page = await site.visitor.page(A17)
        phone = re.search(r'<option value="([0-9a-f]{12})"', page)
        assert phone is not None
        step = {"day": "1405/09/10", "clock": "۱۰:۳۰", "phone": phone[1], "owner": "zahra", "text": "پیش‌فاکتور"}
        assert (await send(site, do="step", **step))[0] == 303
        site.parts.now += timedelta(minutes=2)
        assert (await send(site, do="won", ends_on="1406/12/29", number="", level="gold"))[0] == 303
        page = await site.visitor.page(A17)
        words = said(page)
        for told in ("تخفیف خواست", "پیش‌فاکتور", "1 Dec 2026", "A-17-1406", "lead", "Won"):
            assert told in words
        assert 'id="won-form"' not in page
        [due] = await site.store.callbacks.of_customer("C-1042")
        assert (due.owner, due.made_by, due.about) == ("zahra", "lead", "contract:C-1042:A-17")
        assert due.wanted_at.isoformat() == "2026-12-01T07:00:00+00:00"
        won = re.search(r'name="entry" value="([0-9a-f]+)"', page)
        assert won is not None
        assert (await send(site, do="undo", entry=won[1]))[0] == 303
        assert 'id="won-form"' in await site.visitor.page(A17)
        assert (await send(site, do="lost", reason="price", text="گران"))[0] == 303
        assert "A-17" in await site.visitor.page("/contracts?state=all&outcome=lost")
        noted = [entry.what for entry in site.parts.audit.entries if entry.about == "contract:C-1042:A-17"]
        assert noted == ["contract_note", "contract_step", "contract_won", "contract_undo", "contract_lost"]


WRONG: list[tuple[dict[str, str], str]] = [
    ({"do": "note", "text": "  "}, "Nothing is written"),
    ({"do": "won", "ends_on": "1405/12/29"}, "must end after"),
    ({"do": "won", "ends_on": "soon"}, "date"),
    ({"do": "won", "ends_on": "1406/12/29", "number": "A-17"}, "another contract"),
    ({"do": "lost", "reason": "because"}, "Choose why"),
    ({"do": "step", "text": "x", "day": "1405/08/01", "owner": "lead"}, "past"),
    ({"do": "step", "text": "x", "day": "1405/10/01", "owner": "nobody"}, "nobody of that name"),
    ({"do": "step", "text": "x", "day": "1405/10/01", "owner": "lead", "phone": "0" * 12}, "number to be called"),
    ({"do": "undo", "entry": "0"}, "undone before"),
    ({"do": "drop table"}, "form"),
]


async def test_what_was_typed_wrong_stays_with_its_reason(tmp_path: Path) -> None:
    async with renewal_site(tmp_path) as site:
        for fields, why in WRONG:
            status, page = await send(site, **fields)
            assert (status, why in said(page)) == (400, True), fields
            if fields["do"] == "step":
                assert ">x</textarea>" in page
        assert await site.store.contracts.entries("C-1042", "A-17") == []


async def test_calls_by_a_click_about_the_renewal_stand_on_its_page(tmp_path: Path) -> None:
    async with renewal_site(tmp_path) as site:
        assert "Calls about the renewal" not in said(await site.visitor.page(A17))
        for user, about in (("zahra", "contract:C-1042:A-17"), ("reza", "contract:C-1042:A-18")):
            new = NewDial(node="pbx1", extension=user, number="09121234567", user=user, key="k", about=about)
            await site.store.dials.ask(new)
        words = said(await site.visitor.page(A17))
        assert "Calls about the renewal zahra 0912 123 4567 21 Nov 2026 12:12" in words
        assert "reza" not in words


async def test_a_form_sent_twice_is_done_once(tmp_path: Path) -> None:
    async with renewal_site(tmp_path) as site:
        fields = {"token": field_of(await site.visitor.page(A17), "token"), "do": "won", "ends_on": "1406/12/29"}
        assert [(await site.visitor.post(A17, fields)).status for _ in range(3)] == [303] * 3
        assert len(await site.store.contracts.entries("C-1042", "A-17")) == 1


async def test_who_only_reads_sees_no_form_and_no_whole_number(tmp_path: Path) -> None:
    async with renewal_site(tmp_path, role=Role.READ_ONLY) as site:
        for address in (A17, "/contracts/renewals"):
            page = await site.visitor.page(address)
            assert "<textarea" not in page
            assert "9121234567" not in re.sub(r"\D", "", to_ascii(page))
        answer = await site.visitor.post(A17, {"do": "note", "text": "x", "token": "0" * 16})
        assert answer.status == 403


async def test_the_export_is_for_spreadsheets_and_no_cell_of_it_is_a_formula(tmp_path: Path) -> None:
    crm = {
        "customers": "C-1,=cmd|' /C calc'!A0,fa,@gold",
        "contracts": "C-1,+17,1405/01/01,1405/12/29,-gold",
        "contacts": "C-1,x,09121234567",
    }
    async with renewal_site(tmp_path, crm=crm) as site:
        for query in ("?of=renewals", "?state=valid"):
            answer = await site.visitor.get(f"/contracts/export.csv{query}")
            text = (await answer.read()).decode("utf-8")
            assert text.startswith("\ufeff")
            head, row = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
            assert len(head) == len(row)
            assert (row[1], row[2], row[3], row[6]) == ("'=cmd|' /C calc'!A0", "'@gold", "'+17", "'-gold")
            assert (row[4], row[5], row[7]) == ("2026-03-21", "2027-03-20", "Ending")
        assert [entry.what for entry in site.parts.audit.entries][-2:] == ["exported", "exported"]


async def test_hostile_texts_are_shown_as_texts(tmp_path: Path) -> None:
    def cell(text: str) -> str:
        plain = "".join(c for c in text if c.isprintable() or c in "\u202e\u2067")
        return '"' + plain.replace('"', '""') + '"'

    rows: dict[str, Any] = {"customers": "", "contracts": "", "contacts": ""}
    for number, text in enumerate(HOSTILE):
        rows["customers"] += f"C-{number},{cell(text)},fa,{cell(text[:40])}\n"
        rows["contracts"] += f"C-{number},{cell(text[:50])},1405/01/01,1405/12/29,{cell(text[:40])}\n"
        rows["contacts"] += f"C-{number},{cell(text)},0912123456{number}\n"
    async with renewal_site(tmp_path, crm={name: text.strip() for name, text in rows.items()}) as site:
        lines = await site.store.contracts.list(Sought())
        assert len(lines) == len(HOSTILE)
        list_page = await site.visitor.page("/contracts")
        links = re.findall(r'<a href="(/contracts/C-[^"]+)"', list_page)
        for text in HOSTILE:
            await site.visitor.post(
                links[0], {"do": "note", "text": text, "token": field_of(await site.visitor.page(links[0]), "token")}
            )
        pages = [list_page, await site.visitor.page("/contracts/renewals")]
        pages += [await site.visitor.page(link) for link in links]
        for page in pages:
            page = re.sub(r'<option value="[^"]*"', "", page)  # which is sent back as it is
            assert "<img src=x" not in page
            assert "<script>window" not in page
            assert "\u202e" not in page
            assert "#{7*7}" in page or "{{ 7*7" not in page
