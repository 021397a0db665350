"""The rows of moments that went wrong, and beside them how many there are on each day: every change of one goes here.

So the counts are always what counting the rows would give, without a walk over them. One that somebody worked on
stays, whatever becomes of its call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.moments import MomentKind
from pbx_bridge.store.database import Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us

DAY_US = 86_400_000_000

_OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentRow:
    """What is found of a moment; `agent`: who spoke last in its call."""

    kind: str
    at_us: int
    detail: str = ""
    agent: str = ""


class MomentRows:
    """The rows of one call."""

    def __init__(self, db: Db, call_id: str) -> None:
        self._db, self._call_id = db, call_id
        self._counts: Counter[tuple[str, str, int]] = Counter()

    def put_right(self, wanted: Sequence[MomentRow], *, besides: Collection[str] = ()) -> None:
        """These it has; others it has not, but those of the kinds `besides`. Raises what the database raises."""
        standing = {row[0]: row[1:] for row in self._db.execute(SQL["moments_standing"], self._values()).fetchall()}
        for kind in standing.keys() - {one.kind for one in wanted} - set(besides):
            self._drop(kind)
        for one in wanted:
            self._put(one, standing.get(one.kind))
        self._count()

    def put(self, one: MomentRow) -> None:
        """It has this one. Raises what the database raises."""
        standing = self._db.execute(SQL["moment_standing"], self._values(kind=one.kind)).fetchone()
        self._put(one, standing)
        self._count()

    def drop(self, kinds: Iterable[str]) -> None:
        """It has none of these kinds. Raises what the database raises."""
        for kind in kinds:
            self._drop(kind)
        self._count()

    def change(self, kind: str, values: dict[str, Any]) -> bool:
        """Somebody works on it: `change_moment`; False if there is none. Raises what the database raises."""
        standing = self._db.execute(SQL["moment_standing"], self._values(kind=kind)).fetchone()
        if standing is None:
            return False
        at_us, state, *_ = standing
        self._db.execute(SQL["change_moment"], self._values(kind=kind) | values)
        self._moved((kind, state, at_us), (kind, values["state"], at_us))
        self._count()
        return True

    def follow(self, call: Call) -> None:
        """The call became another: what somebody worked on goes with it. Raises what the database raises."""
        for kind, at_us, state in self._db.execute(SQL["moments_worked_on"], self._values()).fetchall():
            self._follow(call, kind, state, at_us)
        self._count()

    def _follow(self, call: Call, kind: str, state: str, at_us: int) -> None:
        there = MomentRows(self._db, call.call_id)
        there.drop([kind])
        if self._db.execute(SQL["moment_standing"], there._values(kind=kind)).fetchone() is None:
            now = {"winner": call.call_id, "at_us": to_us(call.started_at), "agent": call.last_agent}
            self._db.execute(SQL["move_moment"], self._values(kind=kind) | now)
            self._moved((kind, state, at_us), (kind, state, to_us(call.started_at)))

    def _put(self, one: MomentRow, standing: Sequence[Any] | None) -> None:
        values = self._values(kind=one.kind, at_us=one.at_us, detail=one.detail, agent=one.agent)
        if standing is None:
            self._db.execute(SQL["insert_moment"], values)
            self._counts[one.kind, _OPEN, one.at_us // DAY_US] += 1
            return
        at_us, state, detail, agent = standing
        if (at_us, detail, agent) != (one.at_us, one.detail, one.agent):
            self._db.execute(SQL["update_moment"], values)
            self._moved((one.kind, state, at_us), (one.kind, state, one.at_us))

    def _drop(self, kind: str) -> None:
        for at_us, state in self._db.execute(SQL["drop_moment"], self._values(kind=kind)).fetchall():
            self._counts[kind, state, at_us // DAY_US] -= 1

    def _moved(self, was: tuple[str, str, int], now: tuple[str, str, int]) -> None:
        self._counts[was[0], was[1], was[2] // DAY_US] -= 1
        self._counts[now[0], now[1], now[2] // DAY_US] += 1

    def _count(self) -> None:
        rows = [{"kind": k, "state": s, "day": d, "n": n} for (k, s, d), n in sorted(self._counts.items()) if n]
        self._counts.clear()
        if rows:
            self._db.executemany(SQL["count_moments"], rows)

    def _values(self, **others: str | int) -> dict[str, Any]:
        return {"call_id": self._call_id, **others}


def third(db: Db, call_id: str, at_us: int, *, is_one: bool) -> None:
    """Whether this call is the third of a week. Raises what the database raises."""
    rows = MomentRows(db, call_id)
    if not is_one:
        rows.drop([MomentKind.THIRD.value])
        return
    row = db.execute(SQL["agent_of_call"], {"call_id": call_id, "at_us": at_us}).fetchone()
    rows.put(MomentRow(kind=MomentKind.THIRD.value, at_us=at_us, agent=row[0] if row else ""))
