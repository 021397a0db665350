"""The pages of tickets and complaints on a real store: filters, changes, refusals in words, hostile texts, roles."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from call_site import ADMIN, AGENT, HOSTILE, READER, CallSite, call_site
from crm_folder import import_files
from store_facts import whole
from web_visitor import NAME, TEHRAN, Parts, Visitor

from pbx_bridge.calls.escalation import Level
from pbx_bridge.calls.promises import Promises
from pbx_bridge.store.complaint_steps import Handling
from pbx_bridge.store.crm import TicketStatus
from pbx_bridge.store.requests import NewComplaint, NewTicket
from pbx_bridge.store.ticket_steps import Assign, FullTicket, Move, Remark
from pbx_bridge.values.digits import to_persian
from pbx_bridge.values.tracking import TrackingNumber
from pbx_bridge.web import pages
from pbx_bridge.web.customers.ports import PARTS as CUSTOMERS
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.tickets.ports import ComplaintRules
from pbx_bridge.web.tickets.promises import promises_of

PROMISES = Promises(respond={"request": timedelta(hours=4)}, resolve={"request": timedelta(hours=24)}, zone=TEHRAN)
RULES = ComplaintRules(
    reasons=("billing", "quality"),
    levels=(Level(to="head of support", after=timedelta(hours=48)), Level(to="the board")),
)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[CallSite]:
    # The store's own tests run on both engines; what the pages add is the same on either.
    async with call_site(tmp_path / "s.db", tmp_path, PROMISES) as found:
        await import_files(found.store, tmp_path, {"customers": "1001,Aria,fa,\n1002,Mehr,fa,"})
        found.rules = RULES
        yield found


async def opened(site: CallSite, subject: str = "no dial tone", code: str = "1001", message: str = "") -> FullTicket:
    new = NewTicket(origin=f"t:{subject}", customer_code=code, subject=subject, message=message)
    found = await site.store.requests.open_ticket(new)
    assert found is not None
    return await known(site, found.tracking_number)


async def filed(site: CallSite, subject: str = "too slow") -> FullTicket:
    new = NewTicket(origin=f"c:{subject}", customer_code="1001", subject=subject)
    complaint = NewComplaint(
        ticket=new,
        reason="quality",
        acknowledge_by=site.now + timedelta(hours=24),
        answer_by=site.now + timedelta(days=10),
        answer_on=(site.now + timedelta(days=10)).date(),
    )
    found = await site.store.requests.file_complaint(complaint)
    assert found is not None
    return await known(site, found.tracking_number)


async def known(site: CallSite, number: str) -> FullTicket:
    ticket = await site.store.tickets.get(number)
    assert ticket is not None
    return ticket


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def listed(page: str) -> list[str]:
    return re.findall(r'class="subject">([^<]*)<', page)


# --- the list -----------------------------------------------------------------------------------------------------


async def test_filters_stand_in_the_address_and_hold_together(site: CallSite) -> None:
    first = await opened(site, "first")
    await opened(site, "second", "1002")
    await filed(site, "third")
    await site.store.tickets.change(first.tracking_number, Assign(NAME), by=ADMIN)
    async with site.visiting() as visitor:
        for query, found in (
            ({}, ["third", "second", "first"]),
            ({"assigned": "me"}, ["first"]),
            ({"assigned": "nobody", "kind": "request"}, ["second"]),
            ({"customer": "۱۰۰۱", "kind": "complaint"}, ["third"]),
            ({"q": to_persian(first.tracking_number)}, ["first"]),
            ({"q": "mehr"}, ["second"]),
            ({"q": "SECO", "customer": "1002", "status": "new"}, ["second"]),
            ({"promise": "broken"}, []),
            ({"status": "nonsense", "promise": "x"}, ["third", "second", "first"]),
        ):
            page = await visitor.page(f"/tickets?{urlencode(query)}")
            assert sorted(listed(page)) == sorted(found), query
        chosen = await visitor.page("/tickets?assigned=nobody&kind=request&q=sec")
        for kept in ("q=sec&amp;kind=request", "q=sec&amp;assigned=nobody", "assigned=nobody&amp;kind=request"):
            assert f'href="/tickets?{kept}"' in chosen
        refused = await visitor.page("/tickets?q=1234567", 400)
        assert "digits do not fit together" in words(refused)
    site.later(hours=30)
    async with site.visiting() as visitor:  # the session of yesterday is over
        assert sorted(listed(await visitor.page("/tickets?promise=broken"))) == ["first", "second", "third"]


async def test_a_long_list_goes_on_where_it_ended(site: CallSite) -> None:
    for number in range(45):
        await opened(site, f"s{number:02}")
        site.later(seconds=1)
    async with site.visiting() as visitor:
        page = await visitor.page("/tickets?kind=request")
        (older,) = re.findall(r'href="(/tickets\?[^"]*after=[^"]+)"', page)
        assert "kind=request" in older
        rest = await visitor.page(older.replace("&amp;", "&"))
    assert [*listed(page), *listed(rest)] == [f"s{number:02}" for number in reversed(range(45))]


# --- one ticket ---------------------------------------------------------------------------------------------------


async def do(visitor: Visitor, number: str, step: str, **fields: str) -> int:
    return (await visitor.post(f"/tickets/{number}/{step}", fields)).status


async def test_what_is_done_on_the_page_is_kept_shown_and_logged(site: CallSite) -> None:
    number = (await opened(site)).tracking_number
    async with site.visiting() as visitor:
        assert await do(visitor, number, "assign", to=AGENT, revision="1") == 303
        assert await do(visitor, number, "status", to="waiting_customer", revision="2") == 303
        assert await do(visitor, number, "promise", day="۱۴۰۵/۰۹/۱۰", revision="3") == 303
        assert await do(visitor, number, "word", text="a part is ordered", revision="4") == 303
        assert await do(visitor, number, "notes", text="ask\r\nReza") == 303
        page = words(await visitor.page(f"/tickets/{number}"))
    ticket = await known(site, number)
    assert (ticket.assigned_to, ticket.status, ticket.note) == (AGENT, "waiting_customer", "a part is ordered")
    heard = await site.store.crm.ticket(number)
    assert heard is not None
    assert (heard.status, heard.note, f"{heard.promised_on}") == (
        "waiting_customer",
        "a part is ordered",
        "2026-12-01",
    )
    for told in ("ask Reza", "a part is ordered", "assigned → waiting for the customer", "resolve: stopped", "kept"):
        assert told in page, told
    assert [line for line in await site.log() if line[1] == "changed_ticket"] == [
        (NAME, "changed_ticket", number)
    ] * 5


async def test_two_people_at_once_the_second_is_told_and_loses_nothing(site: CallSite) -> None:
    number = (await opened(site)).tracking_number
    async with site.visiting() as sara, site.visiting(ADMIN) as reza:
        page = await reza.page(f"/tickets/{number}")
        assert 'name="revision" value="1"' in page
        assert await do(sara, number, "status", to="in_progress", revision="1") == 303
        answer = await reza.post(f"/tickets/{number}/word", {"text": "we come tomorrow", "revision": "1"})
        text = await answer.text()
        assert answer.status == 409
        assert "Somebody else changed it meanwhile" in words(text)
        assert ">we come tomorrow</textarea>" in text
        assert 'name="revision" value="2"' in text
        assert "new → in progress" in words(text)  # what the other did
        assert (await known(site, number)).note == ""
        assert await do(reza, number, "word", text="we come tomorrow", revision="2") == 303
        # A note for colleagues takes nothing away, so it is never too late.
        assert await do(sara, number, "notes", text="fine", revision="1") == 303


async def test_a_button_pressed_twice_does_it_once(site: CallSite) -> None:
    number, complaint = (await opened(site)).tracking_number, (await filed(site)).tracking_number
    async with site.visiting() as visitor:
        for step, fields in (
            ("status", {"to": "in_progress", "revision": "1"}),
            ("assign", {"to": AGENT, "revision": "2"}),
            ("word", {"text": "soon", "revision": "3"}),
            ("notes", {"text": "one\ntwo"}),
        ):
            assert [await do(visitor, number, step, **fields) for _ in range(2)] == [303, 303], step
        for step, fields in (
            ("escalate", {"revision": "1"}),
            ("complaint", {"to": "answered", "done": "x", "revision": "2"}),
        ):
            assert [await do(visitor, complaint, step, **fields) for _ in range(2)] == [303, 303], step
        site.later(minutes=1)
        assert await do(visitor, number, "notes", text="one\ntwo") == 303  # said again, not sent twice
    told = [line.what for line in await site.store.tickets.history(number)]
    assert told == ["noted", "noted", "told", "assigned", "moved", "opened"]
    told = [line.what for line in await site.store.tickets.history(complaint)]
    assert told == ["answered", "escalated", "opened"]


async def test_agents_who_see_only_their_own_customers_see_only_their_tickets(site: CallSite) -> None:
    others, mine = await opened(site, "others"), await opened(site, "mine")
    complaint = await filed(site)
    await site.store.tickets.change(mine.tracking_number, Assign(AGENT), by=NAME)
    for agents_see_all, found in ((True, ["mine", "others", "too slow"]), (False, ["mine"])):
        app = site.site()
        app[CUSTOMERS] = replace(app[CUSTOMERS], agents_see_all=agents_see_all)
        async with TestClient(TestServer(app, access_log=None)) as client:
            visitor = Visitor(client, Parts())
            assert (await visitor.sign_in(AGENT)).status == 303
            assert sorted(listed(await visitor.page("/tickets"))) == found
            assert ("too slow" in await visitor.page("/complaints")) is agents_see_all
            for number in (others.tracking_number, complaint.tracking_number):
                assert (await visitor.get(f"/tickets/{number}")).status == (200 if agents_see_all else 404)
                step = await do(visitor, number, "notes", text=f"x {agents_see_all}")
                assert step == (303 if agents_see_all else 404)
            assert (await visitor.get(f"/tickets/{mine.tracking_number}")).status == 200


WRONG: tuple[tuple[str, dict[str, str], str], ...] = (
    ("status", {"to": "assigned"}, "cannot go from this state"),
    ("status", {"to": "gone"}, "The form is not right"),
    ("status", {"to": "reopen"}, "This ticket is open"),
    ("assign", {"to": READER}, "Nobody who handles tickets"),
    ("promise", {"day": "tomorrow"}, "That is no date"),
    ("word", {"text": "x" * 201}, "more than 200 letters"),
    ("notes", {"text": " "}, "The note is empty"),
    ("complaint", {"to": "answered", "done": "x"}, "No complaint has this number"),
    ("escalate", {}, "The form is not right"),
)


async def test_wrong_steps_are_refused_with_words(site: CallSite) -> None:
    ticket = await opened(site)
    async with site.visiting() as visitor:
        for step, fields, said in WRONG:
            visitor.language = "en"
            answer = await visitor.post(f"/tickets/{ticket.tracking_number}/{step}", fields)
            assert answer.status == 400, step
            assert said in words(await answer.text()), step
            visitor.language = "fa"
            persian = await visitor.post(f"/tickets/{ticket.tracking_number}/{step}", fields)
            assert said not in await persian.text()
    assert await known(site, ticket.tracking_number) == ticket


async def test_the_number_is_shown_in_groups_and_to_be_read_out(site: CallSite) -> None:
    number = (await opened(site)).tracking_number
    ones = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    async with site.visiting() as visitor:
        page = words(await visitor.page(f"/tickets/{number}"))
        assert f"{number[:3]} {number[3:5]} {number[5:]}" in page or f"{number[:3]} {number[3:]}" in page
        assert " ".join(ones[int(digit)] for digit in number[:3]) in page
        assert (await visitor.get("/tickets/1234567")).status == 404  # its check digit is wrong
        assert (await visitor.get("/tickets/2047155")).status == 404  # right, and nobody's


async def test_its_calls_are_shown_to_who_may_see_them(site: CallSite) -> None:
    number = (await opened(site)).tracking_number
    call = await site.put(whole("1.1"))
    await site.store.notes.link(call.call_id, TrackingNumber(number), NAME)
    async with site.visiting() as lead, site.visiting(AGENT) as agent:
        assert f'href="/calls/{call.call_id}"' in await lead.page(f"/tickets/{number}")
        assert f'href="/calls/{call.call_id}"' not in await agent.page(f"/tickets/{number}")


async def test_a_customers_page_is_found_whatever_their_code(site: CallSite, tmp_path: Path) -> None:
    await import_files(site.store, tmp_path, {"customers": "9/9 <b>?,Strange,fa,"})
    number = (await opened(site, code="9/9 <b>?")).tracking_number
    async with site.visiting() as visitor:
        for path in (f"/tickets/{number}", "/tickets"):
            assert 'href="/customers/9%2F9%20%3Cb%3E%3F"' in await visitor.page(path)


async def test_hostile_texts_stay_texts(site: CallSite) -> None:
    ticket = await opened(site, HOSTILE[:150])
    complaint = await filed(site, HOSTILE[:140])
    async with site.visiting() as visitor:
        for number in (ticket.tracking_number, complaint.tracking_number):
            await do(visitor, number, "notes", text=HOSTILE)
            await do(visitor, number, "word", text=HOSTILE[:190])
            await do(visitor, number, "reason", reason=HOSTILE[:190])
            await do(visitor, number, "complaint", to="answered", done=HOSTILE)
        for path in (
            f"/tickets/{ticket.tracking_number}",
            f"/tickets/{complaint.tracking_number}",
            "/tickets?status=all",
            "/complaints?state=all",
            f"/tickets?{urlencode({'q': HOSTILE, 'customer': HOSTILE, 'assigned': HOSTILE})}",
            f"/complaints?{urlencode({'state': HOSTILE, 'reason': HOSTILE, 'after': HOSTILE})}",
            f"/tickets/new?{urlencode(dict.fromkeys(('customer', 'call', 'subject', 'reason', 'token'), HOSTILE))}",
        ):
            page = await visitor.page(path)
            assert "<img src=x" not in page, path
            assert "\u202e" not in page, path


# --- opened at the desk -------------------------------------------------------------------------------------------


async def test_a_ticket_is_opened_at_the_desk_once_and_linked_to_its_call(site: CallSite) -> None:
    call = await site.put(whole("1.1"))
    async with site.visiting() as visitor:
        page = await visitor.page(f"/tickets/new?customer=1001&call={call.call_id}")
        assert "Aria" in page
        (token,) = re.findall(r'name="token" value="([0-9a-f]{16})"', page)
        fields = {"customer": "۱۰۰۱", "subject": "broken\x00 line", "kind": "request", "token": token}
        places = {
            (await visitor.post("/tickets/new", fields | {"call": call.call_id})).headers["Location"]
            for _ in range(2)
        }
    (place,) = places
    ticket = await known(site, place.rpartition("/")[2])
    assert (ticket.subject, ticket.opened_by, ticket.responded_at) == ("broken line", NAME, site.now)
    assert [link.tracking_number for link in await site.store.notes.links(call.call_id)] == [ticket.tracking_number]
    assert (await site.store.tickets.history(ticket.tracking_number))[0].what == "opened"


async def test_a_complaint_of_the_desk_has_the_deadlines_of_the_settings(site: CallSite) -> None:
    site.rules = replace(RULES, acknowledge_within=timedelta(hours=2), answer_days=3)
    async with site.visiting() as visitor:
        fields = {"customer": "1001", "subject": "x", "kind": "complaint", "reason": "billing", "token": "a" * 16}
        answer = await visitor.post("/tickets/new", fields)
        number = answer.headers["Location"].rpartition("/")[2]
        assert "acknowledge: near" not in words(await visitor.page(f"/tickets/{number}"))
    complaint = await site.store.desk.complaint(number)
    assert complaint is not None
    assert complaint.acknowledge_by == site.now + timedelta(hours=2)
    midnight = site.now.astimezone(TEHRAN).replace(hour=0, minute=0, second=0, microsecond=0)
    assert complaint.answer_by == midnight + timedelta(days=4)
    assert complaint.reason == "billing"


REFUSED = (
    ({"subject": " "}, "The subject is empty"),
    ({"subject": "x" * 201}, "longer than 200"),
    ({"customer": "9999"}, "No customer has this code"),
    ({"kind": "wish"}, "The form is not right"),
    ({"token": "x"}, "The form is not right"),
)


async def test_a_refused_one_keeps_what_was_typed(site: CallSite) -> None:
    async with site.visiting() as visitor:
        for fields, said in REFUSED:
            told = {"customer": "1001", "subject": "a line", "kind": "request", "token": "b" * 16} | fields
            answer = await visitor.post("/tickets/new", told)
            page = await answer.text()
            assert answer.status == 400
            assert said in words(page)
            assert f'value="{told["customer"]}"' in page
    assert await site.store.tickets.open_of("1001") == []


# --- complaints ---------------------------------------------------------------------------------------------------


async def test_a_complaint_goes_its_way_on_the_page(site: CallSite) -> None:
    number = (await filed(site)).tracking_number
    here = f"/tickets/{number}"
    async with site.visiting() as visitor:
        page = words(await visitor.page(here))
        assert "Begin work" not in page  # its steps are its own
        assert "Tell head of support now" in page
        assert await do(visitor, number, "complaint", to="acknowledged", revision="1") == 303
        assert await do(visitor, number, "escalate", revision="2") == 303
        assert "Tell the board now" in words(await visitor.page(here))
        refused = await visitor.post(f"{here}/complaint", {"to": "answered", "done": "", "revision": "3"})
        assert "Write what was done about it" in words(await refused.text())
        assert await do(visitor, number, "complaint", to="answered", done="a month refunded", revision="3") == 303
        assert "Tell the board now" not in words(await visitor.page(here))
        assert await do(visitor, number, "complaint", to="closed", satisfaction="yes", revision="4") == 303
        page = words(await visitor.page(here))
        assert "a month refunded" in page
        assert "content" in page
        assert await do(visitor, number, "complaint", to="complaint_reopened", revision="5") == 303
        assert await do(visitor, number, "reason", reason="my own words", revision="6") == 303
        assert "my own words" in await visitor.page("/complaints")
    kept = await site.store.desk.complaint(number)
    assert kept is not None
    assert (kept.stands, kept.level, kept.satisfaction, kept.reason) == ("acknowledged", 1, "", "my own words")
    commands = await site.store.desk.handle(number, Handling.ANSWER, "done")  # the command's way is the same one
    assert commands.stands == "answered"


async def test_the_clock_of_complaints_tells_what_is_late_and_who_is_next(site: CallSite) -> None:
    number = (await filed(site)).tracking_number
    async with site.visiting() as visitor:
        page = words(await visitor.page("/complaints"))
        assert "24 hours left" in page
        assert "next head of support" in page
    site.later(hours=49)
    async with site.visiting() as visitor:
        page = words(await visitor.page("/complaints?state=late"))
        assert "25 hours late" in page
        assert "head of support next the board" in page  # by time; the board only when somebody says so
        history = words(await visitor.page(f"/tickets/{number}"))
        assert "told higher up level 1 by itself, by time" in history
        assert "No complaint is closed." in words(await visitor.page("/complaints?state=closed"))


# --- the customer's card -------------------------------------------------------------------------------------------


async def test_a_customers_promises_are_told_on_other_pages(site: CallSite) -> None:
    """What the customer's card takes: `promises_of` and the template beside it."""
    kept, near = await opened(site, "kept"), await opened(site, HOSTILE[:60])
    await site.store.tickets.change(kept.tracking_number, Move(TicketStatus.RESOLVED), by=NAME)
    await opened(site, "another's", "1002")
    app = site.site()

    @needs(Permission.SEE_CUSTOMERS)
    async def card(request: web.Request) -> web.Response:
        promises = await promises_of(request, request.query["code"])
        return web.Response(text=pages.fragment(request, "tickets/_promises.html", {"promises": promises}))

    app.router.add_get("/card", card)
    site.later(hours=3.5)
    async with TestClient(TestServer(app, access_log=None)) as client:
        visitor = Visitor(client, Parts())
        assert (await visitor.sign_in()).status == 303
        told = await visitor.page("/card?code=1001")
        nobody = await visitor.page("/card?code=")
    assert f'href="/tickets/{near.tracking_number}"' in told
    assert "<img src=x" not in told
    text = " ".join(re.sub(r"<[^>]+>", " ", told).split())
    assert "respond: near, 30 minutes left" in text
    assert "resolve: on time, 20 hours left" in text
    assert "In the last 90 days: 2 kept, 0 broken." in text
    assert "No ticket is open." in nobody


# --- messages, roles ----------------------------------------------------------------------------------------------


async def test_the_message_of_a_ticket_is_heard_by_who_may_and_that_is_logged(site: CallSite) -> None:
    await site.recorded()
    [name] = [message.name async for message in site.store.messages.since()]
    number = (await opened(site, message=name)).tracking_number
    async with site.visiting(AGENT) as agent, site.visiting(READER) as reader:
        assert f"/tickets/{number}/message.wav" in await agent.page(f"/tickets/{number}")
        for _ in range(2):
            answer = await agent.get(f"/tickets/{number}/message.wav")
            assert (answer.status, answer.content_type) == (200, "audio/wav")
            assert (await answer.read())[:4] == b"RIFF"
        assert (await agent.get(f"/tickets/{number}/message.svg")).content_type == "image/svg+xml"
        assert (await reader.get(f"/tickets/{number}/message.wav")).status == 403
        assert "/message.wav" not in await reader.page(f"/tickets/{number}")
    assert await site.log() == [(AGENT, "heard", number)]
    other = (await opened(site, "none")).tracking_number
    async with site.visiting() as lead:
        assert (await lead.get(f"/tickets/{other}/message.wav")).status == 404
        assert (await lead.get(f"/tickets/{other}/message.svg")).status == 204


async def test_who_only_reads_is_offered_nothing_to_do(site: CallSite) -> None:
    number = (await opened(site)).tracking_number
    complaint = (await filed(site)).tracking_number
    await site.store.tickets.change(number, Remark("call 09121234567"), by=NAME)
    async with site.visiting(READER) as reader:
        for path in (f"/tickets/{number}", f"/tickets/{complaint}", "/tickets", "/complaints"):
            page = (await reader.page(path)).partition("<main")[2]
            assert 'method="post"' not in page.partition('<form id="dial"')[0], path
            assert "/tickets/new" not in page, path
        assert "0912•••4567" in await reader.page(f"/tickets/{number}")
        assert await do(reader, number, "status", to="closed") == 403
