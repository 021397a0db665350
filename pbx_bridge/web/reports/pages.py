"""`/reports`, `/reports/<name>` and its CSV: a period, its figures, charts and tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from pbx_bridge.calls.targets import Targets
from pbx_bridge.web import export, keys, pages
from pbx_bridge.web.board.ports import Words, no_words
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.reports import periods
from pbx_bridge.web.reports.book import REPORTS
from pbx_bridge.web.reports.periods import Asked
from pbx_bridge.web.reports.ports import Moments, Reports
from pbx_bridge.web.reports.report import Desk, Table
from pbx_bridge.web.viewer import Viewer

SOURCE = web.AppKey("reports", Reports)
BOOK = web.AppKey("moments", Moments)
TARGETS = web.AppKey("report_targets", Targets)
WORDS: web.AppKey[Words] = web.AppKey("report_words")
_NAME = "{name:[a-z-]+}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportParts:
    """What the reports are made of: what was counted, what went wrong, what queues should reach, flows in words."""

    source: Reports
    moments: Moments
    targets: Targets
    words: Words = no_words


@needs(Permission.SEE_REPORTS)
async def index(request: web.Request) -> web.Response:
    """GET /reports: what there is to read."""
    who, source = pages.viewer(request), request.app[SOURCE]
    today = who.show.local(who.now).date()
    since = await source.since()
    month = periods.month_of(today, who.show)
    months = []
    for _ in range(12):
        if since is None or month.last < since:
            break
        months.append((f"/reports/month/{periods.name_of_month(month, who.show)}", who.show.month(month.first)))
        month = periods.month_before(month, who.show)
    context = {"names": list(REPORTS), "months": months, "counted_to": await source.counted_to(), "since": since}
    return pages.page(request, "reports/index.html", context)


@needs(Permission.SEE_REPORTS)
async def show(request: web.Request) -> web.Response:
    """GET /reports/<name>."""
    name, desk = await _desk(request)
    report = await REPORTS[name](desk)
    source, asked = request.app[SOURCE], desk.asked
    context = {
        "name": name,
        "names": list(REPORTS),
        "report": report,
        "asked": asked,
        "query": urlencode(asked.query),
        "ready": ready(asked, desk.who, f"/reports/{name}"),
        "errors": {field: desk.t(key) for field, key in asked.errors.items()},
        "export": f"/reports/{name}.csv?{urlencode(asked.query)}",
        "counted_to": await source.counted_to(),
    }
    return pages.page(request, "reports/report.html", context, status=400 if asked.errors else 200)


@needs(Permission.EXPORT)
async def as_csv(request: web.Request) -> web.StreamResponse:
    """GET /reports/<name>.csv: every table of the report, one below the other."""
    name, desk = await _desk(request)
    if desk.asked.errors:
        raise web.HTTPBadRequest
    report, asked = await REPORTS[name](desk), desk.asked
    detail = f"csv {asked.now.first} – {asked.now.last}"
    await request.app[keys.AUDIT].note(
        request[keys.USER], "exported", f"reports/{name}", detail, request.remote or ""
    )
    tables = [section.table for section in report.sections]
    file = f"{name}-{asked.now.first:%Y%m%d}-{asked.now.last:%Y%m%d}"
    head = [desk.t(f"reports.{name}"), asked.now.first.isoformat(), asked.now.last.isoformat()]
    return await export.send_csv(request, file, head, _rows(tables, desk))


async def _rows(tables: Sequence[Table], desk: Desk) -> AsyncIterator[Sequence[Sequence[export.Cell]]]:
    for table in tables:
        heads = [desk.t(head) if not head.startswith("#") else head[1:] for head in table.heads]
        yield [
            [],
            [desk.t(table.title)],
            heads,
            *([_plain(cell.raw, cell.shown, cell.text) for cell in row] for row in table.rows),
        ]


def _plain(raw: export.Cell, shown: str, is_text: bool) -> export.Cell:
    return shown if is_text else raw


async def _desk(request: web.Request) -> tuple[str, Desk]:
    name = request.match_info["name"]
    if name not in REPORTS:
        raise web.HTTPNotFound
    who = pages.viewer(request)
    asked = periods.read(request.query, who.show, who.show.local(who.now).date())
    return name, await desk_of(request, asked)


async def desk_of(request: web.Request, asked: Asked) -> Desk:
    """What reports on this period are made with."""
    app = request.app
    return Desk(
        source=app[SOURCE],
        who=pages.viewer(request),
        asked=asked,
        targets=app[TARGETS],
        agents=await app[keys.AGENTS].names(),
        words=app[WORDS],
    )


def ready(asked: Asked, who: Viewer, address: str, **kept: str) -> list[tuple[str, str, bool]]:
    """The ready periods as links: address, text, whether it is the one that is shown."""
    return [
        (
            f"{address}?{urlencode({**kept, 'period': preset})}",
            who.t(f"reports.period.{preset}"),
            preset == asked.preset,
        )
        for preset in periods.PRESETS
    ]


def install(app: web.Application, parts: ReportParts) -> None:
    """Give the pages what they need, and their routes."""
    from pbx_bridge.web.reports import moments, month

    app[SOURCE], app[BOOK], app[TARGETS] = parts.source, parts.moments, parts.targets
    app[WORDS] = parts.words
    app.add_routes([*ROUTES, *month.ROUTES, *moments.ROUTES])


ROUTES = [
    web.get("/reports", index),
    web.get(f"/reports/{_NAME}", show),
    web.get(f"/reports/{_NAME}.csv", as_csv),
]
