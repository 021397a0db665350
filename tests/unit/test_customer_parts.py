"""Letters as people type them, why a number is none, the form of a customer, and the pages without a store."""

from __future__ import annotations

import re

import pytest
from demo_history import NOON, morning
from hypothesis import given
from hypothesis import strategies as st
from web_visitor import NAME, Parts, visiting

from pbx_bridge.calls.call import Direction
from pbx_bridge.store import Role
from pbx_bridge.store.announce import CallRow
from pbx_bridge.store.customers import Person, Sheet
from pbx_bridge.store.lines import line_of
from pbx_bridge.values import phone
from pbx_bridge.values.letters import Asked, Line, fold
from pbx_bridge.web.addresses import contract_address, customer_address
from pbx_bridge.web.customers import form
from pbx_bridge.web.customers.book_page import number_of, recent
from pbx_bridge.web.customers.memory import MemoryBook, MemoryStories

WORDS = st.text(alphabet="شرکتكیيئىأآاةهۀ\u200c\u064b ـAaÉßİ۱1٣-", max_size=12)


@given(WORDS)
def test_folded_once_is_folded_for_good(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert Line.of(fold(text)) == Line.of(text)


@given(WORDS)
def test_a_name_is_found_by_itself_and_by_each_of_its_beginnings(text: str) -> None:
    line = Line.of(text)
    for end in range(1, len(text) + 1):
        asked = Asked.of(text[:end])
        assert asked.finds([line]) == bool(asked.whole)


@pytest.mark.parametrize("typed", ["مي‌شود", "می شود", "میشود", "مِی‌شود", "ميــشود"])
@pytest.mark.parametrize("name", ["می‌شود", "می شود", "ميشود"])
def test_joined_parted_or_in_one_a_word_is_the_same(typed: str, name: str) -> None:
    assert Asked.of(typed).finds([Line.of(name)])


def test_each_word_may_be_in_another_line_but_begins_a_word() -> None:
    lines = [Line.of("شرکت آریا"), Line.of("علی رضایی")]
    assert Asked.of("رضا آری").finds(lines)
    assert not Asked.of("ضایی").finds(lines)
    assert not Asked.of("رضا پارس").finds(lines)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("call me", "letters"),
        ("0912", "short"),
        ("0912 123 4567 890", "long"),
        ("+999 123456789", "country"),
        ("091212345", "unknown"),
    ],
)
def test_why_a_number_is_none(text: str, why: str) -> None:
    assert phone.to_e164(text) is None
    assert phone.why_not(text) == why


@given(st.text(max_size=30))
def test_there_is_always_a_reason(text: str) -> None:
    assert phone.why_not(text) in ("empty", "letters", "short", "long", "country", "unknown")


def test_the_form_keeps_what_is_right_and_tells_what_is_not() -> None:
    told = {
        "name": [" Aria\u202e "],
        "tier": ["gold"],
        "agent": ["۱۰۱"],
        "language": ["xx"],
        "contact_phone": ["۰۹۱۲۱۲۳۴۵۶۷", "", "00989121234567"],
        "contact_name": ["Sara", "", "again"],
    }
    read, sheet = form.read(told, "IR")
    assert [(line.error, line.other) for line in read.lines] == [("", 0), ("customers.phone.twice", 1)]
    assert sheet == Sheet(
        name="Aria", tier="gold", agent="101", people=(Person(phone_e164="+989121234567", name="Sara"),)
    )
    assert read.wrong
    assert dict(form.read({"agent": ["abc"]}, "IR")[0].errors) == {
        "name": "customers.error.no_name",
        "agent": "customers.error.agent",
    }
    assert form.seen(form.as_seen(sheet)) == sheet
    assert form.seen("[]") is None


@pytest.mark.parametrize("code", ["A/B 1", "..", "مشتری", "a?b#c", "100%"])
def test_any_code_has_an_address(code: str) -> None:
    assert re.fullmatch(r"/customers/[A-Za-z0-9_.~%-]+/edit", customer_address(code, "/edit"))
    assert re.fullmatch(r"/contracts/[A-Za-z0-9_.~%-]+/1%2F2", contract_address(code, "1/2"))


@pytest.mark.parametrize(
    ("text", "number"),
    [("۰۹۱۲ ۱۲۳ ۴۵۶۷", "+989121234567"), ("۱۰۱", "101"), ("1", ""), ("1234567", ""), ("x", ""), ("", "")],
)
def test_what_a_phone_book_keeps(text: str, number: str) -> None:
    assert number_of(text, "IR") == number


def test_recent_numbers_are_those_of_the_other_side_each_once() -> None:
    lines = [line_of(CallRow(call=call, revision=1)) for call in morning()]
    found = recent(lines, "102", "IR")
    assert found
    assert len({one.number for one in found}) == len(found)
    assert "102" not in {one.number for one in found}
    assert all(one.number for one in found)
    assert {one.direction for one in found} <= set(Direction)


# --- the pages without a store ---


def parts_of(role: Role = Role.LEAD) -> Parts:
    parts = Parts()
    parts.users.roles[NAME] = role
    parts.users.extensions[NAME] = "102"
    book = parts.customers.book
    assert isinstance(book, MemoryBook)
    people = (Person(phone_e164="+989121234567", name="Sara 09121110000"),)
    book.put("C-1042", Sheet(name="Aria", language="en", tier="gold", people=people))
    book.put("1007", Sheet(name="Mehr", people=people))
    return parts


async def test_a_customer_is_made_changed_merged_and_parted() -> None:
    parts = parts_of()
    async with visiting(parts) as visitor:
        assert (await visitor.post("/customers/new", {"name": "Nord", "free": "50009"})).status == 303
        assert (await visitor.post("/customers/new", {"name": "Nord", "free": "50009"})).status == 303
        assert (await visitor.post("/customers/new", {"name": "Nord", "code": "1007"})).status == 400
        page = await visitor.page("/customers/1007")
        assert "Another customer has this number, too" in page
        assert (await visitor.post("/customers/1007/merge", {"gone": "C-1042"})).status == 303
        assert (await visitor.post("/customers/new", {"name": "x", "code": "C-1042"})).status == 400
        assert (await visitor.get("/customers/C-1042")).headers["Location"] == "/customers/1007"
        (undo,) = re.findall(r'action="([^"]+/undo)"', await visitor.page("/customers/1007"))
        assert (await visitor.post(undo, {})).status == 303
        assert "Aria" in await visitor.page("/customers/C-1042")
        assert (await visitor.post("/customers/50009/delete", {})).status == 303
        assert (await visitor.get("/customers/50009")).status == 404


async def test_masked_numbers_stay_masked() -> None:
    parts = parts_of(Role.READ_ONLY)
    async with visiting(parts) as visitor:
        for path in ("/customers?q=aria", "/customers/C-1042", "/phone-book"):
            plain = re.sub(r"\D", "", (await visitor.page(path)).split("<main")[1])
            assert "9121234567" not in plain
            assert "9121110000" not in plain


async def test_only_those_an_agent_met() -> None:
    from dataclasses import replace

    parts = parts_of(Role.AGENT)
    parts.customers = replace(parts.customers, agents_see_all=False, queues_of=lambda _: ("support",))
    stories = parts.customers.stories
    assert isinstance(stories, MemoryStories)
    async with visiting(parts) as visitor:
        assert (await visitor.get("/customers/1007")).status == 404
        stories.those_met.add(("1007", "support"))
        await visitor.page("/customers/1007")
        page = (await visitor.page("/customers?q=0912 123 4567")).split('id="found"')[1]
        assert ("Mehr" in page, "Aria" in page) == (True, False)
    parts.users.extensions[NAME] = ""
    async with visiting(parts) as visitor:
        assert (await visitor.get("/customers/1007")).status == 404


async def test_the_history_leads_to_the_customer_and_a_call_to_a_new_one() -> None:
    parts = parts_of()
    calls = morning(NOON)
    parts.put(calls)
    unknown = next(call for call in calls if not call.customer_code and call.caller)
    async with visiting(parts) as visitor:
        page = await visitor.page(f"/calls/{unknown.call_id}")
        assert "/customers/new?phone=" in page
