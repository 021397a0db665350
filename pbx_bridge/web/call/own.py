"""Which call a request is about, if whoever asks may see it. What they may not see is not there: 404, never 403."""

from __future__ import annotations

from aiohttp import web

from pbx_bridge.calls.call import Call, Direction, SegmentKind
from pbx_bridge.store import CallRow
from pbx_bridge.store.call_context import Mine
from pbx_bridge.web import keys
from pbx_bridge.web.permits import own_only

ADDRESS = "/calls/{call_id:[0-9a-f-]{36}}"
_THEIRS = frozenset({SegmentKind.RING, SegmentKind.TALK, SegmentKind.HOLD, SegmentKind.CONSULT, SegmentKind.PARK})


def took_part(call: Call, extension: str) -> bool:
    """Whether a phone of ours talked or rang in a call, or made it."""
    if not extension:
        return False
    rang = (segment.party for segment in call.segments if segment.kind in _THEIRS)
    # A caller from outside may call themselves by any number.
    made = () if call.direction is Direction.INBOUND else (call.caller,)
    return extension in (*made, *call.agents, *rang)


def mine_of(request: web.Request) -> Mine | None:
    """Which calls whoever asks may see; None: every one."""
    extension = own_only(request[keys.USER])
    return None if extension is None else lambda call: took_part(call, extension)


async def find(request: web.Request) -> CallRow | None:
    """The call of the address; None: there is none for them. Raises StoreError."""
    row = await request.app[keys.CALLS].get(request.match_info["call_id"])
    mine = mine_of(request)
    return row if row is not None and (mine is None or mine(row.call)) else None
