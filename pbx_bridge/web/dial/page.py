"""`/dial`: a number is called by a click, or confirmed where a link led to it; and what comes of it."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from pbx_bridge.ari_handlers.dial_rules import Refusal
from pbx_bridge.ari_handlers.dialler import Wish
from pbx_bridge.ari_handlers.progress import Phase, Progress
from pbx_bridge.errors import AsteriskError
from pbx_bridge.store.dials import LONGEST_ABOUT, LONGEST_KEY, AskedDial
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys, pages
from pbx_bridge.web.dial.ports import PARTS
from pbx_bridge.web.permits import Permission, may, needs

_LONGEST = 40  # letters of a number
ONE = "/dial/{dial_id:[0-9a-f]{16}}"

_TYPED = frozenset({Refusal.NUMBER, Refusal.OWN, Refusal.PATTERN})


@needs(Permission.DESK)
async def confirm(request: web.Request) -> web.Response:
    """GET /dial?number=…&about=…: asks before it calls, so that no link makes a call by itself."""
    number = request.query.get("number", "").removeprefix("tel:")[:_LONGEST]
    return _page(request, {"number": number, "about": request.query.get("about", "")[:LONGEST_ABOUT]})


@needs(Permission.DESK)
async def ask(request: web.Request) -> web.StreamResponse:
    """POST /dial: `to`, `number|about` as on the buttons of numbers, or `number` and `about`; `key` of the form."""
    form = {name: str(value) for name, value in (await request.post()).items()}
    number, _, about = form.get("to", "").partition("|")
    number = (number or form.get("number", ""))[:_LONGEST].removeprefix("tel:")
    about = (about or form.get("about", ""))[:LONGEST_ABOUT]
    account = request[keys.USER]
    # The same page asks for several numbers: each is a call of its own.
    key = f"{form.get('key', '')[:LONGEST_KEY] or secrets.token_urlsafe(12)} {clean(number, _LONGEST)}"
    wish = Wish(
        user=account.name, extension=account.extension, number=number, key=key, about=clean(about, LONGEST_ABOUT)
    )
    came = await request.app[PARTS].dialler.ask(wish)
    if isinstance(came, Refusal):
        return refused(request, came, number, about)
    if came.fresh:
        await _note(request, came)
    raise web.HTTPSeeOther(f"/dial/{came.dial.id}")


@needs(Permission.DESK)
async def show(request: web.Request) -> web.Response:
    """GET /dial/{dial_id}: how far it has come."""
    return _page(request, {"progress": await _own(request)})


@needs(Permission.DESK)
async def cancel(request: web.Request) -> web.StreamResponse:
    """POST /dial/{dial_id}/cancel: hang it up."""
    found = await _own(request)
    if found.phase is not Phase.OVER:
        try:
            await request.app[PARTS].dialler.cancel(found.dial)
        except AsteriskError:
            return refused(request, Refusal.PBX, found.dial.number, found.dial.about)
        account = request[keys.USER]
        await request.app[keys.AUDIT].note(account, "cancelled_dial", found.dial.number, "", request.remote or "")
    raise web.HTTPSeeOther(f"/dial/{found.dial.id}")


async def _own(request: web.Request) -> Progress:
    """The one of the address, if it is theirs; a lead sees everybody's. 404 for any other."""
    found = await request.app[PARTS].dialler.progress(request.match_info["dial_id"])
    account = request[keys.USER]
    if found is None or (found.dial.user != account.name and not may(account.role, Permission.SEE_ALL_CALLS)):
        raise web.HTTPNotFound
    return found


async def _note(request: web.Request, asked: AskedDial) -> None:
    dial = asked.dial
    await request.app[keys.AUDIT].note(request[keys.USER], "dialled", dial.number, dial.about, request.remote or "")


def refused(request: web.Request, refusal: Refusal, number: str, about: str) -> web.Response:
    """The page that says why not."""
    opens = None
    if refusal is Refusal.HOURS:
        opens = request.app[PARTS].dialler.rules.opens(request.app[keys.CLOCK]())
    given = {"number": number, "about": about, "refusal": refusal, "opens": opens}
    return _page(request, given, status=422 if refusal in _TYPED else 409)


def _page(request: web.Request, given: dict[str, Any], status: int = 200) -> web.Response:
    nothing = {"number": "", "about": "", "refusal": None, "opens": None, "progress": None}
    return pages.page(request, "dial/dial.html", nothing | given, status=status)


ROUTES = [web.get("/dial", confirm), web.post("/dial", ask), web.get(ONE, show), web.post(f"{ONE}/cancel", cancel)]
