"""What callers can be asked for in digits: how long each is, the fields that an `ask` of it needs, how it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Literal

from pbx_bridge.ivr.grammar import LARGEST
from pbx_bridge.ivr.known import Kept
from pbx_bridge.values import dates, phone, pin, tracking

What = Literal["tracking", "customer_code", "pin", "date", "phone", "amount", "digits"]
Currency = Literal["toman", "rial"]

_FIRST_DAY, _LAST_DAY = date(1921, 3, 21), date(2122, 3, 20)  # 1300 to 1500 in Jalali: others are slips of a finger


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One of them.

    Attributes:
        shortest, longest: digits, where the flow does not say.
        needs, may: fields that an `ask` of it must have, and those that it may have beside them.
        secret: its digits stand nowhere.
    """

    shortest: int = 1
    longest: int
    needs: frozenset[str]
    may: frozenset[str] = frozenset()
    secret: bool = False

    @property
    def looks_up(self) -> bool:
        """Whether the CRM is asked about it; else it is kept."""
        return "unavailable" in self.needs


_LOOKED_UP = frozenset({"unknown", "unavailable"})
_KEPT, _OR_SECRET = frozenset({"keep"}), frozenset({"secret"})
ASKED: Mapping[What, Asked] = MappingProxyType(
    {
        "tracking": Asked(
            longest=tracking.MAX_DIGITS, needs=_LOOKED_UP, may=frozenset({"owner", "unknown_customer"})
        ),
        "customer_code": Asked(longest=12, needs=_LOOKED_UP),
        "pin": Asked(
            shortest=pin.SHORTEST,
            longest=pin.LONGEST,
            needs=frozenset({"unavailable", "unknown_customer"}),
            may=frozenset({"unknown", "secret"}),
            secret=True,
        ),
        "date": Asked(shortest=8, longest=8, needs=_KEPT, may=_OR_SECRET),
        "phone": Asked(shortest=7, longest=17, needs=_KEPT, may=_OR_SECRET),
        "amount": Asked(longest=len(str(LARGEST)), needs=_KEPT | {"currency"}, may=_OR_SECRET),
        "digits": Asked(longest=12, needs=_KEPT, may=_OR_SECRET),
    }
)
_BY_WHAT = ("unknown", "unavailable", "unknown_customer", "owner", "keep", "currency", "secret")


def refusals(what: What, told: Mapping[str, Any], shortest: int, longest: int) -> Iterator[str]:
    """Why there can be no such `ask`. `told`: those of its fields that hang on `what`, None where left out."""
    asked = ASKED[what]
    for name in _BY_WHAT:
        needed = name in asked.needs and not (name == "keep" and told["secret"])
        if told[name] is None and needed:
            yield f"an ask of {what} needs {name!r}"
        elif told[name] is not None and name not in asked.needs | asked.may:
            yield f"an ask of {what} has no {name!r}"
    if told["keep"] and told["secret"]:
        yield "what is secret cannot be kept"
    if asked.secret and told["secret"] is False:
        yield f"a {what} is always secret"
    if what == "tracking" and (told["owner"] == "customer") != (told["unknown_customer"] is not None):
        yield "'owner: customer' and 'unknown_customer' go together"
    if shortest > longest:
        yield f"'shortest' is {shortest}, and 'longest' only {longest}"


def read(what: What, keyed: str, *, currency: Currency | None, region: str) -> str | Kept | None:
    """What digits mean: what is looked up, or the value to be kept; None: they cannot be right."""
    match what:
        case "tracking":
            return tracking.parse(keyed)
        case "customer_code" | "pin":
            return keyed
        case "date":
            return _date(keyed)
        case "phone":
            number = phone.to_e164(keyed, region)
            return Kept("digits", phone.dialled(number, region)) if number else None
        case "amount":
            return Kept(currency or "toman", str(int(keyed))) if int(keyed) <= LARGEST else None
        case "digits":
            return Kept("digits", keyed)


def _date(keyed: str) -> Kept | None:
    try:
        day = dates.parse_date(f"{keyed[:4]}-{keyed[4:6]}-{keyed[6:]}")
    except ValueError:
        return None
    return Kept("date", day.isoformat()) if _FIRST_DAY <= day <= _LAST_DAY else None
