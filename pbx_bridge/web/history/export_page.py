"""`/calls/export.csv` and `.xlsx`: the calls of a search, as the list shows them; who takes them is written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

from aiohttp import web

from pbx_bridge.store import CallLine
from pbx_bridge.store.wanted import Wanted
from pbx_bridge.store.wrap_ups import LONGEST, WrapUp
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys, pages
from pbx_bridge.web.desk.ports import PARTS as DESK_PARTS
from pbx_bridge.web.export import Cell, Rows, send_csv, send_xlsx
from pbx_bridge.web.history.asked import asked
from pbx_bridge.web.history.rows import Row, row_of
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.viewer import Viewer

_AT_ONCE = 200
_COLUMNS = (
    "date", "time", "direction", "caller", "name", "customer", "called", "way", "answered_by", "extension", "outcome",
    "duration", "wait", "talk", "tracking", "survey", "reason", "next_step", "recorded", "language", "call_id",
)  # fmt: skip


@needs(Permission.EXPORT)
async def as_csv(request: web.Request) -> web.StreamResponse:
    """GET /calls/export.csv."""
    name, head, rows = await _export(request, "csv")
    return await send_csv(request, name, head, rows)


@needs(Permission.EXPORT)
async def as_xlsx(request: web.Request) -> web.StreamResponse:
    """GET /calls/export.xlsx."""
    name, head, rows = await _export(request, "xlsx")
    return await send_xlsx(request, name, head, rows, right_to_left=pages.viewer(request).show.persian)


async def _export(request: web.Request, form: str) -> tuple[str, list[str], Rows]:
    this, who = await asked(request), pages.viewer(request)
    if this.search.errors:
        raise web.HTTPBadRequest
    detail = f"{form} {urlencode(this.search.asked)}".strip()
    await request.app[keys.AUDIT].note(request[keys.USER], "exported", "calls", detail, request.remote or "")
    agents = await request.app[keys.AGENTS].names()
    name = f"calls-{who.show.local(who.now):%Y%m%d-%H%M}"
    return name, [who.t(f"export.{column}") for column in _COLUMNS], _rows(request, this.wanted, who, agents)


async def _rows(request: web.Request, wanted: Wanted, who: Viewer, agents: Mapping[str, str]) -> Rows:
    calls, key, book = request.app[keys.CALLS], None, request.app[DESK_PARTS].wrap_ups
    while True:
        found = await calls.search(wanted, before=key, limit=_AT_ONCE)
        if found.lines:
            told = await book.of_calls([line.call_id for line in found.lines])
            yield [cells_of(line, row_of(line, who, agents), who, told.get(line.call_id, ())) for line in found.lines]
        if found.more is None:
            return
        key = found.more


def cells_of(line: CallLine, row: Row, who: Viewer, told: Sequence[WrapUp] = ()) -> Sequence[Cell]:
    """A call's cells, in the order of the columns. Times in the viewer's zone; spans in whole seconds."""
    view = row.view
    return (
        who.show.typed_day(row.began.date()),
        f"{row.began:%H:%M:%S}",
        who.t(f"direction.{line.direction}"),
        who.private(line.caller, 40),
        view.name,
        clean(line.customer_code, 40),
        who.private(line.called, 40),
        _plain(row.way),
        row.by,
        line.agent,
        view.outcome,
        _seconds(view.duration_us),
        _seconds(line.wait_us),
        _seconds(line.talk_us),
        " ".join(line.tracking_numbers),
        _plain(row.survey),
        _joined(who.named("desk.reason", clean(one.reason, LONGEST)) for one in told if one.reason),
        _joined(who.private(one.next_step, LONGEST) for one in told),
        who.t("export.yes") if line.recorded else "",
        who.named("language", line.language) if line.language else "",
        line.call_id,
    )


def _joined(texts: Iterable[str]) -> str:
    """What several agents told of one call, each thing once."""
    return "; ".join(dict.fromkeys(filter(None, texts)))


def _seconds(us: int) -> int:
    return (max(us, 0) + 500_000) // 1_000_000


def _plain(text: str) -> str:
    """Without the marks that keep numbers in order on a page."""
    return clean(text)


ROUTES = [web.get("/calls/export.csv", as_csv), web.get("/calls/export.xlsx", as_xlsx)]
