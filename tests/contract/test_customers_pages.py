"""The pages of customers on a real store: who sees whom, what is refused and why, two tabs, merging, phone book."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestClient, TestServer
from crm_folder import import_files
from demo_history import NOON, left_early, queued
from put_calls import put_calls
from web_visitor import FROM_PAGE, NAME, PASSWORD, TEHRAN, Parts, Visitor

from pbx_bridge.calls.call import Call, SurveyAnswer
from pbx_bridge.health import Health
from pbx_bridge.store import Role, Store, open_store
from pbx_bridge.store.audit import Sought
from pbx_bridge.store.contracts_rules import standing
from pbx_bridge.store.customers import Person, Sheet
from pbx_bridge.web.admin.memory import MemoryUsers
from pbx_bridge.web.call.memory import MemorySounds
from pbx_bridge.web.call.ports import CallParts
from pbx_bridge.web.customers.ports import CustomerParts
from pbx_bridge.web.permits import UNMASKED
from pbx_bridge.web.site import SiteParts, make_site

AGENT, READER = "agent", "reader"
HOSTILE = "<img src=x onerror=window.struck=1>\u202e{{7*7}}"
FILES = {
    "customers": f"C-1042,شرکت آریا صنعت,fa,gold\n1007,Mehr Hospital,en,\nA/B 1,{HOSTILE},,<b>\n1188,Mehr Clinic,,",
    "contacts": "\n".join(
        (
            "C-1042,علی رضایی,09121234567",
            "1007,Desk,02188776655",
            "1007,09199998888 Sara,09350000001",
            "A/B 1,x,09355550142",
        )
    ),
    "contracts": "C-1042,SLA-7,1404/10/01,1405/09/10,gold",
}


@dataclass(kw_only=True)
class Site:
    """A store, and who may look at it; an agent's phone is 102."""

    store: Store
    mine: Call
    other: Call
    sees_all: bool = True
    queues: tuple[str, ...] = ()
    unmasked: frozenset[Role] = UNMASKED

    @asynccontextmanager
    async def visiting(self, name: str = NAME) -> AsyncIterator[Visitor]:
        """Somebody at the site."""
        users = MemoryUsers(dict.fromkeys((NAME, AGENT, READER), PASSWORD))
        users.roles = {AGENT: Role.AGENT, READER: Role.READ_ONLY}
        users.extensions = {AGENT: "102"}
        store = self.store
        site = make_site(
            SiteParts(
                health=Health(),
                calls=store.calls,
                users=users,
                session_key=b"k" * 32,
                zone=TEHRAN,
                clock=lambda: NOON,
                unmasked=self.unmasked,
                agents=store.agents,
                audit=store.audit,
                call=CallParts(
                    sounds=MemorySounds(),
                    notes=store.notes,
                    context=store.context,
                    requests=store.requests,
                    customers=store.crm,
                ),
                customers=CustomerParts(
                    book=store.customers,
                    finder=store.finder,
                    merges=store.merges,
                    stories=store.stories,
                    phone_book=store.phone_book,
                    contracts=store.crm,
                    agents_see_all=self.sees_all,
                    queues_of=lambda _: self.queues,
                ),
            )
        )
        async with TestClient(TestServer(site, access_log=None)) as client:
            visitor = Visitor(client, Parts())
            assert (await visitor.sign_in(name)).status == 303
            yield visitor

    async def log(self) -> list[tuple[str, str, str]]:
        """Who did what to whom, in order."""
        entries = await self.store.audit.page(Sought())
        return [(one.user, one.what, one.about) for one in reversed(entries) if one.what != "signed_in"]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    # On one engine: what the store does on either is test_customers_store.py's and test_customer_merges.py's.
    async with open_store(tmp_path / "s.db", folding=False, zone=TEHRAN, clock=lambda: NOON) as store:
        await import_files(store, tmp_path, FILES)
        mine = queued(1, NOON - timedelta(hours=2), "09121234567", wait=20, talk=90)
        answer = SurveyAnswer(question="satisfied", answer=4, scale=5, queue="support", agent="102", at=NOON)
        mine = replace(mine, customer_code="C-1042", customer_by="number", agents=("102",), survey=(answer,))
        other = replace(left_early(2, NOON - timedelta(hours=3), "02188776655"), customer_code="1007")
        theirs = replace(left_early(3, NOON - timedelta(hours=1), "09121234567"), customer_code="C-1042")
        await put_calls(store, [mine, other, theirs], None)
        await store.backfill.finish()
        await store.notes.add(mine.call_id, "sara", f"call 09121112233 back {HOSTILE}")
        yield Site(store=store, mine=mine, other=other)


async def send(visitor: Visitor, path: str, fields: list[tuple[str, str]]) -> tuple[int, str]:
    """A form, some of whose fields are there several times: the status, and where it leads or what it shows."""
    answer = await visitor.client.post(
        path, data=fields, headers={"Accept-Language": "en", **FROM_PAGE}, allow_redirects=False
    )
    return answer.status, answer.headers.get("Location") or await answer.text()


def hidden(page: str, name: str) -> str:
    """What a hidden field of the page holds."""
    (value,) = set(re.findall(rf'name="{name}" value="([^"]*)"', page))
    return unescape(value)


# --- the search ---


async def test_found_by_anything_and_nothing_that_was_sent_runs(site: Site) -> None:
    async with site.visiting() as visitor:
        for text in ("صنعت", "c-1042", "۱۰۴۲", "0912 123 4567", "00989121234567"):
            page = await visitor.page(f"/customers?q={quote(text)}")
            assert '<a href="/customers/C-1042">' in page, text
        page = await visitor.page("/customers?q=img")
        assert "<img src=x" not in page
        assert "\u202e" not in page
        (address,) = re.findall(r'<li><a href="([^"]+)"', page)
        assert address == "/customers/A%2FB%201"
        page = await visitor.page(address)
        assert "&lt;img src=x onerror=window.struck=1&gt;" in page
        assert "No customer found." in await visitor.page("/customers?q=zzz")


async def test_whoever_sees_no_numbers_does_not_get_them_here(site: Site) -> None:
    async with site.visiting(READER) as visitor:
        assert "Mehr" not in (await visitor.page("/customers?q=0218877")).split('id="found"')[1]
        page = await visitor.page("/customers?q=02188776655")
        assert "Mehr Hospital" in page
        pages = [page, await visitor.page("/customers/1007"), await visitor.page("/customers/C-1042")]
        for one in pages:
            plain = re.sub(r"\D", "", one.split("<main")[1].replace('value="02188776655"', ""))
            for number in ("2188776655", "9350000001", "9199998888", "9121234567", "9121112233"):
                assert number not in plain
        assert (await visitor.get("/customers/1007/edit")).status == 403
        assert "/edit" not in pages[1]
    site.unmasked = frozenset({Role.LEAD})
    async with site.visiting(AGENT) as agent:  # who may change customers, but sees no numbers
        assert "/edit" not in await agent.page("/customers/1007")
        for path in ("/customers/1007/edit", "/customers/new", f"/customers/new?call={site.mine.call_id}"):
            assert (await agent.get(path)).status == 403
        assert (await send(agent, "/customers/1007/edit", [("name", "")]))[0] == 403
        assert (await send(agent, "/customers/1007/delete", []))[0] == 403


# --- one customer ---


async def test_the_page_tells_what_an_agent_wants_to_know(site: Site) -> None:
    async with site.visiting(AGENT) as visitor:
        page = await visitor.page("/customers/C-1042")
        assert "Ends soon: 1 Dec 2026" in page
        assert "/contracts/C-1042/SLA-7" in page
        assert f'href="/calls/{site.mine.call_id}"' in page
        assert page.count('class="happened call"') == 2
        assert page.count('href="/calls/') == 1  # of the other call they see no more
        assert "★" in page
        assert "call 09121112233 back &lt;img" in page
        for kind, count in {"note": 1, "survey": 1, "call": 2, "ticket": 0, "complaint": 0, "callback": 0}.items():
            shown = await visitor.page(f"/customers/C-1042?kind={kind}")
            assert shown.count('class="happened') == count, kind
        assert (await visitor.get("/customers/no-such")).status == 404
        assert (await visitor.page("/customers/C-1042?kind=x&before=y.z")).count('class="happened') == 2


@pytest.mark.parametrize(
    ("ends_on", "told"),
    [((2027, 6, 1), "valid"), ((2027, 5, 1), "ending"), ((2026, 11, 21), "ending"), ((2026, 11, 20), "ended")],
)
def test_how_a_contract_stands(ends_on: tuple[int, int, int], told: str) -> None:
    from pbx_bridge.store import Contract

    contract = Contract(customer_code="1", number="1", starts_on=date(2026, 1, 1), ends_on=date(*ends_on), level="")
    assert standing(contract, date(2026, 11, 21), 6) == told
    assert standing(None, date(2026, 11, 21), 6) == "none"
    assert standing(contract, date(2025, 12, 31), 6) == "coming"


# --- an agent who sees only their own ---


async def test_an_agent_sees_only_their_own_if_so_set(site: Site) -> None:
    site.sees_all = False
    async with site.visiting(AGENT) as visitor:
        page = await visitor.page("/customers/C-1042")
        assert page.count('class="happened call"') == 1
        for path in ("/customers/1007", "/customers/1007/edit"):
            assert (await visitor.get(path)).status == 404
        for path in ("/customers/1007/edit", "/customers/1007/delete"):
            assert (await send(visitor, path, [("name", "x")]))[0] == 404
        assert (await send(visitor, "/phone-book", [("code", "1007")]))[0] == 404
        assert "Mehr" not in (await visitor.page("/customers?q=mehr")).split('id="found"')[1]
        assert "C-1042" in await visitor.page("/customers?q=1042")
        # Whom they write down they see.
        status, where = await send(
            visitor,
            "/customers/new",
            [("name", "Nord"), ("contact_phone", ""), ("contact_name", ""), ("free", "77001")],
        )
        assert (status, where) == (303, "/customers/77001?did=made")
        await visitor.page("/customers/77001")
    site.queues = ("support",)
    there = await site.store.customers.get("1007")
    assert there is not None
    assert (await site.store.customers.save("1007", there.sheet, replace_agent(there.sheet, "102"))).done
    async with site.visiting(AGENT) as visitor:
        await visitor.page("/customers/1007")  # they are that customer's own agent now
    async with site.visiting() as lead:
        await lead.page("/customers/1188")


def replace_agent(sheet: Sheet, agent: str) -> Sheet:
    return Sheet(name=sheet.name, language=sheet.language, tier=sheet.tier, agent=agent, people=sheet.people)


# --- written down and changed ---


async def test_an_unknown_caller_becomes_a_customer(site: Site) -> None:
    async with site.visiting(AGENT) as visitor:
        page = await visitor.page(f"/customers/new?phone=09127770000&call={site.mine.call_id}")
        assert 'value="0912 777 0000"' in page
        assert f'href="/calls/{site.mine.call_id}"' in page
        free = hidden(page, "free")
        fields = [
            ("free", free),
            ("name", f"  Nord {HOSTILE} "),
            ("language", "en"),
            ("contact_phone", "۰۹۱۲ ۷۷۷ ۰۰۰۰"),
            ("contact_name", "Ann"),
            ("contact_phone", ""),
            ("contact_name", ""),
        ]
        for _ in range(2):  # pressed twice
            assert await send(visitor, "/customers/new", fields) == (303, f"/customers/{free}?did=made")
        made = await site.store.customers.get(free)
        assert made is not None
        assert made.sheet.people == (Person(phone_e164="+989127770000", name="Ann"),)
        assert "\u202e" not in made.sheet.name
        assert await site.log() == [(AGENT, "customer_made", free)]
        foreign = await visitor.page(f"/customers/new?call={site.other.call_id}")  # a call they took no part in
        assert "Mehr" not in foreign


async def test_wrong_numbers_are_refused_with_place_and_reason_and_nothing_typed_is_lost(site: Site) -> None:
    lines = [("0912", "a"), ("09121234567", "b"), ("+98 912 123 4567", "c"), ("call me", "d"), ("", "e")]
    fields = [("name", "Nord"), ("tier", "vip"), ("code", "1042")]
    for phone, name in lines:
        fields += [("contact_phone", phone), ("contact_name", name)]
    async with site.visiting(AGENT) as visitor:
        status, page = await send(visitor, "/customers/new", fields)
        assert status == 400
        told = re.findall(r'id="error-phone-(\d+)">([^<]+)<', page)
        assert told == [
            ("1", "The number is too short: a digit is missing."),
            ("3", "The same number as in line 2."),
            ("4", "There are letters in the number."),
            ("5", "The number is empty."),
        ]
        for kept in ("0912", "+98 912 123 4567", "call me", "vip", "1042", "Nord"):
            assert f'value="{kept}"' in page
        (turn,) = re.findall(r'class="turn" href="([^"]+)"', page)
        assert (await visitor.get(unescape(turn))).status in (200, 303)
        for wrong in ([("name", "")], [("name", "x" * 200)], [("name", "x"), ("code", "new")]):
            assert (await send(visitor, "/customers/new", wrong))[0] == 400
        status, page = await send(visitor, "/customers/new", [("name", "x"), ("code", "C-1042")])
        assert (status, "مشتری دیگری این کد را دارد." in page) == (400, True)
        assert await site.log() == []


async def test_of_two_tabs_the_second_is_told_what_changed(site: Site) -> None:
    def fields(page: str, **told: str) -> list[tuple[str, str]]:
        told = {"name": "Mehr Hospital", "language": "en", "tier": "", "agent": "", **told}
        people = re.findall(r'name="contact_phone" value="([^"]*)"', page)
        names = re.findall(r'name="contact_name" value="([^"]*)"', page)
        every = [("was", hidden(page, "was")), *told.items()]
        for phone, name in zip(people, names, strict=True):
            every += [("contact_phone", unescape(phone)), ("contact_name", unescape(name))]
        return every

    async with site.visiting() as one, site.visiting(AGENT) as two:
        first, second = await one.page("/customers/1007/edit"), await two.page("/customers/1007/edit")
        done = await send(one, "/customers/1007/edit", fields(first, name="Mehr", tier="gold"))
        assert done == (303, "/customers/1007?did=saved")
        status, page = await send(two, "/customers/1007/edit", fields(second, name="Mehr Clinic 2"))
        assert status == 409
        shown = page.split('id="conflict"')[1].split("</section>")[0]
        assert re.findall(r"<(?:del|ins)><bdi>([^<]+)<", shown) == ["Mehr Hospital", "Mehr", "gold"]
        assert 'value="Mehr Clinic 2"' in page
        standing = await site.store.customers.get("1007")
        assert standing is not None
        assert (standing.sheet.name, standing.sheet.tier) == ("Mehr", "gold")
        assert len(standing.sheet.people) == 2
        again = await send(two, "/customers/1007/edit", fields(page, name="Mehr Clinic 2", tier="gold"))
        assert again == (303, "/customers/1007?did=saved")  # now they know
        status, _ = await send(two, "/customers/1007/edit", [("name", "x"), ("was", "{}")])
        assert status == 200  # a form edited by hand: shown anew, nothing written
    standing = await site.store.customers.get("1007")
    assert standing is not None
    assert standing.sheet.name == "Mehr Clinic 2"
    assert [what for _, what, _ in await site.log()] == ["customer_changed", "customer_changed"]


async def test_only_who_has_nothing_is_deleted(site: Site) -> None:
    async with site.visiting(AGENT) as visitor:
        status, page = await send(visitor, "/customers/1007/delete", [])
        assert (status, "there are calls of this customer" in page) == (409, True)
        assert await send(visitor, "/customers/1188/delete", []) == (303, "/customers")
        assert (await visitor.get("/customers/1188")).status == 404


# --- merging ---


async def test_two_are_merged_and_parted_again(site: Site) -> None:
    async with site.visiting() as lead, site.visiting(AGENT) as agent:
        assert (await agent.get("/customers/1007/merge")).status == 403
        page = await lead.page("/customers/1188/merge?q=mehr")
        assert "/customers/1188/merge?with=1007" in page
        page = await lead.page("/customers/1188/merge?with=1007")
        assert "2 numbers" in page
        assert "1 call" in page
        fields = [("gone", "1007")]
        for _ in range(2):  # pressed twice
            assert await send(lead, "/customers/1188/merge", fields) == (303, "/customers/1188?did=merged#merges")
        answer = await agent.get("/customers/1007")
        assert (answer.status, answer.headers["Location"]) == (303, "/customers/1188")
        assert (await agent.get("/customers/1007/edit")).headers["Location"] == "/customers/1188/edit"
        assert "C-1042" not in await lead.page("/customers?q=1007")
        assert 'href="/customers/1188"' in await lead.page("/customers?q=1007")
        page = await lead.page("/customers/1188")
        (undo,) = re.findall(r'action="([^"]+/undo)"', page)
        assert "/undo" not in await agent.page("/customers/1188")
        assert (await send(agent, undo, []))[0] == 403
        assert await send(lead, undo, []) == (303, "/customers/1188?did=undone#merges")
        assert await send(lead, undo, []) == (303, "/customers/1188?did=undone#merges")
        assert "Mehr Hospital" in await agent.page("/customers/1007")
        for wrong in ("1188", "no such"):
            assert (await send(lead, "/customers/1188/merge", [("gone", wrong)]))[0] in (303, 409)
    assert [what for _, what, _ in await site.log()] == ["customers_merged", "merge_undone"]


# --- the phone book ---


async def test_a_phone_book_of_ones_own(site: Site) -> None:
    async with site.visiting(AGENT) as visitor:
        page = await visitor.page("/phone-book")
        assert "You keep nobody yet." in page
        assert "0912 123 4567" in page  # of their last call
        keep: Mapping[str, str] = {"code": "C-1042", "back": "/customers/C-1042"}
        assert await send(visitor, "/phone-book", list(keep.items())) == (303, "/customers/C-1042")
        assert await send(visitor, "/phone-book", [("number", "۱۰۱"), ("name", HOSTILE)]) == (303, "/phone-book")
        assert (await send(visitor, "/phone-book", [("number", "0912")]))[0] == 303  # as short as an extension
        status, page = await send(visitor, "/phone-book", [("number", "not a number"), ("name", "Ann")])
        assert (status, "neither a phone number nor an extension" in page) == (400, True)
        assert 'value="Ann"' in page
        page = await visitor.page("/phone-book")
        assert "<img src=x" not in page
        line = re.findall(r'action="(/phone-book/[0-9a-f]{16}/remove)"', await visitor.page("/customers/C-1042"))[0]
        assert await send(visitor, line, [("back", "//evil.example/")]) == (303, "/phone-book")
        assert "☆" in await visitor.page("/customers/C-1042")
    async with site.visiting(READER) as reader:
        page = await reader.page("/phone-book")
        assert "You have no phone of your own here." in page
        assert 'href="/customers/C-1042"' not in page
