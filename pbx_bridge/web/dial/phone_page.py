"""`/dial/state`: an agent's own phone; what they do with the call in hand, and their pauses."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

from aiohttp import web

from pbx_bridge.ari_handlers.dial_rules import Refusal
from pbx_bridge.ari_handlers.telephone import Denied, Done, Way
from pbx_bridge.errors import StoreError
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys, pages
from pbx_bridge.web.dial.ports import PARTS, Phones
from pbx_bridge.web.dial.state import state_for
from pbx_bridge.web.permits import Permission, may, needs

STATE = "/dial/state"
_LONGEST_NOTE = 500
_LONGEST_REASON = 60


@needs(Permission.DESK)
async def show(request: web.Request) -> web.Response:
    """GET /dial/state."""
    return await _page(request)


@needs(Permission.DESK)
async def do(request: web.Request) -> web.StreamResponse:
    """POST /dial/hand/{what}: hold, resume, transfer, back, complete; on their own phone's call."""
    form = {name: str(value) for name, value in (await request.post()).items()}
    what, phones, extension = request.match_info["what"], request.app[PARTS].phones, request[keys.USER].extension
    came = await _doing(phones, extension, what, form)
    if isinstance(came, Denied):
        return await _page(request, came)
    if what == "transfer":
        await _keep_reason(request, came, form.get("note", ""))
    await _note(request, f"hand_{what}", came.to or extension)
    raise web.HTTPSeeOther(STATE)


def _doing(phones: Phones, extension: str, what: str, form: Mapping[str, str]) -> Awaitable[Done | Denied]:
    match what:
        case "hold":
            return phones.hold(extension)
        case "resume":
            return phones.resume(extension)
        case "back":
            return phones.back(extension)
        case "complete":
            return phones.complete(extension)
        case "transfer":
            way = Way.ATTENDED if form.get("way") == Way.ATTENDED else Way.BLIND
            return phones.hand_on(extension, way, (form.get("number", "").strip() or form.get("to", ""))[:40])
        case _:
            raise web.HTTPNotFound


async def _keep_reason(request: web.Request, came: Done, text: str) -> None:
    """The reason of a transfer is a note of the call, which whoever gets it reads. Without a store it is lost."""
    parts, words = request.app[PARTS], text.strip()[:_LONGEST_NOTE]
    if not words:
        return
    try:
        call = await parts.found(came.channel)
        if call is not None:
            await parts.add_note(call.call_id, request[keys.USER].name, words)
    except StoreError:
        return


@needs(Permission.DESK)
async def pause(request: web.Request) -> web.StreamResponse:
    """POST /dial/pause: no queue rings them; a lead may name another's `extension`."""
    form = await request.post()
    extension, reason = _whose(request, str(form.get("extension", ""))), str(form.get("reason", ""))
    parts = request.app[PARTS]
    if reason and reason not in parts.reasons:
        return await _page(request, Denied(refusal=Refusal.REASON))
    came = await parts.phones.pause(extension, reason)
    return await _answer(request, came, "paused", extension, reason)


@needs(Permission.DESK)
async def available(request: web.Request) -> web.StreamResponse:
    """POST /dial/available: the queues ring them again."""
    extension = _whose(request, str((await request.post()).get("extension", "")))
    came = await request.app[PARTS].phones.available(extension)
    return await _answer(request, came, "available", extension, "")


def _whose(request: web.Request, named: str) -> str:
    """Their own; of anybody for who sees everybody's calls. 403 for an agent who names another."""
    account = request[keys.USER]
    if named and named != account.extension and not may(account.role, Permission.SEE_ALL_CALLS):
        raise web.HTTPForbidden
    return clean(named or account.extension, 20)


async def _answer(
    request: web.Request, came: Done | Denied, what: str, extension: str, detail: str
) -> web.StreamResponse:
    if isinstance(came, Denied):
        return await _page(request, came)
    await _note(request, what, extension, detail)
    raise web.HTTPSeeOther(STATE)


async def _note(request: web.Request, what: str, about: str, detail: str = "") -> None:
    await request.app[keys.AUDIT].note(request[keys.USER], what, about, detail, request.remote or "")


async def _page(request: web.Request, denied: Denied | None = None) -> web.Response:
    told = await state_for(request, denied)
    return pages.page(request, "dial/phone.html", {"told": {"phone": told}}, status=409 if denied else 200)


ROUTES = [
    web.get(STATE, show),
    web.post("/dial/hand/{what:hold|resume|transfer|back|complete}", do),
    web.post("/dial/pause", pause),
    web.post("/dial/available", available),
]
