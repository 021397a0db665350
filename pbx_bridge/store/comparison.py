"""Which calls are no longer what their facts tell: read, folded and compared; nothing is written.

Facts, what stands there of the calls, and the node's starts are asked for once for many groups: asking costs as much
as decoding. A call whose hash is the same is not made smaller, nor asked for again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.calls.facts import Fact
from pbx_bridge.store import parties
from pbx_bridge.store.database import Db
from pbx_bridge.store.packs import Stretch
from pbx_bridge.store.recorder import Told, tell_with
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us
from pbx_bridge.values.number_rules import PLAIN, NumberRules

_GAP = 4  # groups further apart are read apart
_NUMBERS = 4096  # remembered: one number calls again and again

_Kept = tuple[str, str]  # call_id, content hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What was found of some groups.

    Attributes:
        count: groups looked at.
        differing: those which the recorder is to fold.
        bare: how many have a call but no facts that tell one.
    """

    count: int
    differing: tuple[int, ...]
    bare: int


def compare(db: Db, region: str, groups: Sequence[int], numbers: NumberRules = PLAIN) -> Compared:
    """Look at these groups."""
    comparison = _Comparison(db, region, numbers)
    found = {group: differs for near in _near(sorted(groups)) for group, differs in comparison.look(near)}
    return Compared(
        count=len(groups),
        differing=tuple(group for group in groups if found[group]),
        bare=sum(differs is None for differs in found.values()),
    )


class _Comparison:
    def __init__(self, db: Db, region: str, numbers: NumberRules) -> None:
        self._db, self._region, self._numbers = db, region, numbers
        self._boots = _Boots(db)
        self._directory = parties.directory_of(db).remembering(_NUMBERS)

    def look(self, groups: Sequence[int]) -> Iterator[tuple[int, bool | None]]:
        """Each group, and as `_differs`."""
        first, last = groups[0], groups[-1]
        try:
            stretch, kept = Stretch(self._db, first, last), _kept(self._db, first, last)
        except Exception:  # one row may be what cannot be read: the recorder takes each group by itself
            yield from ((group, True) for group in groups)
            return
        for group in groups:
            yield group, self._differs(stretch, group, kept.get(group, []))

    def _differs(self, stretch: Stretch, group: int, kept: list[_Kept]) -> bool | None:
        """True when the recorder is to fold this group; None when its facts tell no call, though there is one."""
        try:
            told = self._told(stretch.facts_of(group))
        except Exception:  # the recorder meets the same, and keeps the reason
            return True
        if told.call is None:
            return None if kept else False
        now = (told.call_id, told.content_hash)
        return kept != [now] and self._all_kept(group, told.call_id) != {now}

    def _all_kept(self, group: int, call_id: str) -> set[_Kept]:
        """The same of one group, and the call of that id under any other."""
        rows = self._db.execute(SQL["calls_of_group"], {"id": group, "call_id": call_id}).fetchall()
        return {(kept_id, kept_hash) for kept_id, _, kept_hash in rows}

    def _told(self, facts: Sequence[Fact]) -> Told:
        boots = self._boots.after(facts[0].node, min(fact.at for fact in facts)) if facts else ()
        return tell_with(facts, boots, self._directory, self._region, self._numbers)


class _Boots:
    """When each node's Asterisk came up."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._known: dict[str, tuple[datetime | None, list[datetime]]] = {}

    def after(self, node: str, moment: datetime) -> Sequence[datetime]:
        """From a moment on, in order."""
        since, boots = self._known.get(node, (None, []))
        if since is None or moment < since:
            rows = self._db.execute(SQL["boots_after"], {"node": node, "at_us": to_us(moment)}).fetchall()
            since, boots = moment, [from_us(row[0]) for row in rows]
            self._known[node] = since, boots
        return boots[bisect_left(boots, moment) :]


def _kept(db: Db, first: int, last: int) -> dict[int, list[_Kept]]:
    kept: dict[int, list[_Kept]] = {}
    for group, call_id, content_hash in db.execute(SQL["calls_between"], {"first": first, "last": last}).fetchall():
        kept.setdefault(group, []).append((call_id, content_hash))
    return kept


def _near(groups: Sequence[int]) -> Iterator[list[int]]:
    """The same groups, in stretches of neighbours."""
    near: list[int] = []
    for group in groups:
        if near and group - near[-1] > _GAP:
            yield near
            near = []
        near.append(group)
    if near:
        yield near
