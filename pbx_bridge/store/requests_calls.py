"""What the record of our calls says of callbacks: done when the person answered; else tried, and when again.

A part of Derived: told of each call in the transaction that keeps it, so a try is noted once and never lost.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pbx_bridge.calls.call import Call
from pbx_bridge.store import call_body
from pbx_bridge.store.callbacks_rules import (
    ANSWERED,
    UNREACHED,
    Kind,
    Retry,
    is_in_vain,
    next_try,
    tried,
    was_made_for,
)
from pbx_bridge.store.database import Db
from pbx_bridge.store.derived.derived import Kept
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, to_us
from pbx_bridge.store.transaction import Transaction


class CalledBack:
    """Keeps callbacks in step with the calls that were made for them."""

    def __init__(self, retry: Retry, region: str = "IR") -> None:
        self.retry, self._region = retry, region

    def added(self, transaction: Transaction, kept: Kept) -> None:
        """See Part."""
        db, call, outcome = transaction.db, kept.call, tried(kept.call)
        if not outcome:
            return
        known: dict[str, str] = dict(db.execute(SQL["tries_of_call"], {"call_id": call.call_id}).fetchall())
        number = call_body.number_key(call.called, self._region)
        for row in db.execute(SQL["open_callbacks_to"], {"number": number, "root": call.root}).fetchall():
            if _is_for(row, call) and known.get(row[0]) != outcome:
                self._note(db, row, call, outcome, known.get(row[0], ""))
        if call.last_agent and known:
            told = {"call_id": call.call_id, "agent": call.last_agent}
            db.execute(SQL["name_tries"], told)
            db.execute(SQL["name_done"], {**told, "result": ANSWERED})

    def changed(self, transaction: Transaction, before: Kept, after: Kept) -> None:
        """See Changing: what a try came to before is known from the try itself."""
        self.added(transaction, after)

    def dropped(self, transaction: Transaction, kept: Kept) -> None:
        """See Part: this call is another one now, which is told by itself."""
        transaction.db.execute(SQL["drop_tries"], {"call_id": kept.call.call_id})

    def _note(self, db: Db, row: Any, call: Call, outcome: str, before: str) -> None:
        name, _, _, wanted_at_us, tries, *_ = row
        made = {"id": name, "call_id": call.call_id, "at_us": to_us(call.started_at), "agent": call.last_agent}
        db.execute(SQL["note_try"], {**made, "outcome": outcome})
        count = max(0, tries + is_in_vain(outcome) - is_in_vain(before))
        told = {"id": name, "tries": count, "wanted_at_us": wanted_at_us}
        db.execute(SQL["callback_tried"], {**told, **self._end(call, outcome, count, from_us(wanted_at_us))})

    def _end(self, call: Call, outcome: str, count: int, wanted_at: datetime) -> dict[str, Any]:
        """What a try changes."""
        ended_at = call.ended_at or call.started_at
        if outcome == ANSWERED:
            return _done(call.answered_at or ended_at, call.last_agent, ANSWERED)
        if not is_in_vain(outcome):
            return _OPEN
        again = next_try(ended_at, count, wanted_at, self.retry)
        if again is None:
            return _done(ended_at, call.last_agent, UNREACHED)
        return {**_OPEN, "wanted_at_us": to_us(again)}


_OPEN = {"done_at_us": None, "done_by": "", "result": ""}


def _done(at: datetime, by: str, result: str) -> dict[str, Any]:
    return {"done_at_us": to_us(at), "done_by": by, "result": result}


def _is_for(row: Any, call: Call) -> bool:
    _, kind, asked_at_us, wanted_at_us, _, taken_at_us, taken_until_us, was_dialled = row
    if was_dialled:
        return True
    taken = None if taken_at_us is None else (from_us(taken_at_us), from_us(taken_until_us))
    began, asked_at, wanted_at = call.started_at, from_us(asked_at_us), from_us(wanted_at_us)
    return was_made_for(Kind(kind), began=began, asked_at=asked_at, wanted_at=wanted_at, taken=taken)
