"""`/calls/{call_id}`: what happened at one call, what can be heard of it, what people noted, what is around it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from pbx_bridge.calls.call import Call
from pbx_bridge.spool.sounds import Sound
from pbx_bridge.store import CallLine, CallRow
from pbx_bridge.store.call_context import Case, Neighbours
from pbx_bridge.store.call_notes import LONGEST, Link, may_take_back
from pbx_bridge.store.lines import line_of
from pbx_bridge.web import keys, language, pages, problems, timeline
from pbx_bridge.web.call import own
from pbx_bridge.web.call.forms import NOTHING_REFUSED, Refused
from pbx_bridge.web.call.ports import PARTS
from pbx_bridge.web.call.position import Stretch, stretches
from pbx_bridge.web.desk.ports import PARTS as DESK_PARTS
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.show import Language, microseconds
from pbx_bridge.web.transcript import transcript
from pbx_bridge.web.viewer import CallView, Viewer, call_view

SPEEDS = ("0.75", "1", "1.25", "1.5", "2")
_TURNS = 5  # that have a word of their own: second, third…
_MOST_NUMBERS = 20  # tracking numbers of one call


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """A sound of the call, and the parts of the call that are heard in it. `number` counts from 1."""

    sound: Sound
    parts: tuple[Stretch, ...]
    number: int

    @property
    def length_s(self) -> float:
        """Seconds."""
        return self.sound.length_us / 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A call before or after this one; `apart`: how long between the two, in words."""

    view: CallView
    apart: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket of the call. `link` is None where it was keyed or opened in the menu; `case` where it is not there."""

    number: str
    case: Case | None
    link: Link | None
    mine: bool


@needs(Permission.SEE_CALLS)
async def show(request: web.Request) -> web.StreamResponse:
    """GET /calls/{call_id}."""
    row = await own.find(request)
    return problems.unknown_call(request) if row is None else await render(request, row)


async def render(request: web.Request, row: CallRow, refused: Refused = NOTHING_REFUSED) -> web.Response:
    """The page; 400 with what was typed where a form of it was refused."""
    who, mark = pages.viewer(request), request.app[keys.LIVE].mark
    other = Language.EN if who.show.persian else Language.FA
    context = {
        # Not the address asked for: a form's own can only be sent to.
        "turn": f"/calls/{row.call.call_id}?{language.PARAMETER}={other}",
        **_told(row, who),
        **await _around(request, row.call, who),
        **await _added(request, row.call, who),
        **await _tickets(request, row.call, who),
        "refused": refused,
        "token": secrets.token_hex(8),
        "speeds": SPEEDS,
        "longest_note": LONGEST,
        "agents": await request.app[keys.AGENTS].names(),
        "stream": f"/calls/events?mark={mark}",
    }
    return pages.page(request, "call/page.html", context, status=400 if refused.error else 200)


def _told(row: CallRow, who: Viewer) -> Mapping[str, Any]:
    """What the record itself tells."""
    mirrored = who.show.persian
    lanes = timeline.lanes(row.call, who.now, mirrored=mirrored)
    return {
        "row": call_view(line_of(row), who),
        "call": row.call,
        "lanes": lanes,
        "bars": sorted((bar for lane in lanes for bar in lane.bars), key=lambda bar: bar.offset_us),
        "marks": timeline.marks(row.call, who.now, mirrored=mirrored),
        "now_x": timeline.now_place(row.call, who.now, mirrored=mirrored),
        "ticks": timeline.ticks(row.call, who.now, mirrored=mirrored),
        "width": timeline.WIDTH,
        "lines": transcript(row.call, who),
    }


async def _around(request: web.Request, call: Call, who: Viewer) -> Mapping[str, Any]:
    """What stands around the call."""
    parts, book = request.app[PARTS], request.app[keys.CALLS]
    near = await parts.context.neighbours(call, own.mine_of(request))
    return {
        "customer": await parts.customers.customer_by_code(call.customer_code) if call.customer_code else None,
        "candidates": await book.candidates(call),
        "earlier": [_earlier(line, call, who) for line in near.before],
        "later": [_later(line, call, who) for line in near.after],
        "nth": near.turn,
        "nth_word": f"call.turn_{near.turn}" if near.turn <= _TURNS else "call.turn_more",
        "all_calls": _all_calls(near, who),
        "wrong": await parts.context.went_wrong(call.call_id),
    }


async def _added(request: web.Request, call: Call, who: Viewer) -> Mapping[str, Any]:
    """What can be heard, and what people added."""
    parts = request.app[PARTS]
    sounds = await parts.sounds.of_call(call)
    notes = await parts.notes.notes(call.call_id)
    return {
        "players": _players(call, sounds, who.now),
        "notes": [(note, may_take_back(note, who.user, who.now)) for note in notes],
        "wrap_ups": await request.app[DESK_PARTS].wrap_ups.of_call(call.call_id),
    }


async def _tickets(request: web.Request, call: Call, who: Viewer) -> Mapping[str, Any]:
    """The call's own tickets, and what else of its customer is unfinished."""
    parts, code = request.app[PARTS], call.customer_code
    links = {link.tracking_number: link for link in await parts.notes.links(call.call_id)}
    numbers = list(dict.fromkeys((*call.tracking_numbers[:_MOST_NUMBERS], *links)))
    cases = await parts.context.cases(numbers)
    unfinished = await parts.context.unfinished(code) if code else ()
    return {
        "tickets": [_ticket(number, cases.get(number), links.get(number), who) for number in numbers],
        "unfinished": [case for case in unfinished if case.tracking_number not in cases],
    }


def _players(call: Call, sounds: Sequence[Sound], now: datetime) -> list[Player]:
    return [
        Player(sound=sound, parts=stretches(call, sound, now), number=number)
        for number, sound in enumerate(sounds, 1)
    ]


def _ticket(number: str, case: Case | None, link: Link | None, who: Viewer) -> Ticket:
    mine = link is not None and may_take_back(link, who.user, who.now)
    return Ticket(number=number, case=case, link=link, mine=mine)


def _earlier(line: CallLine, call: Call, who: Viewer) -> Neighbour:
    return Neighbour(view=call_view(line, who), apart=_apart(line.ended_at, call.started_at, who))


def _later(line: CallLine, call: Call, who: Viewer) -> Neighbour:
    return Neighbour(view=call_view(line, who), apart=_apart(call.ended_at, line.started_at, who))


def _apart(end: datetime | None, start: datetime, who: Viewer) -> str:
    """How long from the end of one call to the start of the next."""
    seconds = 0 if end is None else microseconds(start - end) // 1_000_000
    if seconds <= 0:
        return who.t("near.same_time")
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            return who.counted(f"near.{unit}", seconds // size)
    return who.counted("near.seconds", seconds)


def _all_calls(near: Neighbours, who: Viewer) -> str:
    """The address of the party's calls; empty if it is not known who they are, or would tell a hidden number."""
    if near.customer:
        return f"/calls?{urlencode({'customer': near.customer})}"
    return f"/calls?{urlencode({'number': near.number})}" if near.number and who.may("see_numbers") else ""


ROUTES = [web.get(own.ADDRESS, show)]
