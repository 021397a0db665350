"""What a flow asks of the world outside it: small frozen questions, answered with facts or with None.

The engine only asks (`LookUp`); who answers is the daemon's business, or a simulation's (lookups.py). A question that
changes something carries an `origin`, the same at each repetition: the change is made once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

import msgspec


class Question(msgspec.Struct, frozen=True, gc=False):
    """One question. `what` is its name on the record, in cases and in reports of delays."""

    what: ClassVar[str]

    @property
    def called(self) -> str:
        """What cases call it, to have it answered late or not at all."""
        return self.what


class CustomerOfCaller(Question, frozen=True):
    """Whose number is this? `number` is as the caller's came."""

    what: ClassVar[str] = "caller"
    number: str


class Guess(Question, frozen=True, kw_only=True):
    """One that a caller could ask again and again until it is right: wrong ones are counted (guard.py).

    `caller` is the number as it came, empty when hidden; None: no caller keyed this, and it is not counted.
    """

    caller: str | None = None


class CustomerOfCode(Guess, frozen=True):
    """Whose customer code is this?"""

    what: ClassVar[str] = "customer_code"
    code: str


class Owner(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whose a ticket must be; one of the two.

    Attributes:
        customer_code: it is this customer's.
        phone_end: a number of its customer ends with these digits.
    """

    customer_code: str = ""
    phone_end: str = ""


class TicketOfNumber(Guess, frozen=True):
    """Which ticket has this tracking number? Another's is as none, and takes as long, if there must be an `owner`."""

    what: ClassVar[str] = "tracking"
    tracking_number: str
    owner: Owner | None = None


class PinOfCustomer(Guess, frozen=True):
    """Is this the PIN of this customer? The customer, or None if it is not; the PIN stands in no log."""

    what: ClassVar[str] = "pin"
    customer_code: str
    pin: str

    def __repr__(self) -> str:
        return f"PinOfCustomer({self.customer_code!r}, {'*' * len(self.pin)})"


class NewestTicketOf(Question, frozen=True):
    """Which open ticket of this customer came last?"""

    what: ClassVar[str] = "newest_ticket"
    customer_code: str


class ContractOfCustomer(Question, frozen=True):
    """How does this customer's contract stand today?"""

    what: ClassVar[str] = "contract"
    customer_code: str


class OpenTicket(Question, frozen=True):
    """Open a ticket, once for an origin. None: there is no such customer.

    `subject` is the flow's own text; `message` names a recording, or is empty.
    """

    what: ClassVar[str] = "ticket"
    origin: str
    customer_code: str
    subject: str
    message: str = ""


class FileComplaint(Question, frozen=True):
    """Open a ticket that is a complaint, once for an origin. None: there is no such customer."""

    what: ClassVar[str] = "complaint"
    origin: str
    customer_code: str
    subject: str
    reason: str
    acknowledge_within_hours: int
    answer_within_days: int
    message: str = ""


class AskForCallback(Question, frozen=True):
    """Have this number called back by the people of a queue, once for an origin. `number` is as it came."""

    what: ClassVar[str] = "callback"
    origin: str
    node: str
    channel: str
    number: str
    queue: str
    wanted_at: datetime
    customer_code: str = ""


class StandingOfQueue(Question, frozen=True):
    """How does this queue stand for a caller who is about to join it, and do they go ahead of others?

    Attributes:
        channel: the caller's uniqueid. caller: the number as it came.
        vip: the priority of the customer's tier. again: that of who was cut off or calls again within the hour.
    """

    what: ClassVar[str] = "queue"
    queue: str
    channel: str
    caller: str
    vip: int = 0
    again: int = 0


class AskService(Question, frozen=True):
    """Ask a service of the settings, and keep these fields of its answer. None: it knows no such thing.

    `gives`: what is kept, by name, as fields.py reads it.
    """

    what: ClassVar[str] = "service"
    service: str
    arguments: Mapping[str, str | int | float | bool]
    gives: Mapping[str, str] = {}

    @property
    def called(self) -> str:
        """See Question."""
        return self.service


class TellService(Question, frozen=True):
    """Tell a service of the settings these values, once for an origin."""

    what: ClassVar[str] = "webhook"
    service: str
    values: Mapping[str, str | int | float | bool]
    origin: str

    @property
    def called(self) -> str:
        """See Question."""
        return self.service


class RecordingTaken(Question, frozen=True):
    """What is in the recording of this name, which was just made?"""

    what: ClassVar[str] = "recording"
    name: str


class KeepRecording(Question, frozen=True):
    """Put this recording away for people. Its name is its origin: it is kept once."""

    what: ClassVar[str] = "recording_kept"
    name: str
