"""Places in the list of calls: a start and a call's id, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from pbx_bridge.store.announce import CallRow
from pbx_bridge.store.lines import CallLine
from pbx_bridge.store.times import to_us

# No call has an empty id, so these are before and after every call; (start, "") is where the calls of a moment begin.
FIRST, LAST = (-(2**63 - 1), ""), (2**63 - 1, "")
# Before and after every call of a moment, in a text: an id begins with a hexadecimal digit.
_BELOW, _ABOVE = "-", "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageKey:
    """Where a page ended; the next one begins right after. Its text goes into an address and back."""

    started_at_us: int
    call_id: str

    @classmethod
    def of(cls, row: CallRow | CallLine) -> PageKey:
        """The key of a page's last row."""
        if isinstance(row, CallRow):
            return cls(started_at_us=to_us(row.call.started_at), call_id=row.call.call_id)
        return cls(started_at_us=row.started_at_us, call_id=row.call_id)

    @classmethod
    def parse(cls, text: str) -> PageKey:
        """The key of its text. Raises ValueError."""
        started, _, call_id = text.partition(".")
        if not (started.isascii() and started.isdigit() and len(started) < 19 and call_id):
            raise ValueError(f"{text!r} is no page")
        return cls(started_at_us=int(started), call_id=call_id)

    @classmethod
    def beyond(cls, started_at_us: int, *, older: bool) -> PageKey:
        """Where a search goes on that has looked at every call of this moment."""
        return cls(started_at_us=started_at_us, call_id=_BELOW if older else _ABOVE)

    @property
    def place(self) -> tuple[int, str]:
        """What calls are ordered by."""
        return self.started_at_us, self.call_id

    def __str__(self) -> str:
        return f"{self.started_at_us}.{self.call_id}"
