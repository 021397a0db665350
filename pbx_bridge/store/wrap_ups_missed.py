"""Wrap-ups of talks that no desk was there for: it was closed, or the talk began and ended while the daemon was dead.

The record knows such a talk. Of the newest few calls of an agent's phone that ended a while ago, those of which
nobody there has told anything are begun as if they had just left the agent's hands; each once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from pbx_bridge.calls.call import Call, Direction, Segment, SegmentKind, call_id
from pbx_bridge.calls.facets import Kind
from pbx_bridge.store import call_body
from pbx_bridge.store.call_notes import follow
from pbx_bridge.store.database import Db
from pbx_bridge.store.lines import name_of
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.squeeze import Damaged
from pbx_bridge.store.times import to_us

ENDED = timedelta(hours=2)  # what ended longer ago, nobody remembers
MOST = 10  # calls of a phone that are looked at, the newest
_BEGAN = timedelta(hours=8)  # a call goes on no longer
_SAID = frozenset({SegmentKind.TALK, SegmentKind.HOLD})


def missed(db: Db, user: str, extension: str, now: datetime) -> list[Call]:
    """The calls of which something is to be told, the newest first. Raises what the database raises."""
    facet = db.execute(SQL["facet_number"], {"kind": Kind.AGENT.value, "value": extension}).fetchone()
    if facet is None:
        return []
    told = {
        "facet": facet[0],
        "began_us": to_us(now - ENDED - _BEGAN),
        "ended_us": to_us(now - ENDED),
        "user_name": user,
        "extension": extension,
        "limit": MOST,
    }
    rows = db.execute(SQL["talked_without_wrap_up"], told).fetchall()
    return [call for call in _readable(row[0] for row in rows) if not _is_inside(call)]


def is_told_of(db: Db, call: Call, user: str, extension: str) -> bool:
    """Whether something is told of a call under an id it had before it was on record; that goes over to it."""
    group = db.execute(SQL["group_of_call"], {"call_id": call.call_id}).fetchone()
    keys = db.execute(SQL["keys_of_group"], {"id": group[0]}).fetchall() if group is not None else []
    for name in {str(call_id(call.node, key)) for (key,) in keys} | {str(call.call_id)}:
        rows = db.execute(SQL["wrap_ups_of_call"], {"call_id": name}).fetchall()
        if any(row[1] == user or row[2] == extension for row in rows):
            if name != call.call_id:
                follow(db, name, call.call_id)
            return True
    return False


def told_in(call: Call, extension: str) -> tuple[datetime, datetime, str, str]:
    """When the agent's talk began and ended, and the number and name of whom it was with."""
    own = [one for one in call.segments if one.party == extension and one.kind in _SAID]
    over = call.ended_at or call.started_at
    began = min((one.started_at for one in own), default=call.answered_at or call.started_at)
    ended = max((_end(one, over) for one in own), default=over)
    outgoing = call.direction is Direction.OUTBOUND
    return began, ended, call.called if outgoing else call.caller, "" if outgoing else name_of(call)


def _end(segment: Segment, over: datetime) -> datetime:
    return segment.ended_at or over


def _is_inside(call: Call) -> bool:
    """Colleagues among themselves have nothing to tell; see Hand.colleague of the desk."""
    return call.direction is Direction.INTERNAL and not call.steps


def _readable(bodies: Iterator[str]) -> Iterator[Call]:
    for body in bodies:
        try:
            yield call_body.decode(body)
        except (msgspec.ValidationError, Damaged):  # `calls verify` tells of it
            continue
