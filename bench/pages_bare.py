"""The history's searches as somebody at a prompt would write them: one plain statement on sqlite3, and its time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from pbx_bridge.store.lines import LINE_COLUMNS
from pbx_bridge.store.page_key import FIRST, LAST, PageKey
from pbx_bridge.store.times import to_us
from pbx_bridge.store.wanted import Wanted, number_key, over_us

LIMIT_S = 1.0  # a statement that takes longer is given up

_STEPS = 10_000  # of SQLite's machine, between two looks at the clock
_ID = 3  # its column
_COLUMNS = f"{LINE_COLUMNS}, agent, facets".replace(" started_at_us,", " call.started_at_us,")


class Bare:
    """Asks plain sqlite3."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def ids(
        self, wanted: Wanted, before: PageKey | None, after: PageKey | None, limit: int
    ) -> tuple[list[str] | None, float]:
        """The calls found, None if the statement was given up; and how many milliseconds it took."""
        statement, values = self._statement(wanted, before, after, limit)
        until = time.perf_counter() + LIMIT_S
        self._db.set_progress_handler(lambda: time.perf_counter() > until, _STEPS)
        begun = time.perf_counter()
        try:
            rows: Sequence[Any] = self._db.execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            return None, LIMIT_S * 1000
        took_ms = (time.perf_counter() - begun) * 1000
        ids = [row[_ID] for row in rows]
        return (ids if after is None else ids[::-1]), took_ms

    def _statement(
        self, wanted: Wanted, before: PageKey | None, after: PageKey | None, limit: int
    ) -> tuple[str, dict[str, Any]]:
        values: dict[str, Any] = {"limit": limit}
        joins, where = "", self._columns(wanted, values)
        for number, facet in enumerate(wanted.every):
            found = self._db.execute("SELECT id FROM facet WHERE kind = ? AND value = ?", facet).fetchone()
            values[f"f{number}"] = found[0] if found else -1
            joins += (
                f" JOIN call_facet f{number} ON f{number}.facet = :f{number}"
                f" AND f{number}.call_no = call.call_no AND f{number}.started_at_us = call.started_at_us"
            )
        above = max((to_us(wanted.start), "") if wanted.start else FIRST, after.place if after else FIRST)
        below = min((to_us(wanted.end), "") if wanted.end else LAST, before.place if before else LAST)
        values |= {"above_us": above[0], "above_id": above[1], "below_us": below[0], "below_id": below[1]}
        where += [
            "(call.started_at_us, call_id) > (:above_us, :above_id)",
            "(call.started_at_us, call_id) < (:below_us, :below_id)",
        ]
        order = "DESC" if after is None else "ASC"
        statement = (
            f"SELECT {_COLUMNS} FROM call{joins} WHERE {' AND '.join(where)}"  # noqa: S608 - ours
            f" ORDER BY call.started_at_us {order}, call_id {order} LIMIT :limit"
        )
        return statement, values

    def _columns(self, wanted: Wanted, values: dict[str, Any]) -> list[str]:
        where: list[str] = []
        if wanted.number:
            values["number"] = number_key(wanted.number, "IR")
            where.append("(caller_number = :number OR called_number = :number)")
        if wanted.customers is not None:
            values |= {f"c{number}": code for number, code in enumerate(wanted.customers)}
            some = ", ".join(f":c{number}" for number in range(len(wanted.customers)))
            where.append(f"customer_code IN ({some}) AND customer_code <> ''")
        if wanted.wait_over_s:
            values["wait_us"] = over_us(wanted.wait_over_s)
            where.append("wait_us > :wait_us")
        if wanted.talk_over_s:
            values["talk_us"] = over_us(wanted.talk_over_s)
            where.append("talk_us > :talk_us")
        if wanted.recorded:
            where.append("EXISTS (SELECT 1 FROM recording r WHERE r.call_id = call.call_id AND r.state = 'present')")
        return where
