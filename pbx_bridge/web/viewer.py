"""The person looking at a page: their language, zone and moment, and what a template asks of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.calls.call import Outcome
from pbx_bridge.store import CallLine, Role
from pbx_bridge.store.times import to_us
from pbx_bridge.values.hostile import MAX_TEXT, clean
from pbx_bridge.web import words
from pbx_bridge.web.permits import UNMASKED, Account, Permission, may
from pbx_bridge.web.show import Language, Show, iso, masked

_MINUTE, _HOUR, _DAY = 60, 3600, 86400

_TONES = {
    Outcome.ANSWERED: "good",
    Outcome.SELF_SERVED: "good",
    Outcome.VOICEMAIL: "note",
    Outcome.CALLBACK: "note",
    Outcome.ABANDONED_IVR: "warn",
    Outcome.ABANDONED_QUEUE: "warn",
    Outcome.BUSY: "warn",
    Outcome.NO_ANSWER: "warn",
    Outcome.CANCELLED: "warn",
    Outcome.MISSED: "bad",
    Outcome.REJECTED: "bad",
    Outcome.FAILED: "bad",
    Outcome.LOST: "bad",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks, and when. `account` is None before sign-in; `unmasked`: whom the settings let see numbers."""

    show: Show
    now: datetime
    account: Account | None = None
    unmasked: frozenset[Role] = UNMASKED

    @property
    def user(self) -> str:
        """What they signed in with; empty before that."""
        return self.account.name if self.account else ""

    def may(self, permission: str) -> bool:
        """Whether they have this permission, by its value. Raises ValueError for one that is none."""
        wanted = Permission(permission)
        if wanted is Permission.SEE_NUMBERS:
            return self.sees_numbers
        return self.account is not None and may(self.account.role, wanted)

    @property
    def sees_numbers(self) -> bool:
        """Whether they see whole numbers."""
        return self.account is not None and self.account.role in self.unmasked

    def phone(self, text: str) -> str:
        """A phone number as they may see it: whole, or its middle hidden."""
        return self._veiled(self.show.phone(text))

    def private(self, text: str, limit: int = MAX_TEXT) -> str:
        """Text that may hold a number, as names and notes do, cleaned; its numbers as they may see them."""
        return self._veiled(clean(text, limit))

    def _veiled(self, text: str) -> str:
        return text if self.sees_numbers else masked(text)

    @property
    def look(self) -> str:
        """Who has the same may be shown the same rendered piece: language, whole numbers, who calls, who pauses."""
        return f"{self.show.language}.{self.sees_numbers}.{self.calls}.{self.may(Permission.DESK)}"

    @property
    def calls(self) -> bool:
        """Whether they call by a click on a number: they may, have a phone, and see whole numbers."""
        phone = self.account is not None and self.account.extension != ""
        return phone and self.sees_numbers and self.may(Permission.DESK)

    @property
    def language(self) -> Language:
        """The language of the page."""
        return self.show.language

    def t(self, key: str, /, **values: object) -> str:
        """The word for a key."""
        return words.word(self.language, key, **values)

    def counted(self, key: str, count: int) -> str:
        """A counted word."""
        return words.counted(self.language, key, count, self.show.number(count))

    def named(self, prefix: str, name: str) -> str:
        """The word for a name from outside, or the name itself, cleaned."""
        return words.named(self.language, prefix, name)

    def ago(self, moment: datetime) -> str:
        """How long ago: 3 minutes ago."""
        seconds = int((self.now - moment).total_seconds())
        if seconds < 1:
            return self.t("ago.now")
        for unit, size in (("days", _DAY), ("hours", _HOUR), ("minutes", _MINUTE)):
            if seconds >= size:
                return self.counted(f"ago.{unit}", seconds // size)
        return self.counted("ago.seconds", seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """One call as a row and a summary show it. Text is clean, not escaped."""

    call: CallLine
    name: str
    outcome: str
    tone: str
    icon: str
    duration_us: int

    @property
    def open(self) -> bool:
        """Whether the call goes on."""
        return self.call.outcome is None and self.call.ended_at is None

    @property
    def started_us(self) -> int:
        """When it began, in microseconds since 1970: rows are ordered by it."""
        return self.call.started_at_us

    @property
    def started_iso(self) -> str:
        """When it began, for machines."""
        return iso(self.call.started_at)


def call_view(call: CallLine, viewer: Viewer) -> CallView:
    """How a viewer sees a call."""
    key, tone, icon = _standing(call)
    return CallView(
        call=call,
        name=viewer.private(call.name, 80),
        outcome=viewer.t(key),
        tone=tone,
        icon=icon,
        duration_us=(to_us(viewer.now) if call.ended_at_us is None else call.ended_at_us) - call.started_at_us,
    )


def _standing(call: CallLine) -> tuple[str, str, str]:
    if call.outcome is not None:
        return f"outcome.{call.outcome}", _TONES[call.outcome], call.outcome.value
    if call.ended_at is not None:
        return "outcome.lost", "bad", "lost"
    return (f"progress.{call.progress}" if call.progress else "progress"), "live", "live"
