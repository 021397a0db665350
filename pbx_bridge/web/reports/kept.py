"""The report of what customers were promised: kept or broken, by kind of ticket and by queue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pbx_bridge.calls.promises import DAY, RESOLVE, RESPOND
from pbx_bridge.store.promises import Kept, Tally
from pbx_bridge.store.reports import Parts
from pbx_bridge.web.reports import charts, desks
from pbx_bridge.web.reports.charts import Bar
from pbx_bridge.web.reports.report import Cell, Desk, Report, Section, Table, by, ratio

_HOUR_US = 3_600_000_000


async def promises(desk: Desk) -> Report:
    """What was promised of tickets and of queues, and how it was kept."""
    now = await desk.source.promises(*desk.asked.now.span)
    before = await desk.source.promises(*desk.asked.before.span)
    waits, past = (found["wait"] for found in await desk.both("wait"))
    kept, kept_before = (_sum(found) for found in (now, before))
    reached, queues = _reached(desk, waits)
    reached_before, queues_before = _reached(desk, past)
    return Report(
        figures=[
            desk.points("reports.kept_share", _share(kept), _share(kept_before), up="good"),
            desk.figure("reports.promises_kept", kept.kept, kept_before.kept),
            desk.figure("reports.promises_broken", kept.broken, kept_before.broken, up="bad"),
            desk.points(
                "reports.queues_kept", ratio(reached, queues), ratio(reached_before, queues_before), up="good"
            ),
        ],
        sections=[_kinds(desk, now, before), *([_queues(desk, waits, past)] if queues else [])],
        empty=not now and not queues,
        note=desk.t("reports.promises.note"),
    )


def _told(found: Sequence[Kept]) -> Iterator[tuple[str, str, Tally]]:
    """Each promise of each kind of ticket: kind, what, how it was kept."""
    for one in found:
        for what, tally in ((RESPOND, one.respond), (RESOLVE, one.resolve), (DAY, one.day)):
            if tally.decided or tally.running:
                yield one.kind, what, tally


def _sum(found: Sequence[Kept]) -> Tally:
    told = [tally for _, _, tally in _told(found)]
    return Tally(
        kept=sum(one.kept for one in told),
        broken=sum(one.broken for one in told),
        running=sum(one.running for one in told),
    )


def _share(tally: Tally) -> float | None:
    return ratio(tally.kept, tally.decided)


def _kinds(desk: Desk, now: Sequence[Kept], before: Sequence[Kept]) -> Section:
    past = {(kind, what): tally for kind, what, tally in _told(before)}
    took = {one.kind: one for one in now}
    items, rows = [], []
    for kind, what, tally in _told(now):
        label = f"{desk.t(f'ticket.kind_{kind}')}: {desk.t(f'promise.{kind}.{what}')}"
        share = _share(tally)
        shown = desk.who.show.percent(share) if share is not None else ""
        items.append(Bar(label=label, value=100 * (share or 0), shown=shown, tone=_tone(tally)))
        earlier = past.get((kind, what), Tally())
        rows.append(
            (
                desk.name(label, f"{kind} {what}"),
                desk.number(tally.kept),
                desk.number(tally.broken),
                desk.number(tally.running),
                desk.share(tally.kept, tally.decided),
                desk.share(earlier.kept, earlier.decided),
                _mean(desk, took[kind], what),
            )
        )
    heads = (
        *("reports.promise", "reports.kept", "reports.broken", "reports.running", "reports.kept_share"),
        *("reports.before", "reports.mean_hours"),
    )
    chart = charts.bars(items, name=desk.t("reports.promises.chart"), mirrored=desk.mirrored, top=100)
    return Section(
        chart=chart if items else None, table=Table(title="reports.promises.table", heads=heads, rows=rows)
    )


def _tone(tally: Tally) -> str:
    return "good" if not tally.broken else "bad" if tally.broken > tally.kept else "warn"


def _mean(desk: Desk, kept: Kept, what: str) -> Cell:
    if what == RESPOND:
        return desk.mean(kept.respond_us / _HOUR_US, kept.responded)
    return desk.mean(kept.resolve_us / _HOUR_US, kept.resolved)


def _reached(desk: Desk, waits: Parts) -> tuple[int, int]:
    """How many queues reached their target, and how many had callers."""
    names = [queue for (queue,) in by(waits, 0)]
    levels = {queue: _level(desk, waits, queue) for queue in names}
    told = {queue: share for queue, share in levels.items() if share is not None}
    return sum(100 * share >= desk.targets.of(queue).percent for queue, share in told.items()), len(told)


def _level(desk: Desk, waits: Parts, queue: str) -> float | None:
    return desks.level(waits, desk.targets, queue)


def _queues(desk: Desk, now: Parts, before: Parts) -> Section:
    items, rows = [], []
    for (queue,), (n, _) in sorted(by(now, 0).items(), key=lambda row: -row[1][0]):
        wanted = desk.targets.of(queue)
        share, past = _level(desk, now, queue), _level(desk, before, queue)
        reached = share is not None and 100 * share >= wanted.percent
        show = desk.who.show
        shown = show.percent(share) if share is not None else ""
        items.append(
            Bar(label=desk.queue(queue), value=100 * (share or 0), shown=shown, tone="good" if reached else "bad")
        )
        target = desk.t(
            "reports.target", percent=show.percent(wanted.percent / 100), seconds=show.number(wanted.seconds)
        )
        verdict = desk.t("reports.target_reached" if reached else "reports.target_missed") if shown else ""
        rows.append(
            (
                desk.name(desk.queue(queue), queue, foreign=True),
                desk.number(n),
                Cell(shown=target, raw=f"{wanted.percent}% {wanted.seconds}s", text=True),
                desk.share(share or 0, share is not None),
                Cell(shown=verdict, raw=verdict, text=True),
                desk.share(past or 0, past is not None),
            )
        )
    heads = (
        *("reports.queue", "reports.waited", "reports.target_told", "reports.service_level"),
        *("reports.promise", "reports.before"),
    )
    chart = charts.bars(items, name=desk.t("reports.promises.queue_chart"), mirrored=desk.mirrored, top=100)
    return Section(chart=chart, table=Table(title="reports.promises.queue_table", heads=heads, rows=rows))
