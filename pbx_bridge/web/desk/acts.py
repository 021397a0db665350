"""What an agent sends from the desk: the note as they type, which customer it is, a ticket, what the call was about.

The page's script sends each form in the background and is answered in JSON; without script the same form leads back
to the desk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NoReturn

from aiohttp import web

from pbx_bridge.store.call_notes import LONGEST as LONGEST_NOTE
from pbx_bridge.store.wrap_ups import LONGEST, Stand, WrapUp
from pbx_bridge.values import tracking
from pbx_bridge.web import keys, pages
from pbx_bridge.web.call import ports as call_ports
from pbx_bridge.web.call import tickets
from pbx_bridge.web.desk.desk import Desk
from pbx_bridge.web.desk.page import HUB, tell_of_callbacks
from pbx_bridge.web.desk.ports import PARTS
from pbx_bridge.web.permits import Permission, needs

_LONGEST_FIELD = 300
_STANDS = {"done": Stand.DONE, "later": Stand.LATER}


class _Refused(Exception):
    """What was sent cannot be done; the message is the key of its words without `desk.error.`."""


@needs(Permission.DESK)
async def note(request: web.Request) -> web.StreamResponse:
    """POST /desk/note: `call`, `note`, and the `turn` of the note that it was written on."""
    return await _answer(request, _note)


@needs(Permission.DESK)
async def wrap_up(request: web.Request) -> web.StreamResponse:
    """POST /desk/wrap-up: as note, with `reason`, `next_step`, `number` (a ticket's), and `do`: done or later."""
    return await _answer(request, _wrap_up)


@needs(Permission.DESK)
async def ticket(request: web.Request) -> web.StreamResponse:
    """POST /desk/ticket: `call`, `subject`, `kind`, `customer` (a code), `token`."""
    return await _answer(request, _ticket)


@needs(Permission.DESK)
async def customer(request: web.Request) -> web.StreamResponse:
    """POST /desk/customer: `call`, and the `customer` it is with; an empty one: none of them."""
    return await _answer(request, _customer)


@needs(Permission.DESK)
async def seen(request: web.Request) -> web.StreamResponse:
    """POST /desk/seen: `callback`, the id of one that was given to them."""
    return await _answer(request, _seen)


class _Sent:
    """A form, from whom, and the desk it is about."""

    def __init__(self, request: web.Request, desk: Desk, fields: Mapping[str, Any]) -> None:
        self.request, self.desk, self._fields = request, desk, fields
        self.user = request[keys.USER].name
        self.call_id = self.text("call")

    def text(self, name: str, longest: int = _LONGEST_FIELD) -> str:
        """A field, cut."""
        return str(self._fields.get(name, ""))[:longest]

    async def own(self) -> WrapUp:
        """The call that it is about. Raises _Refused: it is not theirs, or they were done with it."""
        found = await self.desk.in_hand(self.call_id)
        if found is None:
            raise _Refused("gone")
        return found

    async def audit(self, what: str, call_id: str, detail: str) -> None:
        """Note that it was done."""
        await self.request.app[keys.AUDIT].note(
            self.request[keys.USER], what, call_id, detail, self.request.remote or ""
        )


async def _answer(request: web.Request, act: Any) -> web.StreamResponse:
    fields = await request.post()
    if not request[keys.USER].extension:
        raise web.HTTPNotFound
    hub = request.app[HUB]
    sent = _Sent(request, await hub.desk_of(pages.viewer(request)), fields)
    error, told = "", {}
    try:
        told = await act(sent)
    except _Refused as refused:
        error = str(refused)
    hub.changed(sent.call_id)
    if "application/json" not in request.headers.get("Accept", ""):
        _back(error)
    if error:
        return web.json_response({"error": pages.viewer(request).t(f"desk.error.{error}")}, status=400)
    return web.json_response(told)


def _back(error: str) -> NoReturn:
    raise web.HTTPSeeOther(f"/desk?error={error}" if error else "/desk")


async def _note(sent: _Sent) -> dict[str, Any]:
    before = await sent.own()
    typed = sent.text("note", LONGEST_NOTE * 4)
    if len(typed.replace("\r\n", "\n")) > LONGEST_NOTE:
        raise _Refused("long")
    turn = sent.text("turn")
    written = await sent.request.app[PARTS].wrap_ups.write(
        before.call_id, sent.user, typed, int(turn) if turn.isascii() and turn.isdigit() and len(turn) < 9 else 0
    )
    if written is None:
        raise _Refused("gone")
    if written.kept and written.now.turn == 1 and not before.turn:  # once a call, not once a letter
        await sent.audit("noted", before.call_id, "")
    return {"kept": written.kept, "turn": written.now.turn, "note": written.now.note}


async def _wrap_up(sent: _Sent) -> dict[str, Any]:
    stand = _STANDS.get(sent.text("do"))
    if stand is None:
        raise _Refused("form")
    if stand is Stand.DONE and await _was_done(sent):
        return {"kept": True}
    told = await _note(sent)
    if not told["kept"]:
        raise _Refused("elsewhere")
    before = await sent.own()
    number = await _linked(sent, before.call_id)
    reason, next_step = sent.text("reason", LONGEST), sent.text("next_step", LONGEST)
    done = await sent.request.app[PARTS].wrap_ups.tell(
        before.call_id, sent.user, reason=reason, next_step=next_step, stand=stand
    )
    if done is None:
        raise _Refused("gone")
    await sent.audit("wrapped_up" if stand is Stand.DONE else "put_off", done.call_id, f"{reason} {number}".strip())
    return told


async def _was_done(sent: _Sent) -> bool:
    """Whether this was sent before, and only the answer was lost."""
    if await sent.desk.in_hand(sent.call_id) is not None:
        return False
    told = await sent.request.app[PARTS].wrap_ups.of_call(sent.call_id)
    return any(one.user == sent.user and one.stand is Stand.DONE for one in told)


async def _linked(sent: _Sent, call_id: str) -> str:
    """The ticket that the call is about, linked to it; empty: none was named."""
    typed = sent.text("number").strip()
    if not typed:
        return ""
    number = tracking.parse(typed)
    if number is None:
        raise _Refused("number")
    if not await sent.request.app[call_ports.PARTS].notes.link(call_id, number, sent.user):
        raise _Refused("no_ticket")
    return number


async def _ticket(sent: _Sent) -> dict[str, Any]:
    hand = sent.desk.hand(sent.call_id)
    there = None if hand is not None and not hand.is_in_hand else await sent.own()
    call_id = there.call_id if there is not None else sent.call_id
    typed = {name: sent.text(name) for name in ("subject", "kind", "customer", "token")}
    if error := tickets.error_of(typed):
        raise _Refused(error.partition(".")[2])
    same = hashlib.sha256(f"{typed['kind']}\n{typed['subject']}".encode("utf-8", "replace")).hexdigest()[:16]
    origin = f"desk:{call_id}:{sent.user}:{typed['token']}:{same}"
    opened = await tickets.open_ticket(sent.request, origin, typed)
    if opened is None:
        raise _Refused("customer")
    number = opened.tracking_number
    await sent.request.app[call_ports.PARTS].notes.link(call_id, number, sent.user)
    await sent.audit("opened_ticket", call_id, f"{number} {typed['kind']}")
    return {"number": number, "shown": pages.viewer(sent.request).show.tracking(number)}


async def _customer(sent: _Sent) -> dict[str, Any]:
    before, code = await sent.own(), sent.text("customer")
    if code and await sent.request.app[call_ports.PARTS].customers.customer_by_code(code) is None:
        raise _Refused("customer")
    await sent.request.app[PARTS].wrap_ups.choose(before.call_id, sent.user, code)
    await sent.audit("chose_customer", before.call_id, code)
    return {}


async def _seen(sent: _Sent) -> dict[str, Any]:
    name = sent.text("callback")
    if await sent.request.app[PARTS].handed.seen(name, sent.user):
        await sent.audit("callback_seen", f"callback:{name}", "")
    tell_of_callbacks(sent.request.app, sent.user)  # also of one that is theirs no more
    return {}


ROUTES = [
    web.post("/desk/seen", seen),
    web.post("/desk/note", note),
    web.post("/desk/wrap-up", wrap_up),
    web.post("/desk/ticket", ticket),
    web.post("/desk/customer", customer),
]
