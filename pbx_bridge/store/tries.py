"""Wrong tries: numbers and PINs that callers keyed and that were not right. Kept for a day, over restarts."""

from __future__ import annotations

from datetime import datetime, timedelta

from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Tries:
    """Who tried wrongly, and when. Both methods raise StoreError."""

    def __init__(self, writer: Writer, reader: Database) -> None:
        self._writer, self._reader = writer, reader
        self._last_us = 0

    async def count(self, caller: str, now: datetime) -> tuple[int, int]:
        """How many wrong tries a caller made within the last hour, and within the last day."""
        hour_us, day_us = to_us(now - HOUR), to_us(now - DAY)
        rows = await self._reader.rows(SQL["wrong_tries"], caller=caller, hour_us=hour_us, day_us=day_us)
        within_hour, within_day = rows[0]
        return within_hour, within_day

    async def add(self, caller: str, what: str, now: datetime) -> None:
        """One more, on disk when this returns; those older than a day go."""
        self._last_us = at_us = max(to_us(now), self._last_us + 1)  # two of one microsecond are two
        row = {"caller": caller, "what": what, "at_us": at_us}
        before_us = to_us(now - DAY)

        def write(transaction: Transaction) -> None:
            transaction.db.execute(SQL["drop_wrong_tries"], {"before_us": before_us})
            transaction.db.execute(SQL["insert_wrong_try"], row)

        await self._writer.submit(write)
