"""The whole site on a real store: some hundred calls of ten weeks, people, tickets and notes, hostile ones too."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from crm_folder import import_files
from demo_history import NOON, TICKET, left_early, make_call, morning, outbound, queued, self_served
from full_renewals import renewals
from full_tickets import PROMISES, RULES, put_tickets, ticket_parts
from live_line import LiveLine
from put_calls import put_calls
from site_phones import site_phones
from web_visitor import NAME, PASSWORD, TEHRAN

from pbx_bridge.ami.events import Presence
from pbx_bridge.calls.call import Call, CallStep, Outcome, Segment, SegmentKind, SurveyAnswer
from pbx_bridge.calls.targets import Targets
from pbx_bridge.health import Health, LinkState
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.drawing.svg import svg
from pbx_bridge.ivr.drawing.texts import texts_of
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.spool.recording_files import RecordingFiles
from pbx_bridge.spool.recordings import Shelf
from pbx_bridge.spool.sounds import CallSounds
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.customers import Person, Sheet
from pbx_bridge.values.hostile import clean
from pbx_bridge.web.admin.site import AccountParts
from pbx_bridge.web.call.ports import CallParts
from pbx_bridge.web.callbacks.ports import CallbackParts
from pbx_bridge.web.contracts.ports import ContractParts
from pbx_bridge.web.customers.ports import CustomerParts
from pbx_bridge.web.desk.ports import DeskParts
from pbx_bridge.web.memory import MemoryAgents, MemoryDrawing
from pbx_bridge.web.reports.pages import ReportParts
from pbx_bridge.web.server import serve
from pbx_bridge.web.site import SiteParts, make_site

DAYS = 70
STRUCK = "window.struck=1"
# What a caller, a phone or a colleague may send as a name: markup, formulas, turned directions, no end.
HOSTILE = (
    f'<img src=x onerror="{STRUCK}">',
    f"\"><script>{STRUCK}</script><svg onload='{STRUCK}'>",
    "\u202egnp.exe\u202d \u2067evil\u2066 \u2068",
    "=cmd|' /C calc'!A0",
    f"javascript:{STRUCK}//",
    "{{ 7*7 }} {% raw %} #{7*7} ${7*7}",
    "W" * 300,
    "\r\nSet-Cookie: a=b\x00\x1b[31m&amp;&lt;'; DROP TABLE call;--",
)

AGENTS = {"101": "زهرا کریمی", "102": "رضا احمدی", "103": "مریم حسینی"}
_PLACES = {"fa": "شمارهٔ پیگیری", "en": "tracking number"}
_CRM = {
    "customers": "C-1042,شرکت آریا صنعت,fa,gold\nC-1007,بیمارستان مهر,fa,silver\nC-1188,Parsa Trading,en,silver",
    "contacts": "C-1042,علی رضایی,09121234567\nC-1007,پذیرش,02188776655\nC-1188,Ann,09355550142",
    "tickets": f"{TICKET},C-1042,کندی چاپگر شعبهٔ دو,in_progress,1405/08/01,1405/08/27,1405/09/05",
}
_THURSDAY, _FRIDAY = 3, 4
_CALLERS = (
    "09121234567",
    "02188776655",
    "09355550142",
    "03136654321",
    "+4930901820",
    "09197654321",
    "02144332211",
    "",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FullSite:
    """A site that is served, and what stands behind it."""

    app: web.Application
    address: str
    store: Store
    health: Health
    now: datetime
    plain: Call
    hostile: Call
    tickets: Sequence[str]
    callbacks: Sequence[str]


@asynccontextmanager
async def full_site(folder: Path, now: datetime = NOON, texts: Sequence[str] = HOSTILE) -> AsyncIterator[FullSite]:
    """Serve it on a new store in the folder. `texts`: what hostile people send; none: there are none."""
    path, plain = folder / "s.db", [_with_agents(call) for call in [*morning(now), _waiting(now)]]
    hostile = [hostile_call(900 + n, now - timedelta(minutes=7 * n + 3), text) for n, text in enumerate(texts)]
    async with open_store(path, folding=False, zone=TEHRAN, clock=lambda: now) as store:
        await put_calls(store, [*weeks(now), *plain, *hostile], None)
        await store.backfill.finish()
    health = Health(clock=lambda: now - timedelta(hours=2))
    for name in ("ari", "ami", "spool", "store"):
        health.report(name, LinkState.UP)
    async with open_store(path, health, zone=TEHRAN, clock=lambda: now, promises=PROMISES) as store:
        await _people(store)
        await import_files(store, folder, _CRM)
        await _customers(store, texts)
        tickets = await put_tickets(folder / "s.db", now, texts)
        callbacks = await renewals(store, folder, now, texts)
        if hostile:
            await _traces(store, plain[14], hostile[0])
        app = make_site(_parts(store, health, now, folder, texts[0] if texts else "Parsa Trading"))
        async with serve(app, "127.0.0.1", 0) as address:
            yield FullSite(
                app=app,
                address=address,
                store=store,
                health=health,
                now=now,
                plain=plain[14],
                hostile=(hostile or plain)[0],
                tickets=tickets,
                callbacks=callbacks,
            )


async def _customers(store: Store, texts: Sequence[str]) -> None:
    """One merged, one on somebody else's number, one in whom everything is hostile; favourites."""
    shared = Person(phone_e164="+982188776655", name="پذیرش دوم")
    await store.customers.create("C-2001", Sheet(name="کلینیک مهر", language="fa", tier="silver", people=(shared,)))
    await store.customers.create("C-2002", Sheet(name="Parsa Trading (old)", language="en"))
    await store.merges.merge("C-2002", "C-1188", NAME)
    hostile = texts[:2] or ("Nord", "Ann")
    people = (Person(phone_e164="+989197654321", name=clean(hostile[1], 120)),)
    await store.customers.create("9/9 <b>", Sheet(name=clean(hostile[0], 120), tier="<b>", people=people))
    for code in ("C-1042", "9/9 <b>"):
        await store.phone_book.add(NAME, code=code)
    await store.phone_book.add(NAME, number="+989121234567", name=hostile[1])
    await store.phone_book.add(NAME, number="101")


def _drawing() -> MemoryDrawing:
    drawing = MemoryDrawing()
    for language in ("fa", "en"):
        drawing.pictures[language] = svg(flows.load("support"), texts_of(PromptBook.load(), language), language)
    return drawing


def _parts(store: Store, health: Health, now: datetime, folder: Path, name: str) -> SiteParts:
    files = RecordingFiles(folder / "spool", folder / "recordings")
    parts = SiteParts(
        health=health,
        calls=store.calls,
        users=store.users,
        audit=store.audit,
        accounts=AccountParts(sessions=store.sessions, tokens=store.tokens),
        views=store.views,
        reports=ReportParts(
            source=store.reports, moments=store.moments, targets=Targets(percent=80, seconds=20), words=_words
        ),
        board=replace(_busy_line(now, name).parts, tallies=store.reports, words=_words),
        agents=MemoryAgents(AGENTS),
        agent_desk=DeskParts(cards=store.cards, wrap_ups=store.wrap_ups, handed=store.callbacks),
        shortfalls=store.gaps,
        desk=store.desk,
        call=CallParts(
            sounds=CallSounds(Shelf(store.recordings, files), files, store.messages, files),
            notes=store.notes,
            context=store.context,
            requests=store.requests,
            customers=store.crm,
        ),
        tickets=ticket_parts(store, CallSounds(Shelf(store.recordings, files), files, store.messages, files), RULES),
        customers=CustomerParts(
            book=store.customers,
            finder=store.finder,
            merges=store.merges,
            stories=store.stories,
            phone_book=store.phone_book,
            contracts=store.crm,
        ),
        contracts=ContractParts(book=store.contracts, dials=store.dials),
        callbacks=CallbackParts(book=store.callbacks, customers=store.crm),
        drawing=_drawing(),
        session_key=b"k" * 32,
        zone=TEHRAN,
        clock=lambda: now,
    )
    return replace(parts, dial=site_phones(parts.board.feed, NAME, now))


def _busy_line(now: datetime, name: str) -> LiveLine:
    """What the last calls of the morning do now; an agent at lunch and one away."""
    line = LiveLine(now - timedelta(minutes=5))
    line.member("102")
    line.member("101", paused=True, paused_reason="ناهار")
    line.member("103", Presence.UNAVAILABLE)
    line.calls("1795250000.16", "02188776655", name)
    line.talks("1795250000.16", line.rings("1795250000.16", "102"))
    line.later(220)
    line.calls("1795250000.18", "09121234567")
    line.waits_in("1795250000.18")
    line.later(60)
    line.calls("1795250000.17", "09355550142")
    line.in_menu("1795250000.17", "ask_tracking", customer="Parsa Trading")
    line.later(20)
    line.connect()
    return line


def _words(_: str, node: str, language: str) -> str:
    return _PLACES[language] if node == "ask_tracking" else ""


def _waiting(now: datetime) -> Call:
    """Somebody in the queue."""
    began = now - timedelta(seconds=80)
    heard = began + timedelta(seconds=9)
    return make_call(
        18,
        started_at=began,
        outcome=None,
        segments=[
            Segment(kind=SegmentKind.IVR, started_at=began, ended_at=heard, party="support"),
            Segment(kind=SegmentKind.WAIT, started_at=heard, ended_at=None, party="support"),
        ],
    )


def _with_agents(call: Call) -> Call:
    talked = dict.fromkeys(one.party for one in call.segments if one.kind is SegmentKind.TALK)
    return replace(call, agents=tuple(talked))


async def _people(store: Store) -> None:
    await store.users.create(NAME, PASSWORD, "admin", extension="102")  # at whose phone somebody talks
    await store.users.create("agent", PASSWORD, "agent")
    await store.users.create("reader", PASSWORD, "read_only")
    await store.agents.fill(AGENTS)


async def _traces(store: Store, *calls: Call) -> None:
    """What people left: notes and views, as hostile as what callers send."""
    for text in HOSTILE:
        for call in calls:
            await store.notes.add(call.call_id, NAME, text[:200].replace("\x00", ""))
    await store.views.save(NAME, HOSTILE[0], "/calls?outcome=missed", shared=True)
    await store.tokens.make(HOSTILE[1][:40], "read_only", NAME, None)
    await store.audit.note(_Named("lead"), "heard", calls[0].call_id, HOSTILE[0], "192.0.2.7")


@dataclass(frozen=True, slots=True)
class _Named:
    name: str


def weeks(now: datetime, days: int = DAYS, seed: int = 7) -> Sequence[Call]:
    """The days before this one: up to fourteen calls each in working hours, fewer on Thursdays, none on Fridays."""
    rng = random.Random(seed)
    midnight = now.astimezone(TEHRAN).replace(hour=0, minute=0, second=0, microsecond=0)
    calls: list[Call] = []
    for day in range(1, days + 1):
        start = midnight - timedelta(days=day)
        most = {_THURSDAY: 5, _FRIDAY: 1}.get(start.weekday(), 15)
        for _ in range(rng.randrange(most // 2, most)):
            at = start + timedelta(hours=rng.triangular(7, 20, 11))
            calls.append(_some_call(rng, 1000 + len(calls), at.astimezone(NOON.tzinfo)))
    return calls


def _some_call(rng: random.Random, number: int, at: datetime) -> Call:
    stranger = f"09{rng.choice(('12', '19', '35'))}{rng.randrange(10**7):07}"
    caller = rng.choice((stranger, stranger, rng.choice(_CALLERS)))
    queue = rng.choice(("support", "support", "services"))
    wait, talk = rng.expovariate(1 / 40), 30 + rng.expovariate(1 / 200)
    match rng.choices(range(6), (52, 18, 10, 8, 4, 8))[0]:
        case 0:
            call = queued(number, at, caller, wait=wait, talk=talk, queue=queue, survey=_survey(rng, at, queue))
        case 1:
            call = self_served(number, at, caller)
        case 2:
            call = left_early(number, at, caller)
        case 3:
            call = queued(number, at, caller, wait=wait * 2, queue=queue, outcome=Outcome.ABANDONED_QUEUE)
        case 4:
            call = queued(number, at, caller, wait=200, queue=queue, outcome=Outcome.MISSED)
        case _:
            call = outbound(number, at, caller or "02144332211", talk, Outcome.ANSWERED)
    return _with_agents(call)


def _survey(rng: random.Random, at: datetime, queue: str) -> tuple[SurveyAnswer, ...]:
    if rng.random() < 0.5:
        return ()
    answer = rng.choice((None, 1, 2, 3, 4, 4, 5, 5, 5))
    return (SurveyAnswer(question="satisfied", answer=answer, scale=5, queue=queue, agent="102", at=at),)


def hostile_call(number: int, at: datetime, text: str) -> Call:
    """A call in which everything that can be named is named so."""

    def segment(kind: SegmentKind, second: int) -> Segment:
        began = at + timedelta(seconds=second)
        return Segment(kind=kind, started_at=began, ended_at=began + timedelta(seconds=8), party=text, result=text)

    told: dict[str, Any] = dict.fromkeys(
        ("prompt", "text", "keys", "language", "queue", "reason", "name", "code"), text
    )
    told |= {"what": text, "result": text, "called": text, "flow": text, "version": text, "status": text, "to": text}
    kinds = ("started", "customer", "said", "keys", "lookup", "queue", "handed_over", "trouble", "ended")
    steps = [
        CallStep(at=at + timedelta(seconds=n), flow_node=text, kind=kind, data=told | {"seconds": 0.2, "by": text})
        for n, kind in enumerate(kinds)
    ]
    return make_call(
        number,
        started_at=at,
        caller=text,
        caller_name=text,
        called=text,
        customer_code=text,
        tracking_numbers=(text,),
        language=text,
        ended_by=text,
        segments=[segment(kind, 8 * n) for n, kind in enumerate(SegmentKind)],
        steps=steps,
        agents=(text,),
        survey=(SurveyAnswer(question=text, answer=1, scale=5, queue=text, agent=text, at=at),),
    )
