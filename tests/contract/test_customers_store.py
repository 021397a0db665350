"""Customers in the store: found as people look for them, changed without losing what others changed, their story."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from crm_folder import import_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_facts import NOON, quick_store, revisions, whole
from store_places import query

from pbx_bridge.store import CallRow, Store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.customers import Made, Person, Sheet
from pbx_bridge.store.customers_story import Happening, StoryKind
from pbx_bridge.store.requests import NewCallback, NewComplaint, NewTicket
from pbx_bridge.values.letters import Asked, Line

FILES = {
    "customers": "\n".join(
        (
            "C-1042,شركت آریا صنعت,fa,gold",
            "C-1007,بیمارستان‌های مهر,fa,silver",
            "2001,Parsa Trading & Co.,en,",
            "2002,Café Pars,en,",
            "2003,شرکت آب و فاضلاب منطقهٔ ۲,fa,",
        )
    ),
    "contacts": "\n".join(
        ("C-1042,علی رضایی,09121234567", "C-1007,پذیرش,02188776655", "2001,Ann,+49 30 901820", "2002,Ann,02188776655")
    ),
}


@pytest.fixture
async def store(place: StorePlace, tmp_path: Path) -> AsyncIterator[Store]:
    async with quick_store(place) as opened:
        await import_files(opened, tmp_path, FILES)
        yield opened


async def codes(store: Store, text: str, **how: bool) -> list[str]:
    return [hit.code for hit in (await store.finder.find(text, 20, **how)).hits]


WORDS = {
    "آریا": ["C-1042"],
    "اريا": ["C-1042"],
    "شرکت": ["2003", "C-1042"],
    "صنعت شرکت": ["C-1042"],
    "بیمارستان های": ["C-1007"],
    "بیمارستانهای مهر": ["C-1007"],
    "منطقه 2": ["2003"],
    "PARS": ["2001", "2002"],
    "cafe": ["2002"],
    "c-10": ["C-1007", "C-1042"],
    "C1042": ["C-1042"],
    "۱۰۴۲": ["C-1042"],
    "رضایی": ["C-1042"],
    "علی آریا": ["C-1042"],
    "ان": [],
    "%": [],
    "'; DROP TABLE customer; --": [],
    "": [],
    "\x00\ud800": [],
}
FORMS = (
    "09121234567",
    "+989121234567",
    "00989121234567",
    "9121234567",
    "۰۹۱۲۱۲۳۴۵۶۷",
    "٠٩١٢ ١٢٣ ٤٥٦٧",
    "0912/123-4567",
    "0912123",
    "0098912123",
    "+98912",
    "98912123",
)


async def test_by_words_of_name_code_and_people(store: Store) -> None:
    assert {text: sorted(await codes(store, text)) for text in WORDS} == WORDS


async def test_by_a_number_in_any_form_and_by_its_beginning(store: Store) -> None:
    assert {text: await codes(store, text) for text in FORMS} == {text: ["C-1042"] for text in FORMS}


async def test_two_on_a_number_are_both_found(store: Store) -> None:
    assert sorted(await codes(store, "021 8877 6655")) == ["2002", "C-1007"]


async def test_whoever_sees_no_numbers_cannot_find_them_out_by_their_beginnings(store: Store) -> None:
    assert await codes(store, "0912123456", whole_numbers=True) == []
    assert await codes(store, "0912 123 4567", whole_numbers=True) == ["C-1042"]


async def test_what_is_found_follows_every_change(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, {"customers": "2001,Nord Handel,en,", "contacts": "2002,Béla,09350000001"})
    assert await codes(store, "parsa") == []
    assert await codes(store, "handel") == ["2001"]
    assert await codes(store, "bela") == ["2002"]
    there = await store.customers.get("2002")
    assert there is not None
    sheet = Sheet(name="Weiß", people=there.sheet.people[:1])
    assert (await store.customers.save("2002", there.sheet, sheet)).done
    assert await codes(store, "cafe") == []
    assert await codes(store, "WEISS") == ["2002"]
    assert await store.customers.delete("2002") == ""
    assert await codes(store, "WEISS") == []


async def test_customers_from_before_there_was_a_search_are_found(store: Store, place: StorePlace) -> None:
    await store.writer.submit(lambda tx: tx.db.execute("DELETE FROM customer_word").rowcount)
    await store.writer.submit(lambda tx: tx.db.execute("UPDATE customer SET found_by = NULL").rowcount)
    assert await codes(store, "صنعت") == ["C-1042"]
    while await store.finder.step(2):
        pass
    assert query(place, "SELECT COUNT(*) FROM customer WHERE found_by IS NULL") == [(0,)]
    assert await codes(store, "رضایی") == ["C-1042"]


NAMES = st.lists(
    st.sampled_from(["شركت", "شرکت", "آریا", "اريا", "می‌رود", "میرود", "رود", "Ab", "ab-c", "۱۲", "12", "x"]),
    min_size=1,
    max_size=4,
).map(" ".join)
ASKED = st.text(alphabet="شرکتكمیي\u200cودابآ aAbcx12۱ -", max_size=9)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.lists(NAMES, min_size=1, max_size=8), texts=st.lists(ASKED, min_size=1, max_size=8))
async def test_the_search_finds_what_looking_at_each_finds(
    store: Store, names: Sequence[str], texts: Sequence[str]
) -> None:
    for number, name in enumerate(names):
        await store.customers.create(f"N{number}", Sheet(name=name))
        kept = await store.customers.get(f"N{number}")
        assert kept is not None
        await store.customers.save(f"N{number}", kept.sheet, Sheet(name=name))
    stands = {code: name for code, name in await _names(store) if code.startswith("N")}
    for text in texts:
        asked = Asked.of(text)
        found = {code for code in await codes(store, text) if code in stands}
        wanted = {code for code, name in stands.items() if asked.finds((Line.of(name), Line.of(code)))}
        assert found == wanted, text


async def _names(store: Store) -> list[tuple[str, str]]:
    return await store.writer.submit(lambda tx: tx.db.execute("SELECT code, name FROM customer").fetchall())


async def test_more_than_fit_are_told(store: Store) -> None:
    for number in range(7):
        await store.customers.create(f"M{number}", Sheet(name=f"Many {number} many"))
    found = await store.finder.find("many", 5)
    assert (len({hit.code for hit in found.hits}), found.more) == (5, True)
    assert not (await store.finder.find("many", 7)).more


# --- changes ---


async def test_a_customer_is_written_down_and_past_calls_are_linked(store: Store) -> None:
    (row,) = await revisions(store, whole("1.1", caller="09350000002"), 1)
    assert isinstance(row, CallRow)
    sheet = Sheet(name="نو", language="fa", people=(Person(phone_e164="+989350000002", name=""),))
    made = await store.customers.create("", sheet)
    assert (made.why, made.code.isdigit()) == ("", True)
    await store.relinker.finish()
    again = await store.calls.get(row.call.call_id)
    assert again is not None
    assert again.call.customer_code == made.code
    assert await store.customers.delete(made.code) == "call"
    kept = await store.customers.get(made.code)
    assert kept is not None
    assert kept.sheet == sheet
    assert (await store.customers.save(made.code, sheet, Sheet(name="نو"))).done
    await store.relinker.finish()
    gone = await store.calls.get(row.call.call_id)
    assert gone is not None
    assert gone.call.customer_code == ""
    assert await store.customers.delete(made.code) == ""


async def test_a_number_of_two_links_neither_and_both_are_told(store: Store) -> None:
    await revisions(store, whole("1.1", caller="09121234567"), 1)
    there = await store.customers.get("2001")
    assert there is not None
    sheet = Sheet(name=there.sheet.name, people=(Person(phone_e164="+989121234567", name="x"),))
    now = (await store.customers.save("2001", there.sheet, sheet)).now
    assert now is not None
    shared = await store.customers.shared(now)
    assert shared.by_phone == {"+989121234567": (("C-1042", "شركت آریا صنعت"),)}
    await store.relinker.finish()
    assert [row.call.customer_code async for row in store.calls.since()] == [""]


async def test_a_code_is_given_once(store: Store) -> None:
    assert await store.customers.create("۲۰۰۱", Sheet(name="x")) == Made(code="2001", why="taken")


async def test_of_two_who_change_the_second_is_told(store: Store) -> None:
    seen = await store.customers.get("2001")
    assert seen is not None
    first = Sheet(name="First", tier="gold", people=seen.sheet.people)
    second = Sheet(name="Second", people=seen.sheet.people)
    done = await asyncio.gather(
        store.customers.save("2001", seen.sheet, first), store.customers.save("2001", seen.sheet, second)
    )
    assert sorted(one.done for one in done) == [False, True]
    [lost] = [one for one in done if not one.done]
    assert lost.now is not None
    assert lost.now.sheet in (first, second)
    now = await store.customers.get("2001")
    assert now is not None
    assert now.sheet == lost.now.sheet


async def test_an_import_in_between_is_a_change_too(store: Store, tmp_path: Path) -> None:
    seen = await store.customers.get("2001")
    assert seen is not None
    await import_files(store, tmp_path, {"contacts": "2001,Bob,09350000009"})
    saved = await store.customers.save("2001", seen.sheet, Sheet(name="x"))
    assert not saved.done
    assert saved.now is not None
    assert saved.now.sheet.name == "Parsa Trading & Co."
    assert (await store.customers.save("no such", seen.sheet, seen.sheet)).now is None


async def test_who_has_tickets_or_contracts_stays(store: Store, tmp_path: Path) -> None:
    await import_files(store, tmp_path, {"contracts": "2001,1,1404/01/01,1404/12/29,"})
    await store.requests.open_ticket(NewTicket(origin="t:1", customer_code="2002", subject="x"))
    assert await store.customers.delete("2001") == "contract"
    assert await store.customers.delete("2002") == "ticket"
    assert await store.customers.delete("no such") == "unknown"


# --- the story ---


async def test_the_story_is_told_newest_first_page_by_page(store: Store) -> None:
    facts = [fact for n in range(7) for fact in whole(f"1.{n}", n * 100)]
    rows = await revisions(store, facts, 7)
    assert isinstance(rows[3], CallRow)
    await store.notes.add(rows[3].call.call_id, "sara", "called back")
    for number in range(3):
        await store.requests.open_ticket(
            NewTicket(origin=f"t:{number}", customer_code="C-1042", subject=f"s{number}")
        )
    await store.requests.file_complaint(
        NewComplaint(
            ticket=NewTicket(origin="c:1", customer_code="C-1042", subject="late"),
            reason="slow",
            acknowledge_by=NOON,
            answer_by=NOON,
            answer_on=NOON.date(),
        )
    )
    await store.requests.ask_for_callback(
        NewCallback(
            origin="b:1",
            node="pbx1",
            channel="1.1",
            number="+989121234567",
            queue="support",
            wanted_at=NOON + timedelta(hours=1),
            customer_code="C-1042",
        )
    )
    every = (await store.stories.page("C-1042", limit=50)).happenings
    assert len(every) == 12
    assert [one.place for one in every] == sorted((one.place for one in every), reverse=True)
    paged: list[Happening] = []
    before = ""
    while True:
        page = await store.stories.page("C-1042", before=before, limit=4)
        paged += page.happenings
        if not (before := page.older):
            break
    assert paged == list(every)
    for kind, count in zip(StoryKind, (7, 1, 0, 3, 1, 1), strict=True):
        found = (await store.stories.page("C-1042", kind=kind)).happenings
        assert len(found) == count, kind
    (noted,) = (await store.stories.page("C-1042", kind=StoryKind.NOTE)).happenings
    assert [note.text for note in noted.notes] == ["called back"]
    assert not (await store.stories.page("2001")).happenings
    theirs = await store.stories.page("C-1042", kind=StoryKind.CALL, mine=lambda _: False)
    assert not theirs.happenings
    edited = await store.stories.page("C-1042", before="x.y")
    assert len(edited.happenings) == 12


async def test_a_long_story_is_looked_through_bit_by_bit(store: Store) -> None:
    facts = [fact for n in range(60) for fact in whole(f"1.{n}", n * 60)]
    await revisions(store, facts, 60)
    seen: list[str] = []
    before, pages = "", 0
    while True:
        page = await store.stories.page(
            "C-1042", kind=StoryKind.CALL, before=before, limit=7, mine=lambda call: call.started_at.minute % 9 == 0
        )
        seen += [one.id for one in page.happenings]
        pages += 1
        if not (before := page.older):
            break
    assert len(seen) == len(set(seen)) == len([1 for n in range(60) if (NOON + timedelta(minutes=n)).minute % 9 == 0])


async def test_who_had_to_do_with_a_customer(store: Store) -> None:
    await revisions(store, whole("1.1"), 1)
    facets = await store.calls.choices()
    assert not await store.stories.met("C-1042", "999")
    assert not await store.stories.met("C-1042", "")
    assert facets is not None


# --- the phone book ---


async def test_everybody_has_a_phone_book_of_their_own(store: Store) -> None:
    book = store.phone_book
    assert await book.add("sara", code="C-1042")
    assert await book.add("sara", number="+989121111111", name="Ali\x00\u202e")
    assert await book.add("sara", number="+989121111111", name="Ali")
    assert await book.add("omid", number="101")
    lines = {(line.code, line.number): line for line in await book.of("sara")}
    assert set(lines) == {("C-1042", ""), ("", "+989121111111")}
    assert lines["C-1042", ""].phones == ("+989121234567",)
    assert lines["C-1042", ""].name == "شركت آریا صنعت"
    assert lines["", "+989121111111"].name == "Ali"
    assert not await book.remove("omid", lines["C-1042", ""].id)
    assert await book.remove("sara", lines["C-1042", ""].id)
    assert [line.number for line in await book.of("sara")] == ["+989121111111"]
