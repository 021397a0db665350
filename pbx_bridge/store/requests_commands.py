"""What `tickets`, `complaints` and `callbacks` show and do. Texts of callers and customers are made harmless."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from pbx_bridge.errors import InputError
from pbx_bridge.health import utc_now
from pbx_bridge.store.commands import Place
from pbx_bridge.store.complaint_steps import Complaint, Handling
from pbx_bridge.store.crm import TicketStatus
from pbx_bridge.store.requests_desk import Callback, TicketLine
from pbx_bridge.store.ticket_steps import Assign, Move, Reopen
from pbx_bridge.values import tracking
from pbx_bridge.values.hostile import clean, on_terminal
from pbx_bridge.values.tracking import TrackingNumber

Show = Callable[[str], None]

_TICKET = "{:<12}  {:<9}  {:<10}  {:<16}  {:<16}  {:<16}  {}"
_COMPLAINT = "{:<12}  {:<10}  {:<12}  {:<16}  {:<16}  {:<16}  {:<4}  {}"
_CALLBACK = "{:<16}  {:<16}  {:<16}  {:<16}  {:<10}  {:<10}  {}"
_TEXT = 120  # letters of a text in a list
_BY = "command"  # who the history names for what is done here, as the audit log does
_REOPEN, _NO_MOVE = "reopen", (TicketStatus.NEW, TicketStatus.ASSIGNED)


async def show_tickets(place: Place, show: Show, *, unfinished: bool) -> None:
    """Show tickets, the newest first. Raises StoreError."""
    async with place.open_existing() as store:
        tickets = await store.desk.tickets(unfinished=unfinished)
    show(_TICKET.format("number", "kind", "customer", "status", "opened", "changed", "subject"))
    for ticket in tickets:
        show(_ticket_line(ticket, place.zone))


async def show_complaints(place: Place, show: Show, *, late: bool) -> bool:
    """Show complaints, the nearest deadline first; True if one of them is late. Raises StoreError."""
    async with place.open_existing() as store:
        complaints = await store.desk.complaints(late=late)
    now = utc_now()
    show(_COMPLAINT.format("number", "customer", "stands", "received", "acknowledge by", "answer by", "", "about"))
    for complaint in complaints:
        show(_complaint_line(complaint, place.zone, now))
    return any(complaint.is_late(now) for complaint in complaints)


async def handle_complaint(
    place: Place, show: Show, number: str, what: Handling, done: str, satisfied: str = ""
) -> None:
    """Take a complaint one step on. Raises InputError, StoreError."""
    async with place.open_existing() as store:
        complaint = await store.desk.handle(number, what, done, by=_BY, satisfaction=satisfied)
    show(f"complaint {complaint.tracking_number}: {complaint.stands}")


async def assign_ticket(place: Place, show: Show, number: str, to: str) -> None:
    """Give a ticket to a user, or to nobody. Raises InputError, StoreError."""
    async with place.open_existing() as store:
        if to and await store.users.get(to) is None:
            raise InputError(f"{on_terminal(clean(to, 64))!r}: no user is called so")
        ticket = await store.tickets.change(_number(number), Assign(to), by=_BY)
    show(f"ticket {ticket.tracking_number}: {ticket.assigned_to or 'nobody has it'}")


async def move_ticket(place: Place, show: Show, number: str, status: str) -> None:
    """Take a ticket to another state. Raises InputError, StoreError."""
    known = [*(one.value for one in TicketStatus if one not in _NO_MOVE), _REOPEN]
    if status not in known:
        raise InputError(f"{on_terminal(clean(status, 40))!r} is no state to go to: {', '.join(known)}")
    step = Reopen() if status == _REOPEN else Move(TicketStatus(status))
    async with place.open_existing() as store:
        ticket = await store.tickets.change(_number(number), step, by=_BY)
    show(f"ticket {ticket.tracking_number}: {ticket.status}")


def _number(typed: str) -> TrackingNumber:
    number = tracking.parse(typed)
    if number is None:
        raise InputError(f"{on_terminal(typed[:40])!r} is no tracking number: its digits do not fit together")
    return number


async def show_callbacks(place: Place, show: Show, *, everything: bool) -> None:
    """Show open callbacks, the longest wanted first; with `everything` those done after them. Raises StoreError."""
    async with place.open_existing() as store:
        callbacks = await store.desk.callbacks(everything=everything)
    show(
        _CALLBACK.format(
            "id", "number", "wanted", "asked", "queue", "customer", "done" if everything else ""
        ).rstrip()
    )
    for callback in callbacks:
        show(_callback_line(callback, place.zone))


async def finish_callback(place: Place, show: Show, name: str, by: str, result: str) -> None:
    """A callback is done. Raises InputError, StoreError."""
    async with place.open_existing() as store:
        callback = await store.desk.finish(name, by=by, result=result)
    show(f"callback {callback.id} to {on_terminal(callback.number)}: done")


def _ticket_line(ticket: TicketLine, zone: ZoneInfo) -> str:
    return _TICKET.format(
        ticket.tracking_number,
        ticket.kind,
        _plain(ticket.customer_code),
        ticket.status,
        _clock(ticket.created_at, zone),
        _clock(ticket.updated_at, zone),
        _texts(ticket.subject, _message(ticket.message)),
    )


def _complaint_line(complaint: Complaint, zone: ZoneInfo, now: datetime) -> str:
    return _COMPLAINT.format(
        complaint.tracking_number,
        _plain(complaint.customer_code),
        complaint.stands,
        _clock(complaint.received_at, zone),
        _clock(complaint.acknowledge_by, zone),
        _clock(complaint.answer_by, zone),
        "late" if complaint.is_late(now) else "",
        _texts(complaint.subject, complaint.reason, _message(complaint.message), complaint.done),
    )


def _callback_line(callback: Callback, zone: ZoneInfo) -> str:
    follow_up = f"follow-up: {callback.why}" if callback.kind == "follow_up" else ""
    tries = f"called {callback.tries} times in vain" if callback.tries else ""
    done = _texts(follow_up, callback.owner and f"for {callback.owner}", tries)
    if callback.done_at is not None:
        done = _texts(_clock(callback.done_at, zone), callback.done_by and f"by {callback.done_by}", callback.result)
    line = _CALLBACK.format(
        callback.id,
        _plain(callback.number),
        _clock(callback.wanted_at, zone),
        _clock(callback.asked_at, zone),
        callback.queue,
        _plain(callback.customer_code),
        done,
    )
    return line.rstrip()


def _message(name: str) -> str:
    return f"message {name}" if name else ""


def _texts(*texts: str) -> str:
    return "; ".join(on_terminal(clean(text, _TEXT)) for text in texts if text)


def _plain(text: str) -> str:
    return on_terminal(clean(text, 40)) or "-"


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
