"""The person looking at a page: their language, zone and moment, and what a template asks of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.calls.call import Call, Outcome, SegmentKind
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.web import words
from pbx_bridge.web.show import Language, Show, clean, iso, microseconds

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
    """Who looks, and when. `user` is empty before sign-in."""

    show: Show
    now: datetime
    user: str = ""

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
        return words.named(self.language, prefix, name, clean(name, 80))

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

    call: Call
    revision: int
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
        return round(self.call.started_at.timestamp() * 1_000_000)

    @property
    def started_iso(self) -> str:
        """When it began, for machines."""
        return iso(self.call.started_at)


def call_view(call: Call, revision: int, viewer: Viewer) -> CallView:
    """How a viewer sees a call."""
    key, tone, icon = _standing(call)
    return CallView(
        call=call,
        revision=revision,
        name=customer_name(call) or clean(call.caller_name, 80),
        outcome=viewer.t(key),
        tone=tone,
        icon=icon,
        duration_us=microseconds((call.ended_at or viewer.now) - call.started_at),
    )


def customer_name(call: Call) -> str:
    """The customer's name as the IVR found it, cleaned; empty if it found none."""
    for step in reversed(call.steps):
        if step.kind == StepKind.CUSTOMER:
            return clean(str(step.data.get("name") or ""), 80)
    return ""


def _standing(call: Call) -> tuple[str, str, str]:
    if call.outcome is not None:
        return f"outcome.{call.outcome}", _TONES[call.outcome], call.outcome.value
    if call.ended_at is not None:
        return "outcome.lost", "bad", "lost"
    kind = _goes_on(call)
    return (f"progress.{kind}" if kind else "progress"), "live", "live"


def _goes_on(call: Call) -> SegmentKind | None:
    for segment in sorted(call.segments, key=lambda s: s.started_at, reverse=True):
        if segment.ended_at is None:
            return segment.kind
    return None
