"""What talks were about, as agents told when they wrapped up: by reason and by agent, beside the period before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pbx_bridge.store.reports import Told
from pbx_bridge.values.hostile import clean
from pbx_bridge.web.reports import charts
from pbx_bridge.web.reports.charts import Bar
from pbx_bridge.web.reports.report import Cell, Desk, Section, Table

_LONGEST = 60


def sections(desk: Desk, now: Sequence[Told], before: Sequence[Told]) -> Iterator[Section]:
    """Both tables; none where nothing was told in either period."""
    if now or before:
        yield _by_reason(desk, now, before)
        yield _by_agent(desk, now, before)


def _by_reason(desk: Desk, now: Sequence[Told], before: Sequence[Told]) -> Section:
    counts, past = _count(now, "reason"), _count(before, "reason")
    reasons = sorted({*counts, *past}, key=lambda reason: (-counts[reason], -past[reason], reason))
    rows = [
        (
            _word_cell(desk, reason),
            desk.number(counts[reason]),
            desk.share(counts[reason], counts.total()),
            desk.number(past[reason]),
            desk.share(past[reason], past.total()),
        )
        for reason in reasons
    ]
    items = [
        Bar(label=_word(desk, reason), value=counts[reason], shown=desk.who.show.number(counts[reason]))
        for reason in reasons
    ]
    heads = ("desk.reason", "reports.told", "reports.share", "reports.before", "reports.share_before")
    return Section(
        chart=charts.bars(items, name=desk.t("reports.reasons.chart"), mirrored=desk.mirrored),
        table=Table(title="reports.reasons.table", heads=heads, rows=rows),
        note=desk.t("reports.reasons.note"),
    )


def _by_agent(desk: Desk, now: Sequence[Told], before: Sequence[Told]) -> Section:
    counts, past = _count(now, "extension"), _count(before, "extension")
    rows = []
    for who in sorted({*counts, *past}, key=lambda who: (-counts[who], -past[who], who)):
        about = max((one for one in now if one.extension == who), key=lambda one: one.count, default=None)
        rows.append(
            (
                desk.name(desk.agent(who), who, foreign=True),
                desk.number(counts[who]),
                desk.number(past[who]),
                _word_cell(desk, about.reason) if about else Cell(shown="", raw="", text=True),
            )
        )
    heads = ("reports.agent", "reports.told", "reports.before", "reports.most_about")
    return Section(table=Table(title="reports.reasons.people", heads=heads, rows=rows))


def _word_cell(desk: Desk, reason: str) -> Cell:
    return desk.name(_word(desk, reason), reason or "-", foreign=True)


def _word(desk: Desk, reason: str) -> str:
    return desk.who.named("desk.reason", clean(reason, _LONGEST)) if reason else desk.t("desk.reason_none")


def _count(told: Sequence[Told], by: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in told:
        counts[getattr(one, by)] += one.count
    return counts
