"""`/callbacks/calendar`: a week of callbacks, from Saturday in Persian and from Monday in English."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from aiohttp import web

from pbx_bridge.store.callbacks import CallbackLine
from pbx_bridge.web import keys, pages
from pbx_bridge.web.callbacks import own
from pbx_bridge.web.callbacks.list_page import ranges, rows_for, tabs
from pbx_bridge.web.callbacks.ports import PARTS
from pbx_bridge.web.callbacks.rows import Row
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.reports.periods import week_start

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_MOST = 500
_EARLIEST, _LATEST = date(1990, 1, 1), date(2190, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day of the week, and who is to be called then."""

    day: date
    name: str
    today: bool
    rows: Sequence[Row]


@needs(Permission.HANDLE)
async def show(request: web.Request) -> web.Response:
    """GET /callbacks/calendar: `week` is any day of it, 2026-11-21; this week unless told."""
    who, zone = pages.viewer(request), request.app[keys.ZONE]
    today = who.show.local(who.now).date()
    start = week_start(_day(request.query.get("week", ""), today), who.show)
    chosen = own.chosen(request)
    since, until = (datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC) for day in (start, start + _WEEK))
    lines = await request.app[PARTS].book.between(own.whose(request, chosen), since, until, _MOST + 1)
    rows = await rows_for(request, lines[:_MOST])
    days = [_of_day(start + n * _DAY, rows, today, request) for n in range(7)]
    context = {
        "days": days,
        "tabs": tabs(who, "calendar", chosen),
        "ranges": ranges(request, who, "/callbacks/calendar", {"week": start.isoformat()}),
        "before": f"/callbacks/calendar?who={chosen}&week={start - _WEEK}",
        "after": f"/callbacks/calendar?who={chosen}&week={start + _WEEK}",
        "this_week": f"/callbacks/calendar?who={chosen}",
        "here_now": start <= today < start + _WEEK,
        "too_many": len(lines) > _MOST,
        "first_day": start,
        "last_day": start + 6 * _DAY,
    }
    return pages.page(request, "callbacks/calendar.html", context)


def _of_day(day: date, rows: Sequence[Row], today: date, request: web.Request) -> Day:
    who = pages.viewer(request)

    def is_of(line: CallbackLine) -> bool:
        return who.show.local(line.wanted_at).date() == day

    own_rows = [row for row in rows if is_of(row.line)]
    return Day(day=day, name=who.show.weekday(day.weekday()), today=day == today, rows=own_rows)


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return today
    return day if _EARLIEST <= day <= _LATEST else today


ROUTES = [web.get("/callbacks/calendar", show)]
