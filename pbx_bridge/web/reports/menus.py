"""Reports of the way through the menus, and of whether the first call was enough."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pbx_bridge.store.reports import Parts
from pbx_bridge.values.hostile import clean
from pbx_bridge.web.reports import charts
from pbx_bridge.web.reports.charts import Bar, Line
from pbx_bridge.web.reports.report import NONE, Cell, Desk, Report, Section, Table, by, over, ratio, total

_MOST_NODES = 24  # drawn
_MOST_WAYS = 100  # in the table on the page; the export has all
_CALLER = "caller"


async def funnel(desk: Desk) -> Report:
    """From node to node: how many came, where they left."""
    now, before = await desk.both("edge")
    edges, past = now["edge"], before["edge"]
    came, came_before = by(edges, 2), by(past, 2)
    gone, gone_before = _left(edges), _left(past)
    begun, begun_before = (sum(n for words, (n, _) in parts.items() if _begins(words)) for parts in (edges, past))
    left, left_before = sum(gone.values()), sum(gone_before.values())
    nodes = sorted((node for (node,) in came if node), key=lambda node: -came[(node,)][0])
    flows = {to: flow for (flow, _, to, _), _ in sorted(edges.items(), key=lambda row: row[1][0])}
    return Report(
        figures=[
            desk.figure("reports.met_menu", begun, begun_before),
            desk.points(
                "reports.left_in_menu",
                ratio(left, begun),
                ratio(left_before, begun_before),
                up="bad",
                note=desk.t("reports.left_in_menu_note"),
            ),
            desk.points("reports.to_people", _handed(edges, begun), _handed(past, begun_before)),
        ],
        sections=[_nodes(desk, nodes, flows, edges, came_before), _ways(desk, edges, past)],
        empty=not begun,
    )


def _begins(words: tuple[str, ...]) -> bool:
    return words[1] == "" and words[2] != ""


def _left(edges: Parts) -> dict[str, int]:
    """Callers who hung up, by the node they were at."""
    found: dict[str, int] = {}
    for (_, node, to, by_whom), (n, _) in edges.items():
        if not to and by_whom == _CALLER:
            found[node] = found.get(node, 0) + n
    return found


def _handed(edges: Parts, begun: int) -> float | None:
    handed = sum(
        n for (_, _, to, by_whom), (n, _) in edges.items() if not to and by_whom in ("queue", "dial", "transfer")
    )
    return ratio(handed, begun)


def _nodes(
    desk: Desk,
    nodes: list[str],
    flows: Mapping[str, str],
    edges: Parts,
    before: dict[tuple[str, ...], tuple[int, int]],
) -> Section:
    came, gone = by(edges, 2), _left(edges)
    named = {node: desk.place(flows.get(node, ""), node) for node in nodes}
    items = [
        Bar(
            label=named[node],
            value=came[(node,)][0],
            shown=_of(desk, came[(node,)][0], gone.get(node, 0)),
            share=gone.get(node, 0),
        )
        for node in nodes[:_MOST_NODES]
    ]
    rows = [
        (
            desk.name(named[node], node),
            desk.number(came[(node,)][0]),
            desk.number(came[(node,)][1]),
            desk.number(gone.get(node, 0)),
            desk.share(gone.get(node, 0), came[(node,)][0]),
            desk.number(before.get((node,), NONE)[0]),
        )
        for node in nodes
    ]
    heads = (
        *("reports.node", "reports.came", "reports.times", "reports.hung_up", "reports.hung_up_share"),
        "reports.before",
    )
    chart = charts.funnel(items, name=desk.t("reports.funnel.chart"), mirrored=desk.mirrored)
    table = Table(title="reports.funnel.table", heads=heads, rows=rows)
    return Section(chart=chart, table=table, note=desk.t("reports.funnel.note"))


def _of(desk: Desk, n: int, left: int) -> str:
    show = desk.who.show
    return f"{show.number(n)} (−{show.number(left)})" if left else show.number(n)


def _ways(desk: Desk, edges: Parts, past: Parts) -> Section:
    found = sorted(edges.items(), key=lambda row: -row[1][0])
    rows = [
        (
            desk.name(desk.place(flow, node) if node else desk.t("reports.start"), node or "-"),
            Cell(shown=_where(desk, flow, to, by_whom), raw=to or by_whom, text=True),
            desk.name(clean(flow, 40), flow, foreign=True),
            desk.number(n),
            desk.number(times),
            desk.number(past.get((flow, node, to, by_whom), NONE)[0]),
        )
        for (flow, node, to, by_whom), (n, times) in found[:_MOST_WAYS]
    ]
    heads = (
        *("reports.from_node", "reports.to_node", "reports.flow", "reports.calls", "reports.times"),
        "reports.before",
    )
    return Section(table=Table(title="reports.ways.table", heads=heads, rows=rows))


def _where(desk: Desk, flow: str, to: str, by_whom: str) -> str:
    return desk.place(flow, to) if to else desk.who.named("reports.end", by_whom)


async def first_contact(desk: Desk) -> Report:
    """How many were helped with their first call: they did not call again within seven days."""
    now, before = await desk.both("contact")
    (n, again), (n_before, again_before) = total(now["contact"]), total(before["contact"])
    unsure = desk.asked.now.last > desk.who.show.local(desk.who.now).date() - timedelta(days=7)
    return Report(
        figures=[
            desk.figure("reports.first_calls", n, n_before),
            desk.figure("reports.called_again", again, again_before, up="bad"),
            desk.points("reports.fcr", ratio(n - again, n), ratio(n_before - again_before, n_before), up="good"),
        ],
        sections=[await _weeks(desk)],
        empty=not n,
        note=desk.t("reports.fcr.unsure" if unsure else "reports.fcr.note"),
    )


async def _weeks(desk: Desk) -> Section:
    """First calls week by week."""
    found, show = await desk.source.days("contact", *desk.asked.now.span), desk.who.show
    stretches = desk.stretches(desk.asked.now, weekly=True)
    weeks = [(first, *total(over(found, days))) for first, days in stretches.items()]
    shares = [ratio(100 * (n - again), n) for _, n, again in weeks]
    shown = ["" if share is None else show.percent(share / 100) for share in shares]
    chart = charts.lines(
        [Line(name=desk.t("reports.fcr"), values=shares, shown=shown)],
        [show.day(first) for first, _, _ in weeks],
        name=desk.t("reports.fcr.chart"),
        mirrored=desk.mirrored,
        show=show.number,
        top=100,
    )
    rows = [
        (
            desk.name(show.day(first), first.isoformat()),
            desk.number(n),
            desk.number(again),
            desk.share(n - again, n),
        )
        for first, n, again in weeks
    ]
    heads = ("reports.week_from", "reports.first_calls", "reports.called_again", "reports.fcr")
    return Section(chart=chart, table=Table(title="reports.fcr.table", heads=heads, rows=rows))
