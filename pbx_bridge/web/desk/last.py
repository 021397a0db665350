"""An agent's last calls, and those that were lost at their phone and wait to be called back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pbx_bridge.calls.call import Call, Direction, Outcome, Segment, SegmentKind
from pbx_bridge.store import CallLine
from pbx_bridge.store.wanted import Wanted
from pbx_bridge.web.call.ports import Context
from pbx_bridge.web.ports import Calls

SHOWN = 8
FRESH_S = 5.0
_LOOKED_AT = 20
# How a ring ended that was this phone's doing. Cancelled: the caller gave up while it rang.
_LOST_BY = frozenset({"no_answer", "busy", "rejected", "cancelled", "unreachable", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A caller whom nobody spoke with after this agent's phone failed them.

    Attributes:
        result: how the ring ended, as Segment has it.
        waits: the caller is still there.
    """

    call_id: str
    number: str
    name: str
    code: str
    line: CallLine
    result: str
    waits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LastCalls:
    """What a desk shows while nothing rings. `failed`: it cannot be read now."""

    calls: Sequence[CallLine] = ()
    lost: Sequence[Lost] = ()
    failed: bool = False


def lost_at(call: Call, extension: str) -> str | None:
    """How the last ring at this extension ended, if it lost the caller to everybody; None: it did not."""
    if call.direction is Direction.OUTBOUND or call.agents or call.outcome is Outcome.SELF_SERVED:
        return None
    rings = [one for one in call.segments if one.kind is SegmentKind.RING and one.party == extension]
    if not rings or call.caller == extension:
        return None
    last: Segment = max(rings, key=lambda one: one.started_at)
    return last.result if last.ended_at is not None and last.result in _LOST_BY else None


class LastBook:
    """Reads them, one extension at a time.

    When many phones rang for a call that ended, the card of the next one must not stand behind all of theirs in the
    store's line.
    """

    def __init__(self, calls: Calls, context: Context) -> None:
        self._calls, self._context = calls, context
        self._one = asyncio.Lock()
        self._known: dict[str, tuple[float, LastCalls]] = {}
        self._changed: set[str] = set()

    async def of(self, extension: str) -> LastCalls:
        """Those of an extension; what was read for another desk of it a moment ago will do. Raises StoreError."""
        async with self._one:
            now = asyncio.get_running_loop().time()
            kept = self._known.get(extension)
            if kept is not None and extension not in self._changed and now - kept[0] < FRESH_S:
                return kept[1]
            self._changed.discard(extension)  # what changes while it is read is read again
            found = await last_calls(self._calls, self._context, extension)
            self._known[extension] = now, found
            return found

    def changed(self, extension: str) -> None:
        """One of them is on record, or is another than before."""
        self._changed.add(extension)


async def last_calls(calls: Calls, context: Context, extension: str) -> LastCalls:
    """Those of an extension. Raises StoreError."""
    found = await calls.search(Wanted(own=extension), limit=_LOOKED_AT)
    lost = [told for line in found.lines if not line.agent and (told := await _lost(calls, context, extension, line))]
    return LastCalls(calls=tuple(found.lines[:SHOWN]), lost=tuple(lost))


async def _lost(calls: Calls, context: Context, extension: str, line: CallLine) -> Lost | None:
    row = await calls.get(line.call_id)
    result = lost_at(row.call, extension) if row is not None else None
    if row is None or result is None or (row.call.ended_at is not None and await _spoken_since(context, row.call)):
        return None
    call = row.call
    return Lost(
        call_id=call.call_id,
        number=call.caller,
        name=line.name,
        code=call.customer_code,
        line=line,
        result=result,
        waits=call.ended_at is None,
    )


async def _spoken_since(context: Context, call: Call) -> bool:
    """Whether anybody of ours spoke with them later, whoever called whom."""
    near = await context.neighbours(call)
    return any(later.outcome is Outcome.ANSWERED for later in near.after)
