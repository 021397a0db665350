"""A callback is done when somebody of ours called that number and was answered; told by the record of that call."""

from __future__ import annotations

from pbx_bridge.calls.call import Call, Direction
from pbx_bridge.store import call_body
from pbx_bridge.store.database import Db
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us

RESULT = "answered"


def note_called_back(db: Db, call: Call, region: str) -> None:
    """End the callbacks that this call has done: it went out after they were asked for, and a person answered.

    Part of the transaction that keeps the call, so it is done once and never lost.
    """
    if call.direction is not Direction.OUTBOUND or call.answered_at is None:
        return
    values = {
        "number": call_body.number_key(call.called, region),
        "at_us": to_us(call.answered_at),
        "began_us": to_us(call.started_at),
        "by": call.last_agent,
        "result": RESULT,
    }
    db.execute(SQL["call_back_done"], values)
