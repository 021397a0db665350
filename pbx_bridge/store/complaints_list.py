"""The complaints as a page lists them: open ones by the nearest deadline, those that are over newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.complaint_steps import Complaint
from pbx_bridge.store.database import Database
from pbx_bridge.store.requests_desk import complaint_of
from pbx_bridge.store.times import to_us

STATES = ("open", "late", "answered", "closed", "all")

_SELECT = (
    "SELECT c.tracking_number, t.customer_code, t.subject, c.reason, t.message, c.received_at_us,"
    " c.acknowledge_by_us, c.answer_by_us, c.acknowledged_at_us, c.answered_at_us, c.closed_at_us, c.done, c.level,"
    " c.satisfaction, u.name, t.assigned_to FROM complaint c JOIN ticket t ON t.tracking_number = c.tracking_number"
    " JOIN customer u ON u.code = t.customer_code"
)
_WHERE = {
    "open": "c.answered_at_us IS NULL",
    "late": "c.answered_at_us IS NULL AND (c.answer_by_us < :now_us"
    " OR (c.acknowledged_at_us IS NULL AND c.acknowledge_by_us < :now_us))",
    "answered": "c.answered_at_us IS NOT NULL AND c.closed_at_us IS NULL",
    "closed": "c.closed_at_us IS NOT NULL",
    "all": "1 = 1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintKey:
    """Where a page ended; its text goes into an address and back."""

    answer_by_us: int
    tracking_number: str

    @classmethod
    def of(cls, line: ComplaintLine) -> ComplaintKey:
        """The key of a page's last complaint."""
        return cls(answer_by_us=to_us(line.complaint.answer_by), tracking_number=line.complaint.tracking_number)

    @classmethod
    def parse(cls, text: str) -> ComplaintKey | None:
        """The key of its text; None: it is none."""
        at, dot, number = text.partition(".")
        if not (dot and all(part.isascii() and part.isdigit() and len(part) < 19 for part in (at, number))):
            return None
        return cls(answer_by_us=int(at), tracking_number=number)

    def __str__(self) -> str:
        return f"{self.answer_by_us}.{self.tracking_number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintLine:
    """A complaint with whose it is and who of ours has it."""

    complaint: Complaint
    customer_name: str
    assigned_to: str


class ComplaintList:
    """Reads only."""

    def __init__(self, reader: Database, clock: Clock = utc_now) -> None:
        self._reader, self._clock = reader, clock

    async def page(
        self, state: str, *, reason: str = "", after: ComplaintKey | None = None, limit: int = 50
    ) -> Sequence[ComplaintLine]:
        """Complaints of one of STATES; with `reason`, only of that one. Raises StoreError."""
        first = state in ("open", "late")
        where, values = [_WHERE[state]], {"limit": limit}
        told: dict[str, Any] = {**values, **({"now_us": to_us(self._clock())} if state == "late" else {})}
        if reason:
            where.append("c.reason = :reason")
            told["reason"] = reason
        if after is not None:
            where.append(f"(c.answer_by_us, c.tracking_number) {'>' if first else '<'} (:after_us, :after_number)")
            told |= {"after_us": after.answer_by_us, "after_number": after.tracking_number}
        way = "ASC" if first else "DESC"
        order = f"ORDER BY c.answer_by_us {way}, c.tracking_number {way} LIMIT :limit"
        rows = await self._reader.rows(f"{_SELECT} WHERE {' AND '.join(where)} {order}", **told)
        return [
            ComplaintLine(complaint=complaint_of(told), customer_name=name, assigned_to=who)
            for *told, name, who in rows
        ]
