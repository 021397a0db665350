"""`/calls/{call_id}/notes`: somebody notes something at a call, or takes back what they noted a moment ago."""

from __future__ import annotations

from aiohttp import web

from pbx_bridge.store.call_notes import LONGEST
from pbx_bridge.web import keys, problems
from pbx_bridge.web.call import own, page
from pbx_bridge.web.call.forms import Refused
from pbx_bridge.web.call.ports import PARTS
from pbx_bridge.web.permits import Permission, needs

_PREVIEW = 200  # letters of a note in the audit log


@needs(Permission.HANDLE)
async def add(request: web.Request) -> web.StreamResponse:
    """POST /calls/{call_id}/notes."""
    row = await own.find(request)
    if row is None:
        return problems.unknown_call(request)
    text = str((await request.post()).get("text", ""))
    typed = text.replace("\r\n", "\n")  # as a browser counts them
    error = "note.empty" if not typed.strip() else "note.long" if len(typed) > LONGEST else ""
    if error:
        return await page.render(request, row, Refused(form="note", error=error, typed={"text": text}))
    call_id, account = row.call.call_id, request[keys.USER]
    note = await request.app[PARTS].notes.add(call_id, account.name, text)
    if note is not None:
        await _tell(request, "noted", call_id, note.text)
    raise web.HTTPSeeOther(f"/calls/{call_id}#notes")


@needs(Permission.HANDLE)
async def remove(request: web.Request) -> web.StreamResponse:
    """POST /calls/{call_id}/notes/{note}/remove."""
    row = await own.find(request)
    if row is None:
        return problems.unknown_call(request)
    call_id = row.call.call_id
    gone = await request.app[PARTS].notes.remove(call_id, request.match_info["note"], request[keys.USER].name)
    if gone is not None:
        await _tell(request, "took_note_back", call_id, gone.text)
    raise web.HTTPSeeOther(f"/calls/{call_id}#notes")


async def _tell(request: web.Request, what: str, call_id: str, text: str) -> None:
    detail = text if len(text) <= _PREVIEW else f"{text[:_PREVIEW]}…"
    await request.app[keys.AUDIT].note(request[keys.USER], what, call_id, detail, request.remote or "")


ROUTES = [
    web.post(f"{own.ADDRESS}/notes", add),
    web.post(f"{own.ADDRESS}/notes/{{note:[0-9a-f]{{16}}}}/remove", remove),
]
