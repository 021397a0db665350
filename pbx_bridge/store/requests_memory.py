"""A RequestBook for one simulated call: it writes nothing anywhere, and its numbers are always the same."""

from __future__ import annotations

from datetime import date

from pbx_bridge.health import Clock
from pbx_bridge.store.numbering import LOWEST
from pbx_bridge.store.requests import NewCallback, NewComplaint, NewTicket, Opened, Promised, callback_id
from pbx_bridge.values import tracking


class MemoryRequests:
    """The first ticket is 1000002, the second 1000015, and so on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tickets: dict[str, Opened] = {}
        self._callbacks: dict[tuple[str, str], Promised] = {}
        self._asked: dict[str, Promised] = {}

    async def open_ticket(self, new: NewTicket) -> Opened | None:
        """See RequestBook."""
        return self._open(new.origin, None)

    async def file_complaint(self, new: NewComplaint) -> Opened | None:
        """See RequestBook."""
        return self._open(new.ticket.origin, new.answer_on)

    async def ask_for_callback(self, new: NewCallback) -> Promised:
        """See RequestBook."""
        asked_by = callback_id(new.origin)
        if asked_by not in self._asked:
            before = self._callbacks.get((new.number, new.queue))
            self._asked[asked_by] = self._callbacks[new.number, new.queue] = Promised(
                id=before.id if before else asked_by,
                number=new.number,
                wanted_at=new.wanted_at,
                again=before is not None,
            )
        return self._asked[asked_by]

    def _open(self, origin: str, day: date | None) -> Opened:
        if origin not in self._tickets:
            number = tracking.with_check_digit(str(LOWEST + len(self._tickets)))
            self._tickets[origin] = Opened(tracking_number=number, at=self._clock(), promised_on=day)
        return self._tickets[origin]
