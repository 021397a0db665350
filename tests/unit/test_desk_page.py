"""`/desk`: the card at the ring, the call in hand, what is told of it when it ends."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from agent_desk import CALL, SARA, STRANGER, Bench, customer, facts, party
from demo_history import NOON, make_call
from live_line import NODE
from web_visitor import NAME, Visitor, visiting

from pbx_bridge.calls.call import Outcome, Segment, SegmentKind, call_id
from pbx_bridge.errors import StoreError
from pbx_bridge.health import LinkState
from pbx_bridge.store import Role
from pbx_bridge.store.audit import Sought
from pbx_bridge.store.call_notes import Note
from pbx_bridge.store.desk_cards import Asked, CardFacts
from pbx_bridge.store.wrap_ups import NewWrapUp, Stand
from pbx_bridge.web.desk.blocks import BLOCKS, Block
from pbx_bridge.web.desk.memory import MemoryCards
from pbx_bridge.web.desk.ports import DeskParts

JSON = {"Sec-Fetch-Site": "same-origin", "Accept": "application/json"}


class Tab:
    """A browser's end of the desk's stream: its pieces as they stand."""

    def __init__(self, lines: Any) -> None:
        self._lines = lines
        self.pieces: dict[str, str] = {}
        self.kinds: list[str] = []
        self.mark = ""

    @property
    def card(self) -> str:
        return self.pieces.get(f"d-{CALL}", "")

    async def until(self, wanted: str, *, there: bool = True) -> str:
        """Take events until the card has that text, or has it no more."""
        async with asyncio.timeout(5):
            while (wanted in self.card) is not there:
                await self._next()
        return self.card

    async def first(self) -> None:
        async with asyncio.timeout(5):
            while not self.pieces:
                await self._next()

    async def _next(self) -> None:
        name, data = "", ""
        while line := (await self._lines.readline()).decode().rstrip("\r\n"):
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data += value
            elif field == "id":
                self.mark = value
        if name not in ("change", "whole"):
            return
        self.kinds.append(name)
        told: Mapping[str, Any] = json.loads(data)
        self.pieces = {} if name == "whole" else self.pieces
        for gone in told.get("gone", ()):
            self.pieces.pop(gone, None)
        self.pieces.update(told["set"])


@asynccontextmanager
async def tab(visitor: Visitor, mark: str = "") -> AsyncIterator[Tab]:
    answer = await visitor.get(f"/desk/events?mark={mark}", Accept="text/event-stream")
    assert answer.status == 200
    try:
        opened = Tab(answer.content)
        await opened.first()
        yield opened
    finally:
        answer.close()


async def test_the_card_comes_when_the_phone_rings_and_tells_who_it_is() -> None:
    bench = Bench()
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        assert seen.card == ""
        bench.rings()
        card = await seen.until("Rings")
        for words in (
            "آریا صنعت",
            "علی رضایی",
            "ends on 11 Dec 2026",
            "(20 days left)",
            "کندی چاپگر",
            "in progress",
            "کد پیگیری را وارد کنید",
            "4712083",
            'href="/customers/C-1042"',
            "New ticket",
        ):
            assert words in card, words
        assert 'name="note"' not in card


async def test_a_contract_is_ending_on_the_card_when_it_is_on_the_list_of_contracts() -> None:
    for months, words in ((1, "valid until 9 Jan 2027"), (2, "ends on 9 Jan 2027")):
        bench = Bench()
        bench.cards.known[SARA] = facts(party(days=49))
        bench.parts.contracts = replace(bench.parts.contracts, months=months)
        bench.rings()
        async with visiting(bench.parts) as visitor:
            assert words in await visitor.page("/desk")


async def test_a_page_that_is_loaded_while_it_rings_has_the_card_and_another_agent_none() -> None:
    bench = Bench()
    bench.rings()
    async with visiting(bench.parts) as visitor:
        assert (await visitor.get("/")).headers["Location"] == "/desk"
        page = await visitor.page("/desk")
        assert "آریا صنعت" in page
        visitor.language = "fa"
        persian = await visitor.page("/desk")
        assert "زنگ می‌خورد" in persian
        assert "۱۴۰۵/۰۹/۲۰" in persian
    bench = Bench(extension="102")
    bench.rings()
    async with visiting(bench.parts) as visitor:
        assert "آریا صنعت" not in await visitor.page("/desk")


async def test_who_has_no_extension_is_told_who_sets_it() -> None:
    for role, words in ((Role.LEAD, "An admin sets it"), (Role.ADMIN, 'href="/admin/users"')):
        async with visiting(Bench(role, "").parts) as visitor:
            assert words in await visitor.page("/desk")
            assert (await visitor.get("/desk/events", Accept="text/event-stream")).status == 404
            assert (await visitor.post("/desk/note", {"call": CALL}, JSON)).status == 404


async def test_two_customers_with_the_number_are_both_offered_and_the_agent_chooses() -> None:
    bench = Bench()
    bench.cards.known[SARA] = facts(party(), party("C-7", "بیمارستان مهر"))
    bench.parts.call.customers.known["C-7"] = customer("C-7")  # type: ignore[attr-defined]
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        phone = bench.rings()
        card = await seen.until("2 customers with this number")
        assert "آریا صنعت" in card
        assert "بیمارستان مهر" in card
        bench.line.talks("1.1", phone)
        await seen.until("It is this one")
        answer = await visitor.post("/desk/customer", {"call": CALL, "customer": "C-7"}, JSON)
        assert answer.status == 200, await answer.text()
        card = await seen.until("It is this one", there=False)
        assert "بیمارستان مهر" in card
        assert "آریا صنعت" not in card
        nobody = await visitor.post("/desk/customer", {"call": CALL, "customer": "C-none"}, JSON)
        assert nobody.status == 400


async def test_an_unknown_number_leads_to_a_new_customer() -> None:
    bench = Bench()
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        bench.rings(STRANGER)
        card = await seen.until("No customer has this number")
        assert 'href="/customers/new?phone=09355550142"' in card


async def talking(bench: Bench, seen: Tab) -> str:
    phone = bench.rings()
    await seen.until("Rings")
    bench.line.talks("1.1", phone)
    await seen.until('name="note"')
    return phone


async def test_a_note_is_kept_with_the_call_and_shown_in_every_window() -> None:
    bench = Bench()
    async with visiting(bench.parts) as visitor, tab(visitor) as one, tab(visitor) as other:
        await talking(bench, one)
        await other.until('name="note"')
        sent = await visitor.post("/desk/note", {"call": CALL, "note": "قطعه سفارش شد", "turn": "0"}, JSON)
        assert await sent.json() == {"kept": True, "turn": 1, "note": "قطعه سفارش شد"}
        for window in (one, other):
            await window.until("قطعه سفارش شد")
        late = await visitor.post("/desk/note", {"call": CALL, "note": "something else", "turn": "0"}, JSON)
        assert (await late.json())["kept"] is False
        again = await visitor.post("/desk/note", {"call": CALL, "note": "قطعه سفارش شد", "turn": "0"}, JSON)
        assert (await again.json())["kept"] is True
        long = await visitor.post("/desk/note", {"call": CALL, "note": "x" * 2001, "turn": "1"}, JSON)
        assert long.status == 400
        elsewhere = await visitor.post("/desk/note", {"call": call_id(NODE, "9.9"), "note": "x", "turn": "0"}, JSON)
        assert elsewhere.status == 400
        whats = [entry.what for entry in await bench.parts.audit.page(Sought())]
        assert whats.count("noted") == 1


async def test_the_wrap_up_stays_until_it_is_sent_also_on_a_page_loaded_anew() -> None:
    bench = Bench()
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        phone = await talking(bench, seen)
        await visitor.post("/desk/note", {"call": CALL, "note": "printer", "turn": "0"}, JSON)
        bench.line.hangs_up(phone, "1.1")
        card = await seen.until("Ended; wrap up")
        assert "printer" in card
        assert 'value="done"' in card
        assert "printer" in await visitor.page("/desk")
        fields = {"call": CALL, "note": "printer", "turn": "1", "reason": "fault", "next_step": "call again"}
        assert (await visitor.post("/desk/wrap-up", {**fields, "do": "later"}, JSON)).status == 200
        await seen.until("Put off")
        wrong = await visitor.post("/desk/wrap-up", {**fields, "do": "done", "number": "1234"}, JSON)
        assert "no tracking number" in (await wrong.json())["error"]
        assert (await visitor.post("/desk/wrap-up", {**fields, "do": "done"}, JSON)).status == 200
        async with asyncio.timeout(5):
            while seen.card:
                await seen.until("Put off", there=False)
        again = await visitor.post("/desk/wrap-up", {**fields, "do": "done"}, JSON)
        assert again.status == 200  # the answer to the first may have been lost
        assert (await visitor.post("/desk/wrap-up", {**fields, "do": "later"}, JSON)).status == 400
    told = bench.wraps.kept[CALL, NAME]
    assert (told.stand, told.reason, told.next_step, told.note) == (Stand.DONE, "fault", "call again", "printer")


async def test_a_talk_that_no_desk_was_there_for_is_to_be_told_of_once_it_is_on_record() -> None:
    bench = Bench()
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        began = NOON - timedelta(minutes=5)
        new = NewWrapUp(
            call_id=CALL, user=NAME, extension="101", node=NODE, channel="1.1", number=SARA, name="", began_at=began
        )
        bench.wraps.missed.append(new)
        bench.parts.put([make_call(3, started_at=began, agents=("101",), outcome=Outcome.ANSWERED)])
        assert 'name="reason"' in await seen.until("آریا صنعت")
        done = {"call": CALL, "reason": "fault", "do": "done"}
        assert (await visitor.post("/desk/wrap-up", done, JSON)).status == 200
        assert await seen.until("آریا صنعت", there=False) == ""


async def test_what_was_told_stands_on_the_page_of_the_call() -> None:
    bench = Bench(Role.LEAD)
    call = make_call(3, started_at=NOON)
    bench.parts.put([call])
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        phone = await talking(bench, seen)
        bench.line.hangs_up(phone, "1.1")
        await seen.until("Ended; wrap up")
        fields = {"call": CALL, "note": "", "turn": "0", "reason": "fault", "next_step": "order a part", "do": "done"}
        assert (await visitor.post("/desk/wrap-up", fields, JSON)).status == 200
        kept = bench.wraps.kept.pop((CALL, NAME))
        bench.wraps.kept[call.call_id, NAME] = replace(kept, call_id=call.call_id)
        page = await visitor.page(f"/calls/{call.call_id}")
        assert "What the agent told of it" in page
        assert "Fault" in page
        assert "order a part" in page


async def test_a_ticket_is_opened_from_the_card_once() -> None:
    bench = Bench()
    bench.parts.call.customers.known["C-1042"] = customer()  # type: ignore[attr-defined]
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        bench.rings()
        card = await seen.until("New ticket")
        (token,) = re.findall(r'name="token" value="(\w+)"', card)
        fields = {"call": CALL, "subject": "toner", "kind": "request", "customer": "C-1042", "token": token}
        answers = [await (await visitor.post("/desk/ticket", fields, JSON)).json() for _ in range(2)]
        assert answers[0]["number"] == answers[1]["number"]
        other = await (await visitor.post("/desk/ticket", {**fields, "subject": "paper"}, JSON)).json()
        assert other["number"] != answers[0]["number"]
        assert [link.tracking_number for link in await bench.parts.call.notes.links(CALL)] == [
            answers[0]["number"],
            other["number"],
        ]
        empty = await visitor.post("/desk/ticket", {**fields, "subject": " "}, JSON)
        assert "subject is empty" in (await empty.json())["error"]


async def test_without_script_a_form_leads_back_to_the_desk() -> None:
    bench = Bench()
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        await talking(bench, seen)
        answer = await visitor.post("/desk/note", {"call": CALL, "note": "x", "turn": "0"})
        assert (answer.status, answer.headers["Location"]) == (303, "/desk")
        answer = await visitor.post("/desk/note", {"call": "", "note": "x", "turn": "0"})
        assert answer.headers["Location"] == "/desk?error=gone"
        assert "not on your desk any more" in await visitor.page("/desk?error=gone")
        assert "<b>" not in (await visitor.page("/desk?error=<b>")).partition("<main")[2].partition("desk-")[0][:600]


async def test_a_tab_goes_on_from_its_mark_and_a_lost_one_gets_the_whole_desk() -> None:
    bench = Bench()
    async with visiting(bench.parts) as visitor:
        async with tab(visitor) as first:
            mark = first.mark
            bench.rings()
            await first.until("Rings")
        async with tab(visitor, mark) as second:
            await second.until("Rings")
            assert set(second.kinds) == {"change"}
        async with tab(visitor, "gone.7") as third:
            assert third.kinds == ["whole"]
            assert "Rings" in third.card


async def test_a_pbx_that_is_not_heard_is_told_and_takes_no_call_away() -> None:
    bench = Bench()
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        await talking(bench, seen)
        bench.parts.health.report("ami", LinkState.DOWN)
        bench.line.lose()
        async with asyncio.timeout(5):
            while "Nothing is heard from the PBX" not in seen.pieces["d-notice"]:
                await seen._next()
        assert "Talking" in seen.card


class _Slow(MemoryCards):
    """A store that answers when it is told to, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()
        self.broken = False

    async def facts(self, asked: Asked) -> CardFacts:
        if self.broken:
            raise StoreError("away")
        await self.may.wait()
        return await super().facts(asked)


async def test_a_slow_store_does_not_hold_the_card_up_and_a_broken_one_is_told() -> None:
    bench = Bench()
    slow = bench.cards = _Slow()
    slow.known[SARA] = facts(party())
    bench.parts.agent_desk = DeskParts(cards=slow, wrap_ups=bench.wraps)
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        bench.rings()
        assert "0912 123 4567" in await seen.until("Reading the file")
        slow.may.set()
        await seen.until("آریا صنعت")
        slow.broken = True
        bench.line.hangs_up("1.1-101", "1.1")
        await seen.until("Rings", there=False)
        bench.line.calls("1.1", STRANGER)
        bench.line.rings("1.1", "101")
        await seen.until("cannot be read now")
        slow.broken = False
        await seen.until("No customer has this number")


async def test_the_note_of_who_passed_it_on_is_on_the_next_card() -> None:
    bench = Bench(extension="102")
    why = Note(id="n1", at=NOON, user="zahra", text="wants a price")
    bench.cards.known[SARA] = replace(facts(party()), notes=[why])
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        phone = bench.rings(extension="101")
        bench.line.talks("1.1", phone)
        # The desk looks at the line by its own clock: who talked is known once it has looked.
        bench.line.hangs_up(phone)
        bench.parts.put([replace(make_call(1, started_at=NOON, outcome=None), root="1.1", agents=("101",))])
        bench.line.rings("1.1", "102")
        async with asyncio.timeout(5):
            while not any("wants a price" in piece and "زهرا" in piece for piece in seen.pieces.values()):
                await seen._next()
        assert any("Passed on by" in piece for piece in seen.pieces.values())


async def test_a_note_that_comes_after_the_transfer_is_on_the_card_while_it_rings() -> None:
    bench = Bench()
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        bench.rings()
        await seen.until("ends on")
        bench.cards.known[SARA] = replace(facts(party()), notes=[Note(id="n", at=NOON, user="zahra", text="angry")])
        await seen.until("angry")


async def test_hostile_callers_are_harmless() -> None:
    bench = Bench()
    evil = '<img src=x onerror="alert(1)">\u202e'
    bench.cards.known[evil] = facts(party(name=evil))
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        bench.line.calls("1.1", evil, evil)
        bench.line.rings("1.1", "101")
        card = await seen.until("Rings")
        assert "<img src=x" not in card
        assert "\u202e" not in card


async def test_my_last_calls_and_those_lost_at_my_phone() -> None:
    bench = Bench()
    ring = Segment(kind=SegmentKind.RING, started_at=NOON, ended_at=NOON, party="101", result="no_answer")
    lost = make_call(
        5, started_at=NOON - timedelta(hours=1), caller=STRANGER, outcome=Outcome.MISSED, segments=[ring]
    )
    bench.parts.put([lost])
    async with visiting(bench.parts) as visitor:
        page = await visitor.page("/desk")
        assert "To be called back" in page
        assert "your phone did not answer" in page
        assert f'href="/calls/{lost.call_id}"' in page.partition('id="d-last"')[2]
    bench = Bench(extension="102")
    bench.parts.put([lost])
    async with visiting(bench.parts) as visitor:
        page = await visitor.page("/desk")
        assert '<section id="d-lost" class="card d-lost" aria-labelledby="h-lost" hidden>' in page
        assert "You have had no calls yet." in page


async def test_a_block_of_another_part_that_fails_does_not_take_the_desk_away() -> None:
    async def broken(_: object) -> Mapping[str, Any]:
        raise StoreError("away")

    bench = Bench()
    async with visiting(bench.parts) as visitor, tab(visitor) as seen:
        added = visitor.client.app[BLOCKS]
        added.append(Block(name="side", place="side", template="desk/no_phone.html", give=broken))
        added.append(Block(name="card", place="card", template="desk/no_phone.html", of_card=broken))
        bench.rings()
        await seen.until("آریا صنعت")
        page = await visitor.page("/desk")
        assert "آریا صنعت" in page
        assert "Your account has no extension" not in page
