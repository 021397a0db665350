"""What a report is made of, whichever it is: figures with their change, charts, tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from markupsafe import Markup

from pbx_bridge.calls.tally import Count
from pbx_bridge.calls.targets import Targets
from pbx_bridge.store.reports import Parts
from pbx_bridge.values.hostile import clean
from pbx_bridge.web.board.ports import Words, no_words
from pbx_bridge.web.reports.periods import Asked, Period, week_start
from pbx_bridge.web.reports.ports import Reports
from pbx_bridge.web.show import NOTHING
from pbx_bridge.web.viewer import Viewer

NONE: Count = (0, 0)
_LONGEST = 60
_LONG = 14  # rows
_MOST_DAYS = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number that a manager asks for.

    Attributes:
        word: the key of its name.
        value: as shown.
        change: against the period before, as shown; empty if there is nothing to compare with.
        way: of the change: `up`, `down`, `same`.
        good: whether it is welcome; None: neither.
        note: what it means, as shown.
    """

    word: str
    value: str
    change: str = ""
    way: str = "same"
    good: bool | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: as people read it, and as a program does. `text`: a word, not a number; `foreign`: not our text."""

    shown: str
    raw: str | int | float
    text: bool = False
    foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under heads, which are keys of words; the first cell of a row names it. `title` is a key."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A chart, if there is one, with its table. `legend`: the lines by tone and the key of their word."""

    table: Table
    chart: Markup | None = None
    note: str = ""
    legend: Sequence[tuple[str, str]] = ()

    @property
    def is_long(self) -> bool:
        """The table is folded away below its chart."""
        return self.chart is not None and len(self.table.rows) > _LONG


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. `empty`: nothing was counted in its days."""

    figures: Sequence[Figure]
    sections: Sequence[Section]
    empty: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a report is made with.

    Attributes:
        source: what was counted.
        who: who reads it.
        asked: the days.
        targets: what queues should reach.
        agents: names by extension.
        words: the place of a flow node in words.
    """

    source: Reports
    who: Viewer
    asked: Asked
    targets: Targets = field(default_factory=Targets)
    agents: Mapping[str, str] = field(default_factory=dict)
    words: Words = no_words

    async def both(self, *names: str) -> tuple[Mapping[str, Parts], Mapping[str, Parts]]:
        """The counts of these days, and of those before."""
        now, before = await self.source.parts(names, [self.asked.now.span, self.asked.before.span])
        return now, before

    @property
    def weekly(self) -> bool:
        """Whether the days are too many to be told one by one."""
        return self.asked.now.days > _MOST_DAYS

    def stretches(self, period: Period, *, weekly: bool) -> dict[date, list[date]]:
        """The days of a period by week, or each by itself; by the first of them."""
        found: dict[date, list[date]] = {}
        for place in range(period.days):
            day = period.first + timedelta(days=place)
            first = max(week_start(day, self.who.show), period.first) if weekly else day
            found.setdefault(first, []).append(day)
        return found

    @property
    def mirrored(self) -> bool:
        """Whether charts run from the right."""
        return self.who.show.persian

    def t(self, key: str, /, **values: object) -> str:
        """The word for a key."""
        return self.who.t(key, **values)

    def agent(self, extension: str) -> str:
        """Who has an extension, as shown."""
        name = clean(self.agents.get(extension, ""), _LONGEST)
        number = self.who.show.digits(self.who.private(extension, _LONGEST))
        return f"{name} ({number})" if name else number or NOTHING

    def place(self, flow: str, node: str) -> str:
        """A node of a flow, as shown: in words if anybody knows them, and by its name."""
        name, words = clean(node, _LONGEST), clean(self.words(flow, node, self.who.language), _LONGEST)
        return f"{words} · {name}" if words and words != name else name

    def queue(self, name: str) -> str:
        """A queue, as shown."""
        return self.who.named("queue", name) or NOTHING

    def figure(
        self, word: str, value: float | None, before: float | None, *, shown: str = "", up: str = "", note: str = ""
    ) -> Figure:
        """A number with its change. `shown`: whole unless told; `up`: the tone of growth, `good` or `bad`."""
        if value is None:
            return Figure(word=word, value=NOTHING, note=note)
        text = shown or self.who.show.number(round(value))
        if not before:
            return Figure(word=word, value=text, note=note)
        moved = (value - before) / before
        return self._moved(Figure(word=word, value=text, note=note), moved, self.who.show.percent(abs(moved)), up)

    def points(self, word: str, value: float | None, before: float | None, *, up: str = "", note: str = "") -> Figure:
        """A share with its change in points: 82 %, 3 points more."""
        if value is None:
            return Figure(word=word, value=NOTHING, note=note)
        figure = Figure(word=word, value=self.who.show.percent(value), note=note)
        if before is None:
            return figure
        moved = value - before
        return self._moved(figure, moved, self.t("reports.points", n=self.who.show.decimal(abs(100 * moved))), up)

    def _moved(self, figure: Figure, moved: float, shown: str, up: str) -> Figure:
        if abs(moved) < 0.0005:
            return replace(figure, change=self.t("reports.same"))
        good = None if not up else (up == "good") == (moved > 0)
        return replace(figure, change=shown, way="up" if moved > 0 else "down", good=good)

    def name(self, shown: str, raw: str = "", *, foreign: bool = False) -> Cell:
        """A cell that names its row."""
        return Cell(shown=shown, raw=raw or shown, text=True, foreign=foreign)

    def number(self, value: int) -> Cell:
        """A cell with a whole number."""
        return Cell(shown=self.who.show.number(value), raw=value)

    def share(self, part: float, of: float) -> Cell:
        """A cell with a share."""
        value = ratio(part, of)
        return (
            Cell(shown=NOTHING, raw="")
            if value is None
            else Cell(shown=self.who.show.percent(value), raw=round(value, 4))
        )

    def mean(self, total: float, n: float) -> Cell:
        """A cell with a mean."""
        return (
            Cell(shown=self.who.show.decimal(total / n), raw=round(total / n, 3))
            if n
            else Cell(shown=NOTHING, raw="")
        )

    def time(self, us: float, n: float = 1) -> Cell:
        """A cell with a span in microseconds, or the mean of n; seconds for programs."""
        if not n:
            return Cell(shown=NOTHING, raw="")
        return Cell(shown=self.who.show.duration(round(us / n)), raw=round(us / n / 1_000_000, 1))


def ratio(part: float, of: float) -> float | None:
    """A share; None of nothing."""
    return part / of if of else None


def total(parts: Parts, *wanted: str | None) -> Count:
    """The sum over the parts whose words are these; None is any word, and further words are."""
    n = whole = 0
    for words, (count, amount) in parts.items():
        if all(want is None or want == word for want, word in zip(wanted, words, strict=False)):
            n, whole = n + count, whole + amount
    return n, whole


def over(found: Mapping[date, Parts], days: Iterable[date]) -> Parts:
    """The sums over these days."""
    sums: dict[tuple[str, ...], Count] = {}
    for day in days:
        for words, (n, amount) in found.get(day, {}).items():
            before = sums.get(words, NONE)
            sums[words] = (before[0] + n, before[1] + amount)
    return sums


def by(parts: Parts, *places: int) -> dict[tuple[str, ...], Count]:
    """The sums by the words at these places."""
    found: dict[tuple[str, ...], Count] = {}
    for words, (n, amount) in parts.items():
        key = tuple(words[place] for place in places)
        before = found.get(key, NONE)
        found[key] = (before[0] + n, before[1] + amount)
    return found
