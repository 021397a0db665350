"""`/api/dial`: another program, such as the company's own CRM, has an agent's phone call a number (docs/pages.md)."""

from __future__ import annotations

import msgspec
from aiohttp import web

from pbx_bridge.ari_handlers.dial_rules import Refusal
from pbx_bridge.ari_handlers.dialler import Wish
from pbx_bridge.ari_handlers.progress import Phase, Progress
from pbx_bridge.store.dials import LONGEST_ABOUT, LONGEST_KEY
from pbx_bridge.store.times import iso
from pbx_bridge.store.tokens import Token
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys
from pbx_bridge.web.dial.ports import PARTS
from pbx_bridge.web.openapi import gives, takes
from pbx_bridge.web.permits import Permission, for_programs, may, needs

_STATUS = {Refusal.PBX: 503, Refusal.BUSY: 409, Refusal.OPEN: 409, Refusal.AWAY: 409}
_WHY = {
    Refusal.NUMBER: "that is no number: digits, perhaps a + before them",
    Refusal.OWN: "an agent does not call themselves",
    Refusal.PATTERN: "the settings do not let this number be called",
    Refusal.HOURS: "the settings allow no calls outside at this hour",
    Refusal.BUSY: "the agent's phone has a call",
    Refusal.OPEN: "another call that was asked for goes on at this phone",
    Refusal.NO_PHONE: "there is no agent with this extension",
    Refusal.AWAY: "the agent's phone is not registered",
    Refusal.PBX: "Asterisk cannot be asked now",
}


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a request."""

    extension: str
    number: str
    key: str
    about: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How far a call has come. `phase`: of ari_handlers/progress.py; times are ISO 8601."""

    id: str
    phase: Phase
    reason: str
    extension: str
    number: str
    about: str
    call_id: str
    asked_at: str | None
    ended_at: str | None


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Why it was not done: `refused` for programs, `why` for people."""

    refused: str
    why: str


@for_programs
@takes(Asked)
@gives(s200=Told, s201=Told)
@needs(Permission.DESK)
async def ask(request: web.Request) -> web.Response:
    """POST /api/dial: 201 a call was made, 200 it was before under this key, 4xx and 503 it was not."""
    _check_program(request)
    try:
        asked = msgspec.json.decode(await request.read(), type=Asked)
    except (ValueError, RecursionError) as error:  # not what is asked for, no JSON, or bytes that are no text
        return _refused(400, "body", str(error))
    if not 0 < len(asked.key) <= LONGEST_KEY or len(asked.about) > LONGEST_ABOUT:
        return _refused(400, "body", f"key has 1 to {LONGEST_KEY} letters, about up to {LONGEST_ABOUT}")
    _check_phone(request, asked.extension)
    dialler, account = request.app[PARTS].dialler, request[keys.USER]
    wish = Wish(
        user=account.name,
        extension=asked.extension,
        number=asked.number,
        key=asked.key,
        about=clean(asked.about, LONGEST_ABOUT),
    )
    came = await dialler.ask(wish)
    if isinstance(came, Refusal):
        return _refused(_STATUS.get(came, 422), came.value, _WHY.get(came, came.value))
    if came.fresh:
        await request.app[keys.AUDIT].note(
            account, "dialled", came.dial.number, came.dial.about, request.remote or ""
        )
    found = await dialler.progress(came.dial.id) or Progress(dial=came.dial, phase=Phase.ASKED)
    return _json(_told(found), 201 if came.fresh else 200)


@for_programs
@gives(s200=Told)
@needs(Permission.DESK)
async def look(request: web.Request) -> web.Response:
    """GET /api/dial?key=…: how far a call of this program's has come."""
    dialler = request.app[PARTS].dialler
    dial = await dialler.asked(request[keys.USER].name, request.query.get("key", ""))
    found = None if dial is None else await dialler.progress(dial.id)
    if found is None:
        return _refused(404, "key", "nothing was asked for under this key")
    return _json(_told(found), 200)


def _check_program(request: web.Request) -> None:
    """403 for a token that the settings do not let place calls."""
    account = request[keys.USER]
    if isinstance(account, Token) and account.title not in request.app[PARTS].call_tokens:
        raise web.HTTPForbidden


def _check_phone(request: web.Request, extension: str) -> None:
    """403 for an agent who names another's phone."""
    account = request[keys.USER]
    if extension != account.extension and not may(account.role, Permission.SEE_ALL_CALLS):
        raise web.HTTPForbidden


def _told(found: Progress) -> Told:
    dial = found.dial
    return Told(
        id=dial.id,
        phase=found.phase,
        reason=dial.reason,
        extension=dial.extension,
        number=dial.number,
        about=dial.about,
        call_id=dial.call_id,
        asked_at=iso(dial.asked_at),
        ended_at=iso(dial.ended_at),
    )


def _refused(status: int, refused: str, why: str) -> web.Response:
    return _json(Refused(refused=refused, why=why), status)


def _json(told: msgspec.Struct, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(told), status=status, content_type="application/json")


ROUTES = [web.post("/api/dial", ask), web.get("/api/dial", look)]
