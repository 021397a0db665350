"""A callback as the pages show it, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from pbx_bridge.store.callbacks import CallbackLine, Wrong
from pbx_bridge.store.callbacks_rules import MOST_LATE_HOURS, Priority, PriorityOf, Reason, Weights, priority
from pbx_bridge.values.hostile import clean
from pbx_bridge.web.contracts.rows import word
from pbx_bridge.web.viewer import Viewer

_NOTHING_WRONG = Wrong()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A callback in a list. Texts are clean, not escaped.

    Attributes:
        name: the customer's, else empty.
        stands: `due`, `later` or `done`.
        reasons: why it comes first, in words.
        held_by: who is calling now; mine: that is the viewer.
        about: address and words of what it is about; empty: nothing else.
        may_call: whether a call may be made from here: it is open, and nobody else is calling.
    """

    line: CallbackLine
    name: str
    stands: str
    points: int
    reasons: tuple[str, ...]
    held_by: str
    mine: bool
    about: tuple[str, str]
    when: str
    queue: str

    @property
    def may_call(self) -> bool:
        """See the class."""
        return self.stands != "done" and (not self.held_by or self.mine)


def rows_of(lines: Iterable[CallbackLine], wrong: Mapping[str, Wrong], weights: Weights, who: Viewer) -> list[Row]:
    """How a viewer sees them, in the same order."""
    return [row_of(line, wrong.get(line.id, _NOTHING_WRONG), weights, who) for line in lines]


def row_of(line: CallbackLine, wrong: Wrong, weights: Weights, who: Viewer) -> Row:
    """How a viewer sees one."""
    told = priority_of(line, wrong, weights, who.now)
    held_by = line.held_by(who.now) if line.done_at is None else ""
    return Row(
        line=line,
        name=who.private(line.customer_name, 80),
        stands="done" if line.done_at else "due" if line.is_due(who.now) else "later",
        points=told.points,
        reasons=tuple(reason_word(one, who) for one in told.reasons),
        held_by=clean(held_by, 40),
        mine=bool(held_by) and held_by == who.user,
        about=about_link(line.about, who),
        when=_when(line, who),
        queue=who.named("queue", line.queue) if line.queue else "",
    )


def priority_of(line: CallbackLine, wrong: Wrong, weights: Weights, now: datetime) -> Priority:
    """How soon they are to be called."""
    of = PriorityOf(
        tier=line.tier,
        third=wrong.third,
        unhappy=wrong.unhappy,
        abandoned=wrong.abandoned,
        tried=line.tries,
        late=now - line.wanted_at,
    )
    return priority(of, weights)


def most_urgent_first(rows: Iterable[Row]) -> list[Row]:
    """By their points; of as many the longest wanted."""
    return sorted(rows, key=lambda row: (-row.points, row.line.wanted_at, row.line.id))


def reason_word(reason: Reason, who: Viewer) -> str:
    """Why, in words: a gold customer; two unhappy surveys lately."""
    if reason.word == "tier":
        return who.t("callback.because.tier", tier=word("contract.tier_word", reason.name, who))
    if reason.word == "late_hour" and reason.count >= MOST_LATE_HOURS:
        return who.t("callback.because.late_day")
    return who.counted(f"callback.because.{reason.word}", reason.count)


def about_link(about: str, who: Viewer) -> tuple[str, str]:
    """Address and words of what one is about; both empty if that is nothing that has a page."""
    kind, _, rest = about.partition(":")
    code, _, number = rest.partition(":")
    match kind:
        case "customer" if rest:
            return f"/customers/{quote(rest, safe='')}", who.t("callback.about_customer")
        case "ticket" if rest:
            return f"/tickets/{quote(rest, safe='')}", who.t("callback.about_ticket", number=who.show.tracking(rest))
        case "contract" if code and number:
            told = who.t("callback.about_contract", number=who.show.digits(clean(number, 60)))
            return f"/contracts/{quote(code, safe='')}/{quote(number, safe='')}", told
        case _:
            return "", ""


def _when(line: CallbackLine, who: Viewer) -> str:
    """How long ago it was wanted, or in how long it is."""
    if line.wanted_at <= who.now:
        return who.ago(line.wanted_at)
    minutes = int((line.wanted_at - who.now).total_seconds()) // 60
    for unit, size in (("days", 1440), ("hours", 60)):
        if minutes >= size:
            return who.counted(f"callback.in_{unit}", minutes // size)
    return who.counted("callback.in_minutes", max(1, minutes))
