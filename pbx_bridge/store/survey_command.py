"""What `calls survey` shows: the mean answer to each question, over how many, and how many gave none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pbx_bridge.calls.call import SurveyAnswer
from pbx_bridge.store.calls_text import moment_of
from pbx_bridge.store.commands import Place
from pbx_bridge.values.hostile import on_terminal

By = Literal["agent", "queue"]
_Key = tuple[str, str, int]  # of whom, question, scale: answers on two scales have no mean

_LINE = "{:<24}  {:>5}  {:>7}  {:>7}  {:>9}  {:>5}"


@dataclass(slots=True)
class Tally:
    """The answers to one question: `answered` of them with the sum `total`, and `silent` callers who gave none."""

    answered: int = 0
    total: int = 0
    silent: int = 0

    @property
    def mean(self) -> float | None:
        """Of the answers given; None if there are none."""
        return self.total / self.answered if self.answered else None

    def add(self, answer: int | None) -> None:
        """One more who was asked."""
        if answer is None:
            self.silent += 1
        else:
            self.answered += 1
            self.total += answer


class Tallies:
    """Counts answers as they come, by question, and by agent or queue if that is asked for."""

    def __init__(self, by: By | None = None) -> None:
        self._by = by
        self._tallies: dict[_Key, Tally] = {}

    def add(self, answers: Iterable[SurveyAnswer]) -> None:
        """One call's."""
        for one in answers:
            whose = one.agent if self._by == "agent" else one.queue if self._by == "queue" else ""
            self._tallies.setdefault((whose, one.question, one.scale), Tally()).add(one.answer)

    def lines(self) -> Iterator[str]:
        """The table."""
        yield self._whose(self._by or "") + _LINE.format("question", "scale", "asked", "answers", "no answer", "mean")
        for (whose, question, scale), tally in sorted(self._tallies.items()):
            yield self._line(whose, question, scale, tally)

    def _line(self, whose: str, question: str, scale: int, tally: Tally) -> str:
        asked, mean = tally.answered + tally.silent, "-" if tally.mean is None else f"{tally.mean:.2f}"
        told = (on_terminal(question), f"1-{scale}", asked, tally.answered, tally.silent, mean)
        return self._whose(on_terminal(whose) or "-") + _LINE.format(*told)

    def _whose(self, text: str) -> str:
        return f"{text:<15}  " if self._by else ""


async def show_survey(place: Place, show: Callable[[str], None], *, since: str | None, by: By | None) -> None:
    """Show what callers answered in calls that began since then. Raises InputError, StoreError."""
    start, tallies = moment_of(since, place.zone), Tallies(by)
    async with place.open_existing() as store:
        async for row in store.calls.since(start):
            tallies.add(row.call.survey)
    for line in tallies.lines():
        show(line)
