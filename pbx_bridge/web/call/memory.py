"""The ports of one call's page in memory: for tests, and to show the page without a store."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.facts import RawFact
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.spool.plain_files import open_plain
from pbx_bridge.spool.sounds import Sound
from pbx_bridge.spool.waveform import Waveform, read_waveform
from pbx_bridge.store.call_context import Case, Mine, Neighbours, WentWrong
from pbx_bridge.store.call_notes import Link, Note, clean_note, may_take_back
from pbx_bridge.store.crm import Customer, TicketStatus
from pbx_bridge.store.requests import NewComplaint, NewTicket, Opened
from pbx_bridge.values import tracking
from pbx_bridge.values.tracking import TrackingNumber
from pbx_bridge.web.call.ports import CallParts


class MemorySounds:
    """Sounds by call id; `path` of each is its file's place."""

    def __init__(self, sounds: Mapping[str, Sequence[Sound]] | None = None) -> None:
        self.sounds = dict(sounds or {})

    async def of_call(self, call: Call) -> Sequence[Sound]:
        """As ports.Sounds tells."""
        return self.sounds.get(call.call_id, ())

    def open(self, sound: Sound) -> BinaryIO:
        """As ports.Sounds tells."""
        return open_plain(Path(sound.path))

    async def waveform(self, sound: Sound) -> Waveform | None:
        """As ports.Sounds tells."""
        return read_waveform(partial(self.open, sound))


class MemoryNotes:
    """Notes and links that are gone with the process."""

    def __init__(self, context: MemoryContext, clock: Clock = utc_now) -> None:
        self._context, self._clock = context, clock
        self._notes: list[tuple[str, Note]] = []
        self._links: dict[tuple[str, str], Link] = {}

    async def notes(self, call_id: str) -> Sequence[Note]:
        """As ports.Notes tells."""
        return [note for of, note in self._notes if of == call_id]

    async def links(self, call_id: str) -> Sequence[Link]:
        """As ports.Notes tells."""
        return [link for (of, _), link in self._links.items() if of == call_id]

    async def add(self, call_id: str, user: str, text: str) -> Note | None:
        """As ports.Notes tells."""
        note = Note(id=secrets.token_hex(8), at=self._clock(), user=user, text=clean_note(text))
        if not note.text:
            return None
        self._notes.append((call_id, note))
        return note

    async def remove(self, call_id: str, note_id: str, user: str) -> Note | None:
        """As ports.Notes tells."""
        for place in self._notes:
            of, note = place
            if (of, note.id) == (call_id, note_id) and may_take_back(note, user, self._clock()):
                self._notes.remove(place)
                return note
        return None

    async def link(self, call_id: str, number: TrackingNumber, user: str) -> bool:
        """As ports.Notes tells."""
        if number in self._context.tickets:
            link = Link(tracking_number=number, at=self._clock(), user=user)
            self._links.setdefault((call_id, number), link)
        return number in self._context.tickets

    async def unlink(self, call_id: str, number: TrackingNumber, user: str) -> bool:
        """As ports.Notes tells."""
        link = self._links.get((call_id, number))
        if link is None or not may_take_back(link, user, self._clock()):
            return False
        del self._links[call_id, number]
        return True


class MemoryContext:
    """What stands around calls, as told."""

    def __init__(self) -> None:
        self.around: dict[str, Neighbours] = {}
        self.tickets: dict[str, Case] = {}
        self.wrong: dict[str, Sequence[WentWrong]] = {}
        self.told: dict[str, Sequence[RawFact]] = {}

    async def neighbours(self, call: Call, mine: Mine | None = None) -> Neighbours:
        """As ports.Context tells."""
        return self.around.get(call.call_id, Neighbours())

    async def unfinished(self, customer_code: str) -> Sequence[Case]:
        """As ports.Context tells."""
        return [case for case in self.tickets.values() if case.customer_code == customer_code and case.status.is_open]

    async def cases(self, numbers: Sequence[str]) -> Mapping[str, Case]:
        """As ports.Context tells."""
        return {number: self.tickets[number] for number in numbers if number in self.tickets}

    async def went_wrong(self, call_id: str) -> Sequence[WentWrong]:
        """As ports.Context tells."""
        return self.wrong.get(call_id, ())

    async def facts(self, call_id: str) -> Sequence[RawFact]:
        """As ports.Context tells."""
        return self.told.get(call_id, ())


class MemoryRequests:
    """Tickets for customers that are told."""

    def __init__(self, context: MemoryContext, customers: MemoryCustomers, clock: Clock = utc_now) -> None:
        self._context, self._customers, self._clock = context, customers, clock
        self._opened: dict[str, Opened] = {}

    async def open_ticket(self, new: NewTicket) -> Opened | None:
        """As ports.Requests tells."""
        return self._open(new, "request", None)

    async def file_complaint(self, new: NewComplaint) -> Opened | None:
        """As ports.Requests tells."""
        return self._open(new.ticket, "complaint", new.acknowledge_by)

    def _open(self, new: NewTicket, kind: str, due_by: datetime | None) -> Opened | None:
        if new.customer_code not in self._customers.known:
            return None
        if new.origin not in self._opened:
            number = tracking.with_check_digit(str(100_000 + len(self._opened)))
            self._opened[new.origin] = Opened(tracking_number=number, at=self._clock())
            self._context.tickets[number] = Case(
                tracking_number=number,
                customer_code=new.customer_code,
                subject=new.subject,
                status=TicketStatus.NEW,
                kind=kind,
                updated_at=self._clock(),
                due_by=due_by,
                promised_on=None,
            )
        return self._opened[new.origin]


class MemoryCustomers:
    """Customers by code."""

    def __init__(self) -> None:
        self.known: dict[str, Customer] = {}

    async def customer_by_code(self, code: str) -> Customer | None:
        """As ports.Customers tells."""
        return self.known.get(code)


def memory_parts(sounds: MemorySounds | None = None, clock: Clock = utc_now) -> CallParts:
    """All of them, of nothing."""
    context, customers = MemoryContext(), MemoryCustomers()
    return CallParts(
        sounds=sounds or MemorySounds(),
        notes=MemoryNotes(context, clock),
        context=context,
        requests=MemoryRequests(context, customers, clock),
        customers=customers,
    )
