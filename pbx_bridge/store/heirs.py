"""Who goes on under which code, where customers were merged."""

from __future__ import annotations

from pbx_bridge.store.database import Db
from pbx_bridge.store.sql import SQL

_MOST_STEPS = 50  # customers merged one into the other, in a row


def heir(db: Db, code: str) -> str:
    """The code under which a customer goes on; the same for one that was not merged."""
    for _ in range(_MOST_STEPS):
        row = db.execute(SQL["merged_into"], {"code": code}).fetchone()
        if row is None:
            break
        code = row[0]
    return code


def heirs(db: Db) -> dict[str, str]:
    """The same of every code that is another customer's now."""
    direct: dict[str, str] = dict(db.execute(SQL["merged_codes"]).fetchall())
    found = {}
    for code in direct:
        last = code
        for _ in range(_MOST_STEPS):
            last = direct.get(last, last)
        found[code] = last
    return found
