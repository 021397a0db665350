"""`/reports/month/<yyyy-mm>`: what a manager asks of a month, on one sheet of A4, beside the month before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from aiohttp import web

from pbx_bridge.calls.call import Direction
from pbx_bridge.values import dates
from pbx_bridge.web import pages
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.reports import charts, periods, volume
from pbx_bridge.web.reports.book import REPORTS
from pbx_bridge.web.reports.charts import Line
from pbx_bridge.web.reports.pages import SOURCE, desk_of
from pbx_bridge.web.reports.periods import Asked, Period
from pbx_bridge.web.reports.report import NONE, Desk, Figure, Report, Section, Table, total

_MOST_ROWS = 6  # of a table: the sheet is one page
_INBOUND = Direction.INBOUND.value
_WANTED = (
    *("reports.calls_in", "reports.served", "reports.given_up", "reports.service_level", "reports.mean_wait"),
    *("reports.mean_talk", "reports.self_rate", "reports.saved", "reports.fcr", "reports.survey_mean"),
    *("reports.complaints_in", "reports.moments_in"),
)


@needs(Permission.SEE_REPORTS)
async def show(request: web.Request) -> web.Response:
    """GET /reports/month/<yyyy-mm>, in whichever calendar."""
    who = pages.viewer(request)
    month = periods.month_named(request.match_info["month"])
    if month is None:
        raise web.HTTPNotFound
    today = who.show.local(who.now).date()
    before = _before(month)
    desk = await desk_of(request, Asked(now=month, before=before, preset="", typed={}))
    reports = await _made(desk)
    later = month.last + timedelta(days=1)
    context = {
        "month": who.show.month(month.first) if _is_theirs(month, who.show.persian) else _span(desk, month),
        "span": _span(desk, month),
        "before": _span(desk, before),
        "unfinished": month.first <= today <= month.last,
        "figures_": _figures(reports),
        "trend": await _trend(desk),
        "sections": _tables(reports),
        "previous": _address(before),
        "next": _address(Period(first=later, last=later)) if later <= today else "",
        "counted_to": await request.app[SOURCE].counted_to(),
    }
    return pages.page(request, "reports/month.html", context)


def _before(month: Period) -> Period:
    day = month.first - timedelta(days=1)
    if month.first.day == 1:
        return Period(first=day.replace(day=1), last=day)
    return Period(first=day - timedelta(days=dates.to_jalali(day)[2] - 1), last=day)


def _is_theirs(month: Period, persian: bool) -> bool:
    """Whether it is a month of the reader's own calendar."""
    return dates.to_jalali(month.first)[2] == 1 if persian else month.first.day == 1


def _address(month: Period) -> str:
    """Where a month is, or the one after it, by its first day."""
    if month.first.day == 1:
        return f"/reports/month/{month.first:%Y-%m}"
    year, number, _ = dates.to_jalali(month.first)
    return f"/reports/month/{year:04}-{number:02}"


def _span(desk: Desk, period: Period) -> str:
    return f"{desk.who.show.day(period.first)} – {desk.who.show.day(period.last)}"


async def _made(desk: Desk) -> Mapping[str, Report]:
    """The reports that the sheet takes from."""
    wanted = ("outcomes", "self-service", "queues", "agents", "first-contact", "complaints", "moments")
    return {name: await REPORTS[name](desk) for name in wanted}


def _figures(reports: Mapping[str, Report]) -> Sequence[Figure]:
    """The dozen numbers, most wanted first."""
    found = {figure.word: figure for report in reports.values() for figure in report.figures}
    return [found[word] for word in _WANTED]


async def _trend(desk: Desk) -> Section:
    """Inbound calls by day, in a chart; the table by week is enough on paper."""
    found = await desk.source.days("outcome", *desk.asked.now.span, _INBOUND)
    days = [desk.asked.now.first + timedelta(days=place) for place in range(desk.asked.now.days)]
    calls = [total(found.get(day, {}), _INBOUND)[0] for day in days]
    lost = [sum(found.get(day, {}).get((_INBOUND, outcome), NONE)[0] for outcome in volume.GIVEN_UP) for day in days]
    show = desk.who.show
    series = [
        Line(name=desk.t("reports.calls_in"), values=calls, shown=[show.number(n) for n in calls]),
        Line(name=desk.t("reports.given_up_calls"), values=lost, shown=[show.number(n) for n in lost], tone="bad"),
    ]
    labels = [volume.short_day(desk, day) for day in days]
    chart = charts.lines(series, labels, name=desk.t("reports.daily.chart"), mirrored=desk.mirrored, show=show.number)
    rows = [
        (desk.name(show.day(day), day.isoformat()), desk.number(n), desk.number(gone))
        for day, n, gone in zip(days, calls, lost, strict=True)
    ]
    heads = ("reports.day", "reports.calls_in", "reports.given_up_calls")
    legend = (("", "reports.calls_in"), ("bad", "reports.given_up_calls"))
    return Section(chart=chart, table=Table(title="reports.daily.table", heads=heads, rows=rows), legend=legend)


def _tables(reports: Mapping[str, Report]) -> list[Section]:
    """Queues, agents, reasons of complaints: the largest of each."""
    found = [reports[name].sections[0] for name in ("queues", "agents", "complaints")]
    return [_cut(section) for section in found if section.table.rows]


def _cut(section: Section) -> Section:
    table = section.table
    return Section(table=Table(title=table.title, heads=table.heads, rows=table.rows[:_MOST_ROWS]), note=section.note)


ROUTES = [web.get(r"/reports/month/{month:\d{4}-\d{2}}", show)]
