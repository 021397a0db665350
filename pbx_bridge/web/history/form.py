"""The filters as a person sees them: fields, what there is to choose from, and what is asked as removable chips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from pbx_bridge.calls.call import Direction, Outcome
from pbx_bridge.calls.facets import TALKS, WAITS, Kind
from pbx_bridge.store.search import Choices
from pbx_bridge.values.hostile import clean
from pbx_bridge.web.history import ranges
from pbx_bridge.web.history.filters import CHOSEN, Filters
from pbx_bridge.web.history.rows import node_word, queue_word, want_word
from pbx_bridge.web.viewer import Viewer

PATH = "/calls"
_DATES = ("range", "from", "to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field that is picked from a list: value and word of each choice, and the value picked."""

    name: str
    choices: Sequence[tuple[str, str]]
    picked: str


def address(query: Mapping[str, str], path: str = PATH) -> str:
    """The address of a search."""
    return f"{path}?{urlencode(query)}" if query else path


class Form:
    """The fields of one search, for one viewer."""

    def __init__(self, search: Filters, who: Viewer, choices: Choices, agents: Mapping[str, str]) -> None:
        self._search, self._who, self._choices, self._agents = search, who, choices, agents

    def presets(self) -> list[tuple[str, str, bool]]:
        """Address, word and whether it is picked, of each span of days."""
        kept = self._search.without(*_DATES)
        now = self._search.typed["range"]
        return [
            (address({**kept, "range": name}), self._who.t(f"range.{name}"), name == now) for name in ranges.NAMES
        ]

    def fields(self) -> list[Field]:
        """Those picked from a list."""
        return [self._field(name) for name in CHOSEN]

    def chips(self) -> list[tuple[str, str]]:
        """What is asked, in words, each with the address of the search without it."""
        told = []
        for name, text in self._search.asked.items():
            word = self._who.t(f"filter.{name}")
            value = self._word(name, text)
            if name in ("wait", "talk"):
                value = self._who.t("filter.over", span=value)
            told.append((f"{word}: {value}" if value else word, address(self._search.without(name))))
        return told

    def _field(self, name: str) -> Field:
        picked = self._search.typed[name]
        some = [(value, self._word(name, value)) for value in self._values(name)]
        if picked and picked not in dict(some):  # nothing is called so any more, or it was typed into the address
            some.append((picked, self._word(name, picked)))
        if name not in ("wait", "talk", "direction", "outcome"):
            some.sort(key=lambda choice: choice[1])
        return Field(name=name, choices=some, picked=picked)

    def _values(self, name: str) -> Iterable[str]:
        match name:
            case "direction":
                return [one.value for one in Direction]
            case "outcome":
                return [one.value for one in Outcome]
            case "wait":
                return [str(limit) for limit in WAITS]
            case "talk":
                return [str(limit) for limit in TALKS]
            case "recorded":
                return ["1"]
            case _:
                return self._choices.get(Kind(name), ())

    def _word(self, name: str, value: str) -> str:
        who = self._who
        match name:
            case "direction" | "outcome" | "range":
                return who.named(name, value)
            case "agent" | "rang":
                known = who.private(self._agents.get(value, ""), 40)
                extension = who.show.digits(clean(value, 20))
                return f"{known} ({extension})" if known else extension
            case "queue":
                return queue_word(value, who)
            case "want":
                return want_word(value, who)
            case "node":
                return node_word(value, who)
            case "wait" | "talk":
                return who.show.duration(int(value) * 1_000_000) if value.isdigit() else clean(value, 20)
            case "recorded":
                return ""
            case _:
                return clean(value, 60)
