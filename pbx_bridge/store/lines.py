"""A call as a list shows it, read from columns: to decode fifty whole calls takes longer than to find them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from pbx_bridge.calls.call import Call, Direction, Outcome, SegmentKind
from pbx_bridge.calls.facets import Facet, told_of
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.store import call_body
from pbx_bridge.store.announce import CallRow
from pbx_bridge.store.sql import with_columns
from pbx_bridge.store.times import from_us, maybe_us, to_us

WHOLE_CALLS = with_columns("body, revision, started_at_us, call_id")
# The body only where columns do not tell all: the call goes on, or is older than they.
LINE_COLUMNS = (
    "CASE WHEN ended_at_us IS NULL OR name IS NULL THEN body END, revision, started_at_us, call_id, ended_at_us,"
    " caller, name, called, customer_code, language, talk_us, wait_us,"
    " direction, outcome, tracking_numbers, fallback, end_estimated"
)
CALL_LINES = with_columns(LINE_COLUMNS)


class CallLine(msgspec.Struct, frozen=True, gc=False):
    """One call in a list; what is not told here is as in Call.

    Attributes:
        started_at_us, ended_at_us: microseconds since 1970, UTC; a list of fifty wants few of them as a datetime.
        name: the customer's, as the menu found it; else the caller's, as it came: hostile text.
        progress: of a call that goes on: what goes on; else None.
        told: what a search shows besides: calls/facets.py; as with the two below, only a search tells it.
        agent: who spoke last; empty if nobody of ours did.
        recorded: there is a recording that is kept.
    """

    revision: int
    started_at_us: int
    call_id: str
    ended_at_us: int | None
    caller: str
    name: str
    called: str
    customer_code: str
    language: str
    talk_us: int
    wait_us: int
    direction: Direction
    outcome: Outcome | None
    tracking_numbers: tuple[str, ...]
    fallback: bool
    end_estimated: bool
    progress: SegmentKind | None = None
    told: tuple[Facet, ...] = ()
    agent: str = ""
    recorded: bool = False

    @property
    def started_at(self) -> datetime:
        """See Call."""
        return from_us(self.started_at_us)

    @property
    def ended_at(self) -> datetime | None:
        """See Call."""
        return None if self.ended_at_us is None else from_us(self.ended_at_us)


def line_of(row: CallRow) -> CallLine:
    """The line of a whole call; only a search knows whether it was recorded."""
    call = row.call
    return CallLine(
        revision=row.revision,
        started_at_us=to_us(call.started_at),
        call_id=call.call_id,
        ended_at_us=maybe_us(call.ended_at),
        caller=call.caller,
        name=name_of(call),
        called=call.called,
        customer_code=call.customer_code,
        language=call.language,
        talk_us=call.talk_us,
        wait_us=call.wait_us,
        direction=call.direction,
        outcome=call.outcome,
        tracking_numbers=call.tracking_numbers,
        fallback=call.fallback,
        end_estimated=call.end_estimated,
        progress=_goes_on(call) if call.ended_at is None else None,
        told=told_of(call),
        agent=call.last_agent,
    )


def columns_of(call: Call) -> dict[str, str]:
    """The columns that lists alone read."""
    return {"name": name_of(call), "tracking_numbers": " ".join(call.tracking_numbers)}


def name_of(call: Call) -> str:
    """Who called: the customer's name as the menu found it, else the caller's own."""
    for step in reversed(call.steps):
        if step.kind == StepKind.CUSTOMER:
            return str(step.data.get("name") or "") or call.caller_name
    return call.caller_name


def read_row(row: Any) -> CallRow:
    """The whole call of a list's row."""
    body, revision, *_ = row
    return CallRow(call=call_body.decode(body), revision=revision)


def read_line(row: Any) -> CallLine:
    """The line of a list's row."""
    if row[0] is not None:
        return line_of(read_row(row))
    _, *as_they_are, direction, outcome, numbers, fallback, end_estimated = row
    return _by_position(
        *as_they_are,
        _DIRECTIONS[direction],
        _OUTCOMES[outcome],
        tuple(numbers.split()),
        bool(fallback),
        bool(end_estimated),
    )


# Names would double the time, and a page waits for fifty of these.
_by_position: Callable[..., CallLine] = CallLine
_DIRECTIONS = {direction.value: direction for direction in Direction}
_OUTCOMES: dict[str | None, Outcome | None] = {None: None} | {outcome.value: outcome for outcome in Outcome}


def _goes_on(call: Call) -> SegmentKind | None:
    for segment in sorted(call.segments, key=lambda s: s.started_at, reverse=True):
        if segment.ended_at is None:
            return segment.kind
    return None
