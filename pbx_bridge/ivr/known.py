"""What a run of a flow may know: facts of customers, tickets, contracts and calls, and what a flow keeps itself.

Frozen and plain, so that a checkpoint holds them; prompts and conditions speak of them by these names.
"""

from __future__ import annotations

from datetime import date, time
from typing import Literal, assert_never

import msgspec

from pbx_bridge.ivr.grammar import Money

KeptSort = Literal["digits", "text", "count", "toman", "rial", "date", "time", "yes"]


class CustomerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a flow may know of a customer."""

    code: str
    name: str
    language: str = ""
    tier: str = ""
    agent: str = ""


class TicketFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a flow may say of a ticket. Dates are days in the customer's zone."""

    tracking_number: str
    status: str
    updated_on: date
    promised_on: date | None = None
    note: str = ""


class ContractFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A contract as it stands today: `days_left` counts from today to its last day, below 0 once it ended."""

    number: str
    ends_on: date
    days_left: int


class OpeningFacts(msgspec.Struct, frozen=True, kw_only=True):
    """When the office opens next, on its own clock.

    Attributes:
        because: why it is not open now: `hours` or `holiday`.
        day: `today`, `tomorrow`, or the weekday's name, `sat` to `fri`.
    """

    because: str
    day: str
    on: date
    at: time


class ComplaintFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A complaint of this call. `answer_by` is the last day for its answer, in the customer's zone."""

    tracking_number: str
    answer_by: date


class CallbackFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A call that the caller is offered, or was promised.

    Attributes:
        number: as people of its country dial it, digits only.
        on, at: the day and time of day it is wanted, on the company's clock.
        again: one was promised to this number before; it was moved.
        confirmed: the caller said yes, and nothing was promised yet.
    """

    number: str
    on: date
    at: time
    again: bool = False
    confirmed: bool = False


class QueueFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How a queue stands for a caller who is about to join it.

    Attributes:
        waiting: callers in it now. position: the caller's place among them, from 1, after those who go ahead.
        wait: expected, in seconds, whole half minutes; None if too few were answered lately to tell.
        priority: higher goes ahead. because: why, words of `vip`, `cut_off`, `again` with spaces between.
    """

    waiting: int
    position: int
    wait: int | None = None
    priority: int = 0
    because: str = ""


class RecordingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The message that the caller spoke last: its name, and its length in whole seconds, 1 at least."""

    name: str
    seconds: int


class SoundFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording turned out to be. `audible`: there is more in it than silence."""

    seconds: float
    audible: bool


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A value that a flow keeps under a name of its own: text, so that a checkpoint holds it, and how to read it.

    Attributes:
        sort: digits, text: as it stands; count, toman, rial: whole units; date: ISO 8601; time: HH:MM; yes: 1 or 0.
    """

    sort: KeptSort
    text: str

    @property
    def value(self) -> str | int | bool | date | time | Money:
        """What prompts and conditions see."""
        match self.sort:
            case "digits" | "text":
                return self.text
            case "count":
                return int(self.text)
            case "toman" | "rial":
                return Money(amount=int(self.text), currency=self.sort)
            case "date":
                return date.fromisoformat(self.text)
            case "time":
                return time.fromisoformat(self.text)
            case "yes":
                return self.text == "1"
            case _:
                assert_never(self.sort)


Answer = msgspec.Struct | None  # facts, of the kind that was asked for; None: there is no such thing
