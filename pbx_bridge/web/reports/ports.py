"""What the reports need of the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from pbx_bridge.calls.moments import MomentKind
from pbx_bridge.store.moments import MomentLine, MomentState, Search
from pbx_bridge.store.promises import Kept
from pbx_bridge.store.reports import Parts, Reason, Told, Unanswered


class Reports(Protocol):
    """What was counted; see pbx_bridge.store.reports. All raise StoreError."""

    async def parts(self, names: Iterable[str], spans: Sequence[tuple[date, date]]) -> Sequence[Mapping[str, Parts]]:
        """The counts of these names in each span of days."""

    async def days(self, name: str, first: date, last: date, beginning: str = "") -> Mapping[date, Parts]:
        """The counts of a name by day; `beginning`: only parts with this first word."""

    async def weekdays(self, name: str, first: date, last: date, beginning: str = "") -> Mapping[int, Parts]:
        """The counts of a name by day of the week, 0 being Monday; else as `days`."""

    async def since(self) -> date | None:
        """The first day with a call."""

    async def counted_to(self) -> datetime | None:
        """Calls that began later may not be counted yet; None: all are."""

    async def complaints(self, first: date, last: date) -> Sequence[Reason]:
        """Complaints received in these days, by reason."""

    async def unanswered(self) -> Sequence[Unanswered]:
        """Complaints that wait for their answer now."""

    async def reasons(self, first: date, last: date) -> Sequence[Told]:
        """What the talks of these days were about, as far as agents told."""

    async def promises(self, first: date, last: date) -> Sequence[Kept]:
        """How the promises of tickets opened in these days stand, by kind."""

    async def moments(self, first: date, last: date) -> Mapping[str, Mapping[str, int]]:
        """How many moments there are, by kind and state."""


class Moments(Protocol):
    """The moments that went wrong; see pbx_bridge.store.moments. All raise StoreError."""

    async def list(self, search: Search) -> Sequence[MomentLine]:
        """Newest first."""

    async def get(self, call_id: str, kind: MomentKind) -> MomentLine | None:
        """One of them."""

    async def change(
        self, call_id: str, kind: MomentKind, *, state: MomentState, owner: str, note: str, by: str
    ) -> bool:
        """Somebody works on it; False if there is no such moment."""
