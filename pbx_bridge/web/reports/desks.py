"""Reports of who answered: queues with their service level and abandon curve, agents with their survey means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pbx_bridge.calls.tally import WAIT_STEPS, Count
from pbx_bridge.calls.targets import Targets
from pbx_bridge.store.reports import Parts
from pbx_bridge.web.reports import charts, reasons
from pbx_bridge.web.reports.charts import Bar, Line
from pbx_bridge.web.reports.report import NONE, Cell, Desk, Report, Section, Table, by, ratio, total

_ANSWERED, _LEFT, _OWN_WISH = "answered", "abandoned", "key"


async def queues(desk: Desk) -> Report:
    """How long callers waited for somebody, and how many did not."""
    now, before = await desk.both("wait")
    waits, past = now["wait"], before["wait"]
    n, waited = total(waits)
    n_before, waited_before = total(past)
    return Report(
        figures=[
            desk.figure("reports.waited", n, n_before),
            desk.points(
                "reports.service_level",
                level(waits, desk.targets),
                level(past, desk.targets),
                up="good",
                note=_target(desk),
            ),
            desk.points("reports.left_waiting", ratio(left(waits), n), ratio(left(past), n_before), up="bad"),
            desk.figure(
                "reports.mean_wait",
                ratio(waited, n),
                ratio(waited_before, n_before),
                shown=desk.who.show.duration(round(waited / n)) if n else "",
                up="bad",
            ),
        ],
        sections=[_each(desk, waits, past), _curve(desk, waits)],
        empty=not n,
    )


def level(waits: Parts, targets: Targets, queue: str | None = None) -> float | None:
    """The share answered in time, of all who waited but those who chose what the flow offered instead.

    Of one queue, or of all together, each by its own target.
    """
    mine = [(words, n) for words, (n, _) in waits.items() if queue in (None, words[0]) and words[1] != _OWN_WISH]
    in_time = sum(n for words, n in mine if words[1] == _ANSWERED and targets.in_time(words[0], int(words[2])))
    return ratio(in_time, sum(n for _, n in mine))


def left(waits: Parts, queue: str | None = None) -> int:
    """How many hung up waiting."""
    return total(waits, queue, _LEFT)[0]


def _target(desk: Desk) -> str:
    show = desk.who.show
    if desk.targets.differ:
        return desk.t("reports.targets_differ")
    told = {"percent": show.percent(desk.targets.percent / 100), "seconds": show.number(desk.targets.seconds)}
    return desk.t("reports.target", **told)


def _each(desk: Desk, now: Parts, before: Parts) -> Section:
    found = sorted(by(now, 0).items(), key=lambda row: -row[1][0])
    items, rows = [], []
    for (queue,), (n, waited) in found:
        target, share = desk.targets.of(queue), level(now, desk.targets, queue)
        reached = share is not None and share * 100 >= target.percent
        shown = desk.who.show.percent(share) if share is not None else ""
        items.append(
            Bar(label=desk.queue(queue), value=100 * (share or 0), shown=shown, tone="good" if reached else "bad")
        )
        rows.append(
            (
                desk.name(desk.queue(queue), queue, foreign=True),
                desk.number(n),
                desk.number(total(now, queue, _ANSWERED)[0]),
                desk.number(left(now, queue)),
                desk.share(left(now, queue), n),
                desk.time(waited, n),
                _level_cell(desk, share),
                _level_cell(desk, level(before, desk.targets, queue)),
            )
        )
    heads = (
        *("reports.queue", "reports.waited", "outcome.answered", "reports.left", "reports.left_share"),
        *("reports.mean_wait", "reports.service_level", "reports.before"),
    )
    chart = charts.bars(items, name=desk.t("reports.queues.chart"), mirrored=desk.mirrored, top=100)
    return Section(chart=chart, table=Table(title="reports.queues.table", heads=heads, rows=rows), note=_target(desk))


def _level_cell(desk: Desk, share: float | None) -> Cell:
    return desk.share(share or 0, share is not None)


def _curve(desk: Desk, waits: Parts) -> Section:
    """Of all who waited, how many had been answered and how many had left after so many seconds."""
    everybody, steps = total(waits)[0], by(waits, 1, 2)
    ends = [*WAIT_STEPS[1:], None]
    labels = [
        desk.who.show.digits(f"{end}") if end else f"> {desk.who.show.digits(str(WAIT_STEPS[-1]))}" for end in ends
    ]
    answered, gone = ([steps.get((what, str(step)), NONE)[0] for step in WAIT_STEPS] for what in (_ANSWERED, _LEFT))
    series = [
        _cumulative(desk, "reports.left", gone, everybody, "bad"),
        _cumulative(desk, "outcome.answered", answered, everybody, "good"),
    ]
    chart = charts.lines(
        series, labels, name=desk.t("reports.curve.chart"), mirrored=desk.mirrored, show=desk.who.show.number, top=100
    )
    rows = [
        (
            Cell(shown=label, raw=end or f">{WAIT_STEPS[-1]}", text=True),
            desk.number(answered[place]),
            desk.number(gone[place]),
            desk.share(sum(gone[: place + 1]), everybody),
        )
        for place, (label, end) in enumerate(zip(labels, ends, strict=True))
    ]
    heads = ("reports.waited_up_to", "outcome.answered", "reports.left", "reports.left_by_then")
    legend = (("bad", "reports.left"), ("good", "outcome.answered"))
    return Section(chart=chart, table=Table(title="reports.curve.table", heads=heads, rows=rows), legend=legend)


def _cumulative(desk: Desk, word: str, counts: list[int], everybody: int, tone: str) -> Line:
    shares = [ratio(100 * sum(counts[: place + 1]), everybody) for place in range(len(counts))]
    shown = ["" if share is None else desk.who.show.percent(share / 100) for share in shares]
    return Line(name=desk.t(word), values=shares, shown=shown, tone=tone)


async def agents(desk: Desk) -> Report:
    """Who answered how much, and what callers thought of it."""
    now, before = await desk.both("agent", "survey", "silent")
    calls, past = now["agent"], before["agent"]
    answered, talk = _sum(calls, "answered")
    answered_before, talk_before = _sum(past, "answered")
    mean, mean_before = (_mean(parts["survey"], parts["silent"]) for parts in (now, before))
    told, told_before = [await desk.source.reasons(*span) for span in (desk.asked.now.span, desk.asked.before.span)]
    return Report(
        figures=[
            desk.figure("reports.answered_by_people", answered, answered_before),
            desk.figure(
                "reports.mean_talk",
                ratio(talk, answered),
                ratio(talk_before, answered_before),
                shown=desk.who.show.duration(round(talk / answered)) if answered else "",
            ),
            desk.figure("reports.missed_rings", _sum(calls, "missed")[0], _sum(past, "missed")[0], up="bad"),
            desk.points("reports.survey_mean", mean, mean_before, up="good", note=desk.t("reports.survey_note")),
        ],
        sections=[
            _people(desk, calls, past, now),
            *reasons.sections(desk, told, told_before),
            *_answers(desk, now["survey"], now["silent"]),
        ],
        empty=not calls,
    )


def _sum(parts: Parts, what: str) -> Count:
    return total(parts, None, what)


def _people(desk: Desk, calls: Parts, past: Parts, now: Mapping[str, Parts]) -> Section:
    everything = _sum(calls, "answered")[0]
    found = sorted(by(calls, 0), key=lambda who: -calls.get((*who, "answered"), NONE)[0])
    items, rows = [], []
    for (who,) in found:
        (n, talk), (out, _), (missed, _) = (calls.get((who, what), NONE) for what in ("answered", "out", "missed"))
        answers = {words: count for words, count in now["survey"].items() if words[0] == who}
        silent = {words: count for words, count in now["silent"].items() if words[0] == who}
        items.append(Bar(label=desk.agent(who), value=n, shown=desk.who.show.number(n)))
        given, asked = total(answers)[0] - total(silent)[0], total(answers)[0]
        rows.append(
            (
                desk.name(desk.agent(who), who, foreign=True),
                desk.number(n),
                desk.share(n, everything),
                desk.number(past.get((who, "answered"), NONE)[0]),
                desk.number(missed),
                desk.time(talk),
                desk.time(talk, n),
                desk.number(out),
                _level_cell(desk, _mean(answers, silent)),
                desk.number(given),
                desk.share(asked - given, asked),
            )
        )
    heads = (
        *("reports.agent", "reports.answered", "reports.share", "reports.before", "reports.missed_rings"),
        *("reports.talk", "reports.mean_talk", "reports.calls_out", "reports.survey_mean", "reports.answers"),
        "reports.no_answer",
    )
    chart = charts.bars(items, name=desk.t("reports.agents.chart"), mirrored=desk.mirrored)
    return Section(chart=chart, table=Table(title="reports.agents.table", heads=heads, rows=rows))


def _mean(asked: Parts, silent: Parts) -> float | None:
    """The mean of all answers, each as a share of its scale: 1 of 5 is 0 %, 5 of 5 is 100 %."""
    given = whole = 0.0
    for words, (n, amount) in asked.items():
        answers, scale = n - silent.get(words, NONE)[0], int(words[3])
        given += answers
        whole += (amount - answers) / (scale - 1) if scale > 1 else answers
    return ratio(whole, given)


def _answers(desk: Desk, asked: Parts, silent: Parts) -> Iterable[Section]:
    """What was answered to each question, by queue."""
    if not asked:
        return
    rows = []
    quiet = by(silent, 2, 1, 3)
    for (question, queue, scale), (n, amount) in sorted(by(asked, 2, 1, 3).items()):
        mute = quiet.get((question, queue, scale), NONE)[0]
        rows.append(
            (
                desk.name(desk.who.private(question, 60), question, foreign=True),
                desk.name(desk.queue(queue), queue, foreign=True),
                Cell(shown=desk.who.show.digits(f"1–{scale}"), raw=f"1-{scale}", text=True),
                desk.number(n),
                desk.number(n - mute),
                desk.share(mute, n),
                desk.mean(amount, n - mute),
            )
        )
    heads = (
        *("reports.question", "reports.queue", "reports.scale", "reports.asked", "reports.answers"),
        *("reports.no_answer", "reports.mean"),
    )
    yield Section(table=Table(title="reports.survey.table", heads=heads, rows=rows))
