"""A call of which only what a test tells is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from pbx_bridge.calls.call import Call, Direction, Outcome, call_id


def plain_call(at: datetime, **told: Any) -> Call:
    """An inbound call of a moment that was left in the menus, and these fields of it."""
    call = Call(
        call_id=call_id("pbx1", "1.1"),
        node="pbx1",
        root="1.1",
        direction=Direction.INBOUND,
        outcome=Outcome.ABANDONED_IVR,
        started_at=at,
        answered_at=at,
        ended_at=at,
        end_estimated=False,
        caller="",
        caller_name="",
        called="",
        customer_code="",
        tracking_numbers=(),
        language="",
        talk_us=0,
        wait_us=0,
        ivr_us=0,
        ended_by="",
        fallback=False,
        segments=(),
        steps=(),
    )
    return replace(call, **told)
