"""Who a call was with: the customer on record, found by what was keyed or by the number outside.

The number stays on the record as it came; the link is made anew whenever the call is folded, and when a contact of
that number changes (see relink.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from pbx_bridge.calls.call import Call, Direction
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.store.database import Db
from pbx_bridge.store.heirs import heir
from pbx_bridge.store.sql import SQL
from pbx_bridge.values import phone


@dataclass(frozen=True, slots=True)
class Directory:
    """Whom numbers and codes stand for now.

    Attributes:
        codes_of: the codes of every customer with an E.164 number.
        heir_of: the code under which a customer goes on who was merged into another one; else the same.
    """

    codes_of: Callable[[str], Sequence[str]]
    heir_of: Callable[[str], str] = str

    def remembering(self, numbers: int) -> Directory:
        """The same, each asked once; for as long as nobody writes."""
        return Directory(lru_cache(numbers)(self.codes_of), lru_cache(numbers)(self.heir_of))


BY_KEY, BY_NUMBER = "key", "number"


def resolve(call: Call, directory: Directory, region: str = "IR") -> Call:
    """The call with its customer: the one keyed in the menu; else the only one with the number outside; else none.

    What the menu took the caller for by number alone does not count: the directory may know better by now.
    """
    code, by = keyed_customer(call), BY_KEY
    if code:
        code = directory.heir_of(code)
    else:
        number = outside_number(call, region)
        known = directory.codes_of(number) if number else ()
        # Two customers on one number: linked to neither; the call's page offers both.
        code, by = (known[0], BY_NUMBER) if len(known) == 1 else ("", "")
    if (code, by) == (call.customer_code, call.customer_by):
        return call
    return replace(call, customer_code=code, customer_by=by)


def keyed_customer(call: Call) -> str:
    """The customer whose code was keyed last; empty if none was."""
    told = (step.data for step in reversed(call.steps) if step.kind == StepKind.CUSTOMER)
    codes = (data.get("code") for data in told if data.get("by") == "code")
    return next((code for code in codes if isinstance(code, str) and code), "")


def outside_number(call: Call, region: str = "IR") -> str:
    """The E.164 number of the person outside; empty when withheld, when no number, or when all were inside."""
    if call.direction is Direction.INTERNAL:
        return ""
    number = call.caller if call.direction is Direction.INBOUND else call.called
    return phone.to_e164(number, region) or ""


def directory_of(db: Db) -> Directory:
    """The contacts as they are in this transaction."""

    def codes_of(number: str) -> Sequence[str]:
        return sorted(row[0] for row in db.execute(SQL["codes_of_phone"], {"phone": number}).fetchall())

    return Directory(codes_of, lambda code: heir(db, code))
