"""Which numbers agents may call by a click, and when: the admin's patterns and hours. Pure.

    +98*   every Iranian number, as E.164        1XX   extensions of three digits beginning with 1
    +98909*   premium numbers                    *     everything

A number that can be written as E.164 is compared so, and any other, such as an extension, as it is dialled. What is
denied is denied, whatever is allowed besides.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.ivr.opening.hours import OfficeHours
from pbx_bridge.values import phone
from pbx_bridge.values.number_pattern import NumberPattern


class Refusal(enum.StrEnum):
    """Why a call is not made, or an action not done. Each has its words on the pages."""

    NUMBER = "number"  # it is none
    OWN = "own"  # an agent does not call themselves
    PATTERN = "pattern"  # the admin's patterns do not let it be called
    HOURS = "hours"  # not at this hour
    BUSY = "busy"  # the agent's phone has a call
    OPEN = "open"  # a call they asked for goes on
    NO_PHONE = "no_phone"  # whoever asks has no phone with us
    AWAY = "phone_away"  # the agent's phone is not registered
    PBX = "pbx"  # Asterisk is away, or refused
    RIGHT = "right"  # our AMI user may not
    TARGET = "target"  # no colleague, queue, mailbox or number that may be called
    NO_CALL = "no_call"  # there is no call in hand
    TAKEN = "taken"  # a colleague is calling the same person
    REASON = "reason"  # a pause has one of the reasons of the settings


@dataclass(frozen=True, slots=True, kw_only=True)
class DialRules:
    """What may be called, and when.

    Attributes:
        hours: of calls outside; None: at any hour. A colleague is called at any hour.
        internal: extensions of the house.
        region: whose numbers are those without a country code.
    """

    allow: tuple[NumberPattern, ...] = (NumberPattern.parse("*"),)
    deny: tuple[NumberPattern, ...] = ()
    hours: OfficeHours | None = None
    internal: frozenset[str] = frozenset()
    region: str = "IR"

    @classmethod
    def parse(cls, allow: Sequence[str], deny: Sequence[str], **others: object) -> DialRules:
        """From patterns as an admin writes them. Raises ValueError."""
        ready = [tuple(map(NumberPattern.parse, some)) for some in (allow, deny)]
        return cls(allow=ready[0], deny=ready[1], **others)  # type: ignore[arg-type]

    def refusal(self, dialled: str, now: datetime) -> Refusal | None:
        """Why a number, as it is dialled, may not be called now; None: it may."""
        forms = {dialled} if dialled in self.internal else _forms(dialled, self.region)
        if _any(self.deny, forms) or not _any(self.allow, forms):
            return Refusal.PATTERN
        if dialled in self.internal or self.hours is None or self.hours.standing(now).result == "open":
            return None
        return Refusal.HOURS

    def opens(self, now: datetime) -> datetime | None:
        """When calls outside may be made again, in the zone of the hours; None: at any hour, or not for a year."""
        return None if self.hours is None else self.hours.opens(now)


def _any(patterns: Sequence[NumberPattern], forms: set[str]) -> bool:
    return any(pattern.matches(form) for pattern in patterns for form in forms)


def _forms(dialled: str, region: str) -> set[str]:
    """How a number may stand in a pattern: as dialled, and as E.164 even where nobody knows such a number."""
    forms = {dialled, phone.to_e164(dialled, region) or dialled}
    if dialled.startswith("00"):
        forms.add(f"+{dialled[2:]}")
    elif dialled.startswith("0"):
        forms.add(f"+{phone.country_code(region)}{dialled[1:]}")
    return forms
