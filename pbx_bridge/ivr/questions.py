"""What a flow asks of the world outside it: small frozen questions, answered with facts or with None.

The engine only asks (`LookUp`); who answers is the daemon's business, or a simulation's (lookups.py). A question that
changes something carries an `origin`, the same at each repetition: the change is made once.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Question(msgspec.Struct, frozen=True, gc=False):
    """One question. `what` is its name on the record, in cases and in reports of delays."""

    what: ClassVar[str]


class CustomerOfCaller(Question, frozen=True):
    """Whose number is this? `number` is as the caller's came."""

    what: ClassVar[str] = "caller"
    number: str


class CustomerOfCode(Question, frozen=True):
    """Whose customer code is this?"""

    what: ClassVar[str] = "customer_code"
    code: str


class TicketOfNumber(Question, frozen=True):
    """Which ticket has this tracking number?"""

    what: ClassVar[str] = "tracking"
    tracking_number: str


class ContractOfCustomer(Question, frozen=True):
    """How does this customer's contract stand today?"""

    what: ClassVar[str] = "contract"
    customer_code: str
