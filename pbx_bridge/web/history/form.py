"""The filters as a person sees them: fields, what there is to choose from, and what is asked as removable chips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlencode

from markupsafe import Markup

from pbx_bridge.calls.call import Direction, Outcome
from pbx_bridge.calls.facets import TALKS, WAITS, Kind
from pbx_bridge.store.search import Choices
from pbx_bridge.values.hostile import clean
from pbx_bridge.web.history import ranges
from pbx_bridge.web.history.filters import CHOSEN, Filters
from pbx_bridge.web.history.rows import node_word, queue_word, want_word
from pbx_bridge.web.rendering import render
from pbx_bridge.web.show import Show
from pbx_bridge.web.viewer import Viewer

PATH = "/calls"
_DATES = ("range", "from", "to")
_IN_ORDER = ("wait", "talk", "direction", "outcome")  # their choices stand as they come; the others by their words
_REMEMBERED = 256  # fields, of some kB: each with nothing picked, and what is picked most


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """A field that is picked from a list, by all that decides how it looks.

    Attributes:
        values: to choose from.
        picked: one of them, or none; or what is called so no more, or was typed into the address.
        bad: what is picked cannot be read.
        agents: names by extension, where these are chosen from.
        who: looks at it; `show` and `look` tell all that matters of them.
    """

    name: str
    values: tuple[str, ...]
    picked: str
    bad: bool
    agents: tuple[tuple[str, str], ...]
    show: Show
    look: str
    who: Viewer = field(compare=False)


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

    def fields(self) -> list[Markup]:
        """Those picked from a list, as HTML."""
        return [_painted(self._field(name)) for name in CHOSEN]

    def chips(self) -> list[tuple[str, str]]:
        """What is asked, in words, each with the address of the search without it."""
        told = []
        for name, text in self._search.asked.items():
            word = self._who.t(f"filter.{name}")
            value = _word(name, text, self._who, self._agents)
            told.append((f"{word}: {value}" if value else word, address(self._search.without(name))))
        return told

    def _field(self, name: str) -> _Field:
        agents = tuple(self._agents.items()) if name in ("agent", "rang") else ()
        return _Field(
            name=name,
            values=tuple(self._values(name)),
            picked=self._search.typed[name],
            bad=name in self._search.errors,
            agents=agents,
            show=self._who.show,
            look=self._who.look,
            who=self._who,
        )

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


@lru_cache(maxsize=_REMEMBERED)
def _painted(one: _Field) -> Markup:
    given = {"field": one, "choices": _choices(one), "word": one.who.t(f"filter.{one.name}"), "t": one.who.t}
    return Markup(render(one.who.language, "history/_field.html", given))  # noqa: S704 - a template's, escaped


def _choices(one: _Field) -> list[tuple[str, str]]:
    """Value and word of each."""
    if one.name == "recorded":
        return [(value, one.who.t("filter.only_recorded")) for value in one.values]
    values = one.values if one.picked in ("", *one.values) else (*one.values, one.picked)
    agents = dict(one.agents)
    some = [(value, _word(one.name, value, one.who, agents)) for value in values]
    return some if one.name in _IN_ORDER else sorted(some, key=lambda choice: choice[1])


def _word(name: str, value: str, who: Viewer, agents: Mapping[str, str]) -> str:
    """What is asked with a value, in words."""
    match name:
        case "direction" | "outcome" | "range":
            return who.named(name, value)
        case "agent" | "rang":
            known = who.private(agents.get(value, ""), 40)
            extension = who.show.digits(clean(value, 20))
            return f"{known} ({extension})" if known else extension
        case "queue":
            return queue_word(value, who)
        case "want":
            return want_word(value, who)
        case "node":
            return node_word(value, who)
        case "wait" | "talk":
            span = who.show.duration(int(value) * 1_000_000) if value.isdigit() else clean(value, 20)
            return who.t("filter.over", span=span)
        case "recorded":
            return ""
        case _:
            return clean(value, 60)
