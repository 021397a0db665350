"""Reports of what went wrong: complaints by reason and age, moments by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pbx_bridge.calls.moments import MomentKind
from pbx_bridge.store.reports import Reason, Unanswered
from pbx_bridge.values.hostile import clean
from pbx_bridge.web.reports import charts
from pbx_bridge.web.reports.charts import Bar
from pbx_bridge.web.reports.report import Desk, Report, Section, Table, ratio
from pbx_bridge.web.show import NOTHING, microseconds

_DAY_US = 86_400_000_000
_AGES = (1, 3, 7, 14, 30)  # days


async def complaints(desk: Desk) -> Report:
    """What callers complained of, how long answers took, and how old the unanswered ones are."""
    now = await desk.source.complaints(*desk.asked.now.span)
    before = await desk.source.complaints(*desk.asked.before.span)
    waiting = await desk.source.unanswered()
    late = sum(one.answer_by < desk.who.now for one in waiting)
    n, n_before = (sum(one.received for one in found) for found in (now, before))
    took, took_before = _took(now), _took(before)
    return Report(
        figures=[
            desk.figure("reports.complaints_in", n, n_before, up="bad"),
            desk.figure(
                "reports.answer_days",
                took,
                took_before,
                up="bad",
                shown=desk.t("reports.days", n=desk.who.show.decimal(took or 0)),
            ),
            desk.figure("reports.unanswered", len(waiting), None, note=desk.t("reports.unanswered_note")),
            desk.figure("reports.late", late, None, note=desk.t("reports.unanswered_note")),
        ],
        sections=[_reasons(desk, now, before), _ages(desk, waiting)],
        empty=not n and not waiting,
    )


def _took(found: Sequence[Reason]) -> float | None:
    """The mean time to an answer, in days."""
    return ratio(sum(one.answer_us for one in found) / _DAY_US, sum(one.answered for one in found))


def _reasons(desk: Desk, now: Sequence[Reason], before: Sequence[Reason]) -> Section:
    past = {one.reason: one.received for one in before}
    items = [
        Bar(label=_reason(one.reason), value=one.received, shown=desk.who.show.number(one.received)) for one in now
    ]
    rows = [
        (
            desk.name(_reason(one.reason), one.reason, foreign=True),
            desk.number(one.received),
            desk.number(past.get(one.reason, 0)),
            desk.number(one.answered),
            desk.number(one.late),
            desk.mean(one.answer_us / _DAY_US, one.answered),
        )
        for one in now
    ]
    heads = (
        *("reports.reason", "reports.received", "reports.before", "reports.answered_ones", "reports.late"),
        "reports.answer_days",
    )
    chart = charts.bars(items, name=desk.t("reports.complaints.chart"), mirrored=desk.mirrored) if items else None
    return Section(chart=chart, table=Table(title="reports.complaints.table", heads=heads, rows=rows))


def _reason(text: str) -> str:
    return clean(text, 60) or NOTHING


def _ages(desk: Desk, waiting: Sequence[Unanswered]) -> Section:
    """The unanswered ones by reason and age."""
    reasons: dict[str, list[int]] = {}
    for one in waiting:
        days = microseconds(desk.who.now - one.received_at) / _DAY_US
        place = sum(days >= age for age in _AGES)
        reasons.setdefault(one.reason, [0] * (len(_AGES) + 1))[place] += 1
    spans = [f"<{_AGES[0]}", *(f"{low}–{high}" for low, high in pairwise(_AGES)), f"≥{_AGES[-1]}"]
    rows = [
        (
            desk.name(_reason(reason), reason, foreign=True),
            *(desk.number(n) for n in counts),
            desk.number(sum(counts)),
        )
        for reason, counts in sorted(reasons.items())
    ]
    heads = (
        "reports.reason",
        *(f"#{desk.t('reports.days', n=desk.who.show.digits(span))}" for span in spans),
        "reports.all",
    )
    return Section(table=Table(title="reports.ages.table", heads=heads, rows=rows))


async def wrongs(desk: Desk) -> Report:
    """The moments that went wrong, by kind, and how many are still open."""
    now = await desk.source.moments(*desk.asked.now.span)
    before = await desk.source.moments(*desk.asked.before.span)
    n, n_before = _all(now), _all(before)
    still = sum(states.get("open", 0) for states in now.values())
    found = sorted((kind for kind in MomentKind if kind in now), key=lambda kind: -sum(now[kind].values()))
    items = [_bar(desk, kind, now[kind]) for kind in found]
    rows = [
        (
            desk.name(desk.t(f"moment.{kind}"), kind.value),
            desk.number(sum(now[kind].values())),
            desk.number(sum(before.get(kind, {}).values())),
            desk.number(now[kind].get("open", 0)),
            desk.number(now[kind].get("done", 0)),
        )
        for kind in found
    ]
    heads = ("reports.moment", "reports.count", "reports.before", "moments.open", "moments.done")
    chart = charts.bars(items, name=desk.t("reports.moments.chart"), mirrored=desk.mirrored)
    return Report(
        figures=[
            desk.figure("reports.moments_in", n, n_before, up="bad"),
            desk.figure("reports.still_open", still, None),
        ],
        sections=[Section(chart=chart, table=Table(title="reports.moments.table", heads=heads, rows=rows))],
        empty=not n,
        note=desk.t("reports.moments.note"),
    )


def _bar(desk: Desk, kind: MomentKind, states: Mapping[str, int]) -> Bar:
    n = sum(states.values())
    return Bar(label=desk.t(f"moment.{kind}"), value=n, shown=desk.who.show.number(n), share=states.get("open", 0))


def _all(found: Mapping[str, Mapping[str, int]]) -> int:
    return sum(sum(states.values()) for states in found.values())
