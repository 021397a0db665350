"""Tickets and complaints of some days in every state, and the pages of tickets on a store: for tests of the pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from web_visitor import NAME, TEHRAN

from pbx_bridge.calls.escalation import Level
from pbx_bridge.calls.promises import Promises
from pbx_bridge.spool.sounds import CallSounds
from pbx_bridge.store import Store, TicketStatus, open_store
from pbx_bridge.store.complaint_steps import Handling
from pbx_bridge.store.requests import NewComplaint, NewTicket
from pbx_bridge.store.ticket_steps import Assign, Move, PromiseDay, Remark, Step, TellCallers
from pbx_bridge.web.tickets.ports import ComplaintRules, TicketParts

PROMISES = Promises(respond={"request": timedelta(hours=4)}, resolve={"request": timedelta(hours=24)}, zone=TEHRAN)
RULES = ComplaintRules(
    reasons=("کندی پاسخ", "صورت‌حساب"),
    levels=(Level(to="سرپرست پشتیبانی", after=timedelta(hours=24)), Level(to="مدیر خدمات")),
)
# How many days ago each was opened, and where it went.
_STATES = (
    (9, TicketStatus.RESOLVED),
    (6, TicketStatus.CLOSED),
    (3, TicketStatus.WAITING_CUSTOMER),
    (2, TicketStatus.IN_PROGRESS),
    (0.9, None),
    (0.3, None),
)


def ticket_parts(store: Store, sounds: CallSounds, rules: ComplaintRules | None = None) -> TicketParts:
    """The pages of tickets on a store."""
    return TicketParts(
        tickets=store.tickets,
        complaints=store.desk,
        complaint_pages=store.complaints,
        kept=store.promises,
        sounds=sounds,
        opening=store.requests,
        customers=store.crm,
        links=store.notes,
        rules=rules or ComplaintRules(),
    )


async def put_tickets(path: Path, now: datetime, texts: Sequence[str]) -> Sequence[str]:
    """Requests and complaints in every state; the numbers of a request and of an open complaint."""
    at, told = now, []
    async with open_store(path, folding=False, zone=TEHRAN, clock=lambda: at, promises=PROMISES) as store:
        for number, (days, status) in enumerate(_STATES):
            at = now - timedelta(days=days)
            code = ("C-1042", "C-1007", "C-1188")[number % 3]
            new = NewTicket(origin=f"full:{number}", customer_code=code, subject=f"قطع تلفن شعبهٔ {number}")
            opened = await store.requests.open_ticket(new)
            assert opened is not None
            told.append(opened.tracking_number)
            at += timedelta(hours=2 + number)
            steps: list[Step] = [Assign(NAME), *([Move(status)] if status else []), Remark("پیگیری شد")]
            for step in steps:
                await store.tickets.change(opened.tracking_number, step, by=NAME)
        for number, text in enumerate(("کندی پاسخ", *texts[:2])):
            at = now - timedelta(days=4 * number + 1)
            filed = await store.requests.file_complaint(_complaint(number, text, at))
            assert filed is not None
            told.append(filed.tracking_number)
            for step in (TellCallers(text[:150]), Remark(text), PromiseDay((at + timedelta(days=2)).date())):
                await store.tickets.change(filed.tracking_number, step, by=NAME)
            await store.desk.take_up(filed.tracking_number, 1, by=NAME)
            if number == 2:
                await store.desk.handle(filed.tracking_number, Handling.ANSWER, text, by=NAME)
                await store.desk.handle(filed.tracking_number, Handling.CLOSE, "", by=NAME, satisfaction="no")
    return told[3], told[-2 if texts else -1]


def _complaint(number: int, text: str, at: datetime) -> NewComplaint:
    return NewComplaint(
        ticket=NewTicket(origin=f"full:c{number}", customer_code="C-1042", subject=text),
        reason=text,
        acknowledge_by=at + timedelta(hours=24),
        answer_by=at + timedelta(days=3),
        answer_on=(at + timedelta(days=3)).date(),
    )
