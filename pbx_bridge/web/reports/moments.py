"""`/moments`: what went wrong as a list of things to mend, with who does it and how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from pbx_bridge.calls.moments import MomentKind
from pbx_bridge.store.moments import LONGEST_NOTE, MomentLine, MomentState, Search
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import guard, keys, pages
from pbx_bridge.web.permits import Permission, needs, own_only
from pbx_bridge.web.reports import periods
from pbx_bridge.web.reports.pages import BOOK, ready
from pbx_bridge.web.reports.periods import Asked
from pbx_bridge.web.viewer import Viewer

PAGE = 30
_STATES = ("open", "done", "all")
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filter:
    """What a person asked of the list: `owner` is `me` or empty."""

    state: str
    kind: str
    owner: str
    asked: Asked

    @property
    def query(self) -> dict[str, str]:
        told = {"state": self.state, "kind": self.kind, "owner": self.owner}
        return {name: text for name, text in told.items() if text} | dict(self.asked.query)


@needs(Permission.HANDLE)
async def show(request: web.Request) -> web.Response:
    """GET /moments."""
    found = _filter(request)
    lines: Sequence[MomentLine] = ()
    if not found.asked.errors:
        lines = await request.app[BOOK].list(_search(request, found))
    context = await _context(request, found, lines)
    return pages.page(request, "reports/moments.html", context, status=400 if found.asked.errors else 200)


async def _context(request: web.Request, found: _Filter, lines: Sequence[MomentLine]) -> Mapping[str, Any]:
    who, more = pages.viewer(request), len(lines) > PAGE
    shown = lines[:PAGE]
    older = f"/moments?{urlencode({**found.query, 'after': shown[-1].place})}" if more else ""
    kept = [("state", found.state), ("kind", found.kind), ("owner", found.owner)]
    return {
        "lines": shown,
        "details": [_detail(line, who) for line in shown],
        "found": found,
        "states": _STATES,
        "kinds": [kind.value for kind in MomentKind],
        "ready": ready(found.asked, who, "/moments", **{name: text for name, text in kept if text}),
        "kept": [(name, text) for name, text in kept if text],
        "period_kept": found.asked.query.items(),
        "errors": {field: who.t(key) for field, key in found.asked.errors.items()},
        "older": older,
        "newest": f"/moments?{urlencode(found.query)}" if request.query.get("after") else "",
        "owners": await _owners(request),
        "agents": await request.app[keys.AGENTS].names(),
        "back": str(request.rel_url),
        "longest_note": LONGEST_NOTE,
    }


@needs(Permission.HANDLE)
async def change(request: web.Request) -> web.StreamResponse:
    """POST /moments/{call_id}/{kind}: state, owner and note of one; back to the list."""
    call_id, kind = request.match_info["call_id"], MomentKind(request.match_info["kind"])
    line = await request.app[BOOK].get(call_id, kind)
    if line is None or not _may_see(request, line):
        raise web.HTTPNotFound
    form = await request.post()
    told = {name: value for name, value in form.items() if isinstance(value, str)}
    state = told.get("state", "")
    if state not in tuple(MomentState):
        raise web.HTTPBadRequest
    owner, note = clean(told.get("owner", ""), _LONGEST_NAME), clean(told.get("note", ""), LONGEST_NOTE)
    if owner and owner != line.owner and owner not in await _owners(request):
        raise web.HTTPBadRequest
    by = request[keys.USER].name
    await request.app[BOOK].change(call_id, kind, state=MomentState(state), owner=owner, note=note, by=by)
    await request.app[keys.AUDIT].note(
        request[keys.USER], "noted", call_id, f"{kind} {state} {owner}".strip(), request.remote or ""
    )
    back = guard.safe_next(told.get("back", ""))
    raise web.HTTPSeeOther(back if back.startswith("/moments") else "/moments")


def _may_see(request: web.Request, line: MomentLine) -> bool:
    account = request[keys.USER]
    own = own_only(account)
    return own is None or line.owner == account.name or bool(own and line.agent == own)


def _filter(request: web.Request) -> _Filter:
    query, who = request.query, pages.viewer(request)
    state, kind = query.get("state", "open"), query.get("kind", "")
    return _Filter(
        state=state if state in _STATES else "open",
        kind=kind if kind in tuple(MomentKind) else "",
        owner="me" if query.get("owner") == "me" else "",
        asked=periods.read(query, who.show, who.show.local(who.now).date()),
    )


def _search(request: web.Request, found: _Filter) -> Search:
    account, zone = request[keys.USER], request.app[keys.ZONE]
    own, (first, last) = own_only(account), found.asked.now.span
    return Search(
        state=None if found.state == "all" else MomentState(found.state),
        kind=MomentKind(found.kind) if found.kind else None,
        owner=account.name if found.owner else "",
        start=datetime.combine(first, time.min, tzinfo=zone).astimezone(UTC),
        end=datetime.combine(last + timedelta(days=1), time.min, tzinfo=zone).astimezone(UTC),
        own=None if own is None else (account.name, own),
        after=clean(request.query.get("after", ""), 120),
        limit=PAGE + 1,
    )


async def _owners(request: web.Request) -> list[str]:
    """Who may look after one: everybody who may sign in; an agent gives it to nobody but themselves."""
    account = request[keys.USER]
    if own_only(account) is not None:
        return [account.name]
    return [user.name for user in await request.app[keys.USERS].list()]


def _detail(line: MomentLine, who: Viewer) -> str:
    match line.kind:
        case MomentKind.LONG_WAIT if line.detail.isdigit():
            return who.t("moment.waited", time=who.show.duration(int(line.detail) * 1_000_000))
        case MomentKind.UNHAPPY:
            answer, _, question = line.detail.partition(" ")
            given, _, scale = answer.partition("/")
            return who.t(
                "moment.answered",
                answer=who.show.digits(given),
                scale=who.show.digits(scale),
                question=who.private(question, 60),
            )
        case _:
            return ""


_KINDS = "|".join(MomentKind)
ROUTES = [
    web.get("/moments", show),
    web.post(f"/moments/{{call_id:[0-9a-f-]{{36}}}}/{{kind:{_KINDS}}}", change),
]
