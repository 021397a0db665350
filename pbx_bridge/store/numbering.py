"""Tracking numbers for tickets that have none: made here, for imports and for callers alike."""

from __future__ import annotations

import secrets
from collections.abc import Container

from pbx_bridge.store.database import Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.values import tracking
from pbx_bridge.values.tracking import TrackingNumber

LOWEST, NUMBERS = 100_000, 900_000  # six digits, none of them a leading zero, before the check digit


def fresh_number(db: Db, taken: Container[str] = ()) -> TrackingNumber:
    """A number that no ticket has, nor is in `taken`. Nobody can tell the next one from it."""
    while True:
        number = tracking.with_check_digit(str(LOWEST + secrets.randbelow(NUMBERS)))
        if number not in taken and not db.execute(SQL["ticket"], {"tracking_number": number}).fetchone():
            return number
