"""The ports of the reports in memory: counts made of calls as the store makes them, for a site without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pbx_bridge.calls import tally
from pbx_bridge.calls.call import Call
from pbx_bridge.calls.moments import MomentKind
from pbx_bridge.calls.tally import Count
from pbx_bridge.calls.targets import Targets
from pbx_bridge.store.moments import MomentLine, MomentState, Search
from pbx_bridge.store.promises import Kept
from pbx_bridge.store.reports import Parts, Reason, Told, Unanswered
from pbx_bridge.web.reports.pages import ReportParts

_EPOCH = date(1970, 1, 1)


class MemoryReports:
    """Reports of these calls; no complaints, and nothing of what calls say of each other."""

    def __init__(self, calls: Iterable[Call] = (), zone: ZoneInfo | None = None) -> None:
        self._counts: dict[tuple[str, date], dict[tuple[str, ...], Count]] = {}
        for call in calls:
            for (name, day, part), (n, total) in tally.contributions(call, zone or ZoneInfo("UTC")).items():
                counts = self._counts.setdefault((name, _EPOCH + timedelta(days=day)), {})
                before = counts.get(tally.words_of(part), (0, 0))
                counts[tally.words_of(part)] = (before[0] + n, before[1] + total)

    async def parts(self, names: Iterable[str], spans: Sequence[tuple[date, date]]) -> Sequence[Mapping[str, Parts]]:
        """See Reports."""
        wanted = tuple(names)
        return [{name: _sum((await self.days(name, *span)).values()) for name in wanted} for span in spans]

    async def days(self, name: str, first: date, last: date, beginning: str = "") -> Mapping[date, Parts]:
        """See Reports."""
        return {
            day: {words: count for words, count in parts.items() if beginning in ("", words[0])}
            for (of, day), parts in self._counts.items()
            if of == name and first <= day <= last
        }

    async def weekdays(self, name: str, first: date, last: date, beginning: str = "") -> Mapping[int, Parts]:
        """See Reports."""
        found = await self.days(name, first, last, beginning)
        return {place: _sum(parts for day, parts in found.items() if day.weekday() == place) for place in range(7)}

    async def since(self) -> date | None:
        """See Reports."""
        return min((day for _, day in self._counts), default=None)

    async def counted_to(self) -> datetime | None:
        """See Reports."""
        return None

    async def complaints(self, first: date, last: date) -> Sequence[Reason]:
        """See Reports."""
        return ()

    async def unanswered(self) -> Sequence[Unanswered]:
        """See Reports."""
        return ()

    async def reasons(self, first: date, last: date) -> Sequence[Told]:
        """See Reports."""
        return ()

    async def promises(self, first: date, last: date) -> Sequence[Kept]:
        """See Reports."""
        return ()

    async def moments(self, first: date, last: date) -> Mapping[str, Mapping[str, int]]:
        """See Reports."""
        return {}


class MemoryMoments:
    """No moments."""

    async def list(self, search: Search) -> Sequence[MomentLine]:
        """See Moments."""
        return ()

    async def get(self, call_id: str, kind: MomentKind) -> MomentLine | None:
        """See Moments."""
        return None

    async def change(
        self, call_id: str, kind: MomentKind, *, state: MomentState, owner: str, note: str, by: str
    ) -> bool:
        """See Moments."""
        return False


def memory_reports() -> ReportParts:
    """Of a site without calls."""
    return ReportParts(source=MemoryReports(), moments=MemoryMoments(), targets=Targets())


def _sum(found: Iterable[Parts]) -> Parts:
    counts: dict[tuple[str, ...], Count] = {}
    for parts in found:
        for words, (n, total) in parts.items():
            before = counts.get(words, (0, 0))
            counts[words] = (before[0] + n, before[1] + total)
    return counts
