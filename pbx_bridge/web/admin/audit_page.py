"""`/admin/audit`: who signed in, heard, exported, noted or changed what, when and from where."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from urllib.parse import urlencode

from aiohttp import web

from pbx_bridge.store.audit import AuditKey, Entry, Sought
from pbx_bridge.values import dates
from pbx_bridge.values.hostile import clean, no_formula
from pbx_bridge.web import keys, pages
from pbx_bridge.web.admin import forms
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.show import iso

PAGE = 50
_FIELDS = ("user", "what", "about", "from", "to")
_COLUMNS = ("at", "user", "what", "about", "detail", "address")
_CALL = re.compile("[0-9a-f-]{36}")  # the id of a call, which has a page

WHATS = (
    "signed_in",
    "signed_out",
    "sign_in_failed",
    "sessions_ended",
    "password_changed",
    "password_given",
    "user_made",
    "user_changed",
    "token_made",
    "token_revoked",
    "heard",
    "exported",
    "took_sound",
    "took_facts",
    "noted",
    "took_note_back",
    "linked_ticket",
    "unlinked_ticket",
    "opened_ticket",
    "customer_made",
    "customer_changed",
    "customer_deleted",
    "customers_merged",
    "merge_undone",
    "changed_ticket",
    "dialled",
    "cancelled_dial",
    "hand_hold",
    "hand_resume",
    "hand_transfer",
    "hand_back",
    "hand_complete",
    "paused",
    "available",
    "wrapped_up",
    "put_off",
    "chose_customer",
)
"""The words offered to pick; others that stand in the log can be sought by their address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    typed: Mapping[str, str]
    sought: Sought
    errors: Mapping[str, str] = field(default_factory=dict)


@needs(Permission.ADMIN)
async def show(request: web.Request) -> web.StreamResponse:
    """GET /admin/audit."""
    search, before = _search(request), _key(request.query.get("before", ""))
    entries: Sequence[Entry] = ()
    if not search.errors:
        entries = await request.app[keys.AUDIT].page(search.sought, before, PAGE + 1)
    asked = {name: text for name, text in search.typed.items() if text}
    older = ""
    if len(entries) > PAGE:
        entries = entries[:PAGE]
        older = _address({**asked, "before": _text(AuditKey.of(entries[-1]))})
    context = {
        "entries": entries,
        "typed": search.typed,
        "errors": search.errors,
        "whats": WHATS,
        "is_call": _CALL.fullmatch,
        "any": bool(asked),
        "older": older,
        "newest": _address(asked) if before else "",
        "export": f"/admin/audit.csv?{urlencode(asked)}" if asked else "/admin/audit.csv",
    }
    return pages.page(request, "admin/audit.html", context)


@needs(Permission.ADMIN)
async def export(request: web.Request) -> web.StreamResponse:
    """GET /admin/audit.csv: every line that is sought, streamed; the log tells of it first."""
    search = _search(request)
    if search.errors:
        raise web.HTTPBadRequest
    detail = urlencode({name: text for name, text in search.typed.items() if text})
    await forms.note(request, "exported", "audit", detail)
    response = web.StreamResponse(headers={"Content-Disposition": 'attachment; filename="audit.csv"'})
    response.content_type, response.charset = "text/csv", "utf-8"
    await response.prepare(request)
    await response.write(("\ufeff" + _line(_COLUMNS)).encode())
    async for entries in request.app[keys.AUDIT].all(search.sought):
        await response.write("".join(_line(_cells(entry)) for entry in entries).encode())
    await response.write_eof()
    return response


def _cells(entry: Entry) -> Sequence[str]:
    told = (entry.user, entry.what, entry.about, entry.detail, entry.address)
    return (iso(entry.at), *map(no_formula, told))


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue()


def _search(request: web.Request) -> _Search:
    typed = {name: clean(request.query.get(name, ""), 200) for name in _FIELDS}
    errors: dict[str, str] = {}
    start, end = _day(request, typed, "from", errors), _day(request, typed, "to", errors)
    if start and end and end <= start:
        errors["to"] = "error.order"
    sought = Sought(user=typed["user"], what=typed["what"], about=typed["about"], start=start, end=end)
    return _Search(typed=typed, sought=sought, errors=errors)


def _day(request: web.Request, typed: Mapping[str, str], name: str, errors: dict[str, str]) -> datetime | None:
    zone = request.app[keys.ZONE]
    try:
        if name == "to":
            return forms.end_of_day(typed[name], request)
        if typed[name]:
            return datetime.combine(dates.parse_date(typed[name]), time.min, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        errors[name] = "error.date"
    return None


def _address(query: Mapping[str, str]) -> str:
    return f"/admin/audit?{urlencode(query)}" if query else "/admin/audit"


def _text(key: AuditKey) -> str:
    return f"{key.at_us}.{key.number}"


def _key(text: str) -> AuditKey | None:
    at_us, dot, number = text.partition(".")
    if not (dot and all(part.isascii() and part.isdigit() and len(part) < 19 for part in (at_us, number))):
        return None
    return AuditKey(at_us=int(at_us), number=int(number))


ROUTES = [web.get("/admin/audit", show), web.get("/admin/audit.csv", export)]
