"""Reports of how many calls there were and how they ended: by hour and weekday, outcomes, self-service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from markupsafe import Markup

from pbx_bridge.calls.call import Direction, Outcome
from pbx_bridge.store.reports import Parts
from pbx_bridge.web.reports import charts
from pbx_bridge.web.reports.charts import Bar, Line
from pbx_bridge.web.reports.periods import Period
from pbx_bridge.web.reports.report import NONE, Cell, Desk, Figure, Report, Section, Table, over, ratio, total

_WORSE = frozenset({Outcome.ABANDONED_IVR, Outcome.ABANDONED_QUEUE, Outcome.MISSED, Outcome.REJECTED, Outcome.LOST})
_REACHED = frozenset({Outcome.ANSWERED, Outcome.SELF_SERVED})
GIVEN_UP = frozenset({Outcome.ABANDONED_IVR, Outcome.ABANDONED_QUEUE, Outcome.MISSED, Outcome.LOST})
"""Callers who called in vain."""

_TONES = {Outcome.ANSWERED: "good", Outcome.SELF_SERVED: "good", Outcome.VOICEMAIL: "note", Outcome.CALLBACK: "note"}
_INBOUND, _OUTBOUND = Direction.INBOUND.value, Direction.OUTBOUND.value


async def hours(desk: Desk) -> Report:
    """Inbound calls by hour and weekday."""
    now, before = await desk.both("hour")
    grid = await desk.source.weekdays("hour", *desk.asked.now.span, _INBOUND)
    calls, calls_before = total(now["hour"], _INBOUND)[0], total(before["hour"], _INBOUND)[0]
    days = [(5 + place) % 7 if desk.mirrored else place for place in range(7)]
    rows = [(desk.who.show.weekday(day), _by_hour(grid.get(day, {}))) for day in days]
    heads = [desk.who.show.digits(str(hour)) for hour in range(24)]
    table = Table(
        title="reports.hours.table",
        heads=("reports.weekday", *(f"#{head}" for head in heads), "reports.all"),
        rows=[(desk.name(day), *(desk.number(n) for n in counts), desk.number(sum(counts))) for day, counts in rows],
    )
    chart = charts.heat(rows, heads, name=desk.t("reports.hours.chart"), mirrored=desk.mirrored)
    return Report(
        figures=[
            desk.figure("reports.calls_in", calls, calls_before),
            desk.figure("reports.calls_a_day", calls / desk.asked.now.days, calls_before / desk.asked.before.days),
            _busiest(desk, rows),
        ],
        sections=[Section(chart=chart, table=table), await _daily(desk)],
        empty=not calls,
    )


def _by_hour(parts: Parts) -> list[int]:
    return [parts.get((_INBOUND, str(hour)), NONE)[0] for hour in range(24)]


def _busiest(desk: Desk, rows: Sequence[tuple[str, Sequence[int]]]) -> Figure:
    sums = [sum(counts[hour] for _, counts in rows) for hour in range(24)]
    if not any(sums):
        return desk.figure("reports.busiest", None, None)
    hour = max(range(24), key=lambda hour: sums[hour])
    text = desk.who.show.digits(f"{hour}–{hour + 1}")
    return Figure(
        word="reports.busiest",
        value=text,
        note=desk.t("reports.busiest_note", n=desk.who.show.percent(sums[hour] / sum(sums))),
    )


async def _daily(desk: Desk) -> Section:
    """Inbound calls day by day, or week by week, with those before."""
    now = await _series(desk, desk.asked.now)
    before = await _series(desk, desk.asked.before)
    labels = [short_day(desk, day) for day, _ in now]
    lines = [
        Line(name=desk.t("reports.now"), values=[n for _, n in now], shown=[desk.who.show.number(n) for _, n in now]),
        Line(
            name=desk.t("reports.before"),
            values=[before[place][1] if place < len(before) else None for place in range(len(now))],
            shown=[
                desk.who.show.number(before[place][1]) if place < len(before) else "" for place in range(len(now))
            ],
            tone="past",
        ),
    ]
    chart = charts.lines(
        lines, labels, name=desk.t("reports.daily.chart"), mirrored=desk.mirrored, show=desk.who.show.number
    )
    rows = [
        (
            desk.name(desk.who.show.day(day), day.isoformat()),
            desk.number(n),
            desk.number(before[place][1] if place < len(before) else 0),
        )
        for place, (day, n) in enumerate(now)
    ]
    heads = ("reports.week_from" if desk.weekly else "reports.day", "reports.now", "reports.before")
    legend = (("", "reports.now"), ("past", "reports.before"))
    return Section(chart=chart, table=Table(title="reports.daily.table", heads=heads, rows=rows), legend=legend)


async def _series(desk: Desk, period: Period) -> list[tuple[date, int]]:
    found = await desk.source.days("outcome", *period.span, _INBOUND)
    stretches = desk.stretches(period, weekly=desk.weekly)
    return [(first, total(over(found, days), _INBOUND)[0]) for first, days in stretches.items()]


def short_day(desk: Desk, day: date) -> str:
    """A day without its year: ۰۸/۳۰ or 21 Nov."""
    text = desk.who.show.day(day)
    return text[5:] if desk.who.show.persian else text.rpartition(" ")[0]


async def outcomes(desk: Desk) -> Report:
    """How calls ended, by direction."""
    now, before = await desk.both("outcome", "flag")
    calls, past = now["outcome"], before["outcome"]
    inbound, inbound_before = total(calls, _INBOUND), total(past, _INBOUND)
    answered, lost = (_share(calls, words) for words in (_REACHED, GIVEN_UP))
    return Report(
        figures=[
            desk.figure("reports.calls_in", inbound[0], inbound_before[0]),
            desk.points(
                "reports.served", answered, _share(past, _REACHED), up="good", note=desk.t("reports.served_note")
            ),
            desk.points(
                "reports.given_up", lost, _share(past, GIVEN_UP), up="bad", note=desk.t("reports.given_up_note")
            ),
            desk.figure("reports.calls_out", total(calls, _OUTBOUND)[0], total(past, _OUTBOUND)[0]),
            desk.figure(
                "reports.fallbacks", total(now["flag"], "fallback")[0], total(before["flag"], "fallback")[0], up="bad"
            ),
        ],
        sections=[_ended(desk, direction, calls, past) for direction in Direction if total(calls, direction)[0]],
        empty=not calls,
    )


def _share(parts: Parts, words: frozenset[Outcome]) -> float | None:
    n = sum(parts.get((_INBOUND, outcome), NONE)[0] for outcome in words)
    return ratio(n, total(parts, _INBOUND)[0])


def _ended(desk: Desk, direction: Direction, now: Parts, before: Parts) -> Section:
    found = sorted(
        (
            (outcome, now.get((direction, outcome), NONE), before.get((direction, outcome), NONE))
            for outcome in Outcome
        ),
        key=lambda row: -row[1][0],
    )
    found = [row for row in found if row[1][0] or row[2][0]]
    everything = total(now, direction)[0]
    items = [
        Bar(
            label=desk.t(f"outcome.{outcome}"),
            value=n,
            shown=desk.who.show.number(n),
            tone=_TONES.get(outcome, "bad" if outcome in _WORSE else "warn"),
        )
        for outcome, (n, _), _ in found
    ]
    rows = [
        (
            desk.name(desk.t(f"outcome.{outcome}"), outcome.value),
            desk.number(n),
            desk.share(n, everything),
            desk.number(past),
            desk.time(talk, n),
        )
        for outcome, (n, talk), (past, _) in found
    ]
    title = f"reports.outcomes.{direction}"
    heads = ("col.outcome", "reports.calls", "reports.share", "reports.before", "reports.mean_talk")
    chart = charts.bars(items, name=desk.t(title), mirrored=desk.mirrored)
    return Section(chart=chart, table=Table(title=title, heads=heads, rows=rows))


async def self_service(desk: Desk) -> Report:
    """What the menus answered without a person, and the minutes of talk that saved."""
    now, before = await desk.both("outcome", "edge")
    met, met_before = (_entered(parts["edge"]) for parts in (now, before))
    served, saved = _saved(now["outcome"])
    served_before, saved_before = _saved(before["outcome"])
    rate, rate_before = ratio(served, met), ratio(served_before, met_before)
    chart, rows = await _served_daily(desk)
    day = "reports.week_from" if desk.weekly else "reports.day"
    heads = (day, "reports.calls_in", "reports.self_served", "reports.share")
    return Report(
        figures=[
            desk.figure("reports.met_menu", met, met_before),
            desk.figure("reports.self_served", served, served_before, up="good"),
            desk.points("reports.self_rate", rate, rate_before, up="good", note=desk.t("reports.self_rate_note")),
            desk.figure(
                "reports.saved", saved / 60e6, saved_before / 60e6, up="good", note=desk.t("reports.saved_note")
            ),
        ],
        sections=[Section(chart=chart, table=Table(title="reports.self.table", heads=heads, rows=rows))],
        empty=not met,
    )


def _entered(edges: Parts) -> int:
    """Runs of the menus: ways that begin nowhere."""
    return sum(n for words, (n, _) in edges.items() if words[1] == "" and words[2])


def _saved(parts: Parts) -> tuple[int, float]:
    """Self-served calls, and the talk they saved in microseconds: each the mean of a call that somebody answered."""
    served = parts.get((_INBOUND, Outcome.SELF_SERVED), NONE)[0]
    answered, talk = parts.get((_INBOUND, Outcome.ANSWERED), NONE)
    return served, served * talk / answered if answered else 0.0


async def _served_daily(desk: Desk) -> tuple[Markup, Sequence[Sequence[Cell]]]:
    found: Mapping[date, Parts] = await desk.source.days("outcome", *desk.asked.now.span, _INBOUND)
    stretches = desk.stretches(desk.asked.now, weekly=desk.weekly)
    counted = [(first, over(found, days)) for first, days in stretches.items()]
    told = [(day, parts.get((_INBOUND, Outcome.SELF_SERVED), NONE)[0], total(parts)[0]) for day, parts in counted]
    shares = [ratio(100 * served, n) for _, served, n in told]
    line = Line(
        name=desk.t("reports.self_rate"),
        values=shares,
        shown=["" if share is None else desk.who.show.percent(share / 100) for share in shares],
    )
    labels = [short_day(desk, day) for day, _, _ in told]
    chart = charts.lines(
        [line], labels, name=desk.t("reports.self.chart"), mirrored=desk.mirrored, show=desk.who.show.number, top=100
    )
    rows = [
        (
            desk.name(desk.who.show.day(day), day.isoformat()),
            desk.number(n),
            desk.number(served),
            desk.share(served, n),
        )
        for day, served, n in told
        if n
    ]
    return chart, rows
