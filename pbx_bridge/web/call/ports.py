"""What the page of one call needs of the rest of the system. The store and the spool have it; `memory` for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from aiohttp import web

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.facts import RawFact
from pbx_bridge.spool.sounds import Sound
from pbx_bridge.spool.waveform import Waveform
from pbx_bridge.store.call_context import Case, Mine, Neighbours, WentWrong
from pbx_bridge.store.call_notes import Link, Note
from pbx_bridge.store.crm import Customer
from pbx_bridge.store.requests import NewComplaint, NewTicket, Opened
from pbx_bridge.values.tracking import TrackingNumber


class Sounds(Protocol):
    """What can be heard of calls."""

    async def of_call(self, call: Call) -> Sequence[Sound]:
        """Those of a call, in order of time. Raises StoreError."""

    def open(self, sound: Sound) -> BinaryIO:
        """The sound, to be read and sought in. Raises OSError. Blocking."""

    async def waveform(self, sound: Sound) -> Waveform | None:
        """Its waveform; None: it has none."""


class Notes(Protocol):
    """Notes and linked tickets. Every method may raise StoreError; what each returns: store/call_notes.py."""

    async def notes(self, call_id: str) -> Sequence[Note]:
        """A call's notes, the oldest first."""

    async def links(self, call_id: str) -> Sequence[Link]:
        """A call's linked tickets, the oldest link first."""

    async def add(self, call_id: str, user: str, text: str) -> Note | None:
        """Keep a note."""

    async def remove(self, call_id: str, note_id: str, user: str) -> Note | None:
        """Take a note back."""

    async def link(self, call_id: str, number: TrackingNumber, user: str) -> bool:
        """Link a ticket."""

    async def unlink(self, call_id: str, number: TrackingNumber, user: str) -> bool:
        """Take a link back."""


class Context(Protocol):
    """What stands around a call. Every method may raise StoreError."""

    async def neighbours(self, call: Call, mine: Mine | None = None) -> Neighbours:
        """The same party's calls before and after; with `mine` only those."""

    async def unfinished(self, customer_code: str) -> Sequence[Case]:
        """A customer's unfinished tickets and complaints, the newest first."""

    async def cases(self, numbers: Sequence[str]) -> Mapping[str, Case]:
        """The tickets of these tracking numbers that are there."""

    async def went_wrong(self, call_id: str) -> Sequence[WentWrong]:
        """What went wrong at a call."""

    async def facts(self, call_id: str) -> Sequence[RawFact]:
        """Everything that was told of a call, in order of time."""


class Requests(Protocol):
    """Opens tickets, as callers do in the menu. Both may raise StoreError; None: there is no such customer."""

    async def open_ticket(self, new: NewTicket) -> Opened | None:
        """The ticket of this origin, opened if it is not there."""

    async def file_complaint(self, new: NewComplaint) -> Opened | None:
        """The complaint of this origin, filed if it is not there."""


class Customers(Protocol):
    """Who is served."""

    async def customer_by_code(self, code: str) -> Customer | None:
        """The customer of a code, as typed. Raises StoreError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallParts:
    """What stands behind the page of one call."""

    sounds: Sounds
    notes: Notes
    context: Context
    requests: Requests
    customers: Customers


PARTS = web.AppKey("call_parts", CallParts)
