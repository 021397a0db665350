"""`choose`: a way by what is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec

from pbx_bridge.ivr import condition
from pbx_bridge.ivr.condition import Condition
from pbx_bridge.ivr.nodes.base import Kind, NodeName, source_of

if TYPE_CHECKING:
    from pbx_bridge.ivr.run import Run
    from pbx_bridge.ivr.turn import Turn

OTHERWISE = "otherwise"  # the way out; `else` in the file
_ELSE = "else"


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Where callers go of whom a condition is true (see condition.py)."""

    text: str = msgspec.field(name="if")
    to: NodeName

    def __post_init__(self) -> None:
        """Refuse what is no condition."""
        _ = self.condition

    @cached_property
    def condition(self) -> Condition:
        """The condition, ready to be asked."""
        return condition.parse(self.text)


class ChooseNode(Kind, frozen=True, kw_only=True, tag="choose"):
    """The way of the first condition that is true; or a way by whether something is known.

    Its ways out by condition are called as the conditions are written.
    """

    given: Literal["customer", "ticket.promised_on"] | None = None
    known: NodeName | None = None
    missing: NodeName | None = None
    when: tuple[When, ...] = ()
    otherwise: NodeName | None = msgspec.field(name=_ELSE, default=None)

    def __post_init__(self) -> None:
        """Refuse what is neither the one nor the other."""
        by_value = {"given": self.given, "known": self.known, "missing": self.missing}
        by_condition = {"when": self.when or None, _ELSE: self.otherwise}
        told = {name for name, value in (by_value | by_condition).items() if value is not None}
        if told not in (by_value.keys(), by_condition.keys()):
            raise ValueError("a choose has either 'when' and 'else', or 'given', 'known' and 'missing'")

    def ways_out(self) -> Iterator[tuple[str, str]]:
        """See Kind."""
        yield from ((each.text, each.to) for each in self.when)
        for way, target in (("known", self.known), ("missing", self.missing), (OTHERWISE, self.otherwise)):
            if target is not None:
                yield way, target

    def place_of(self, way: str) -> str:
        """See Kind."""
        if way == OTHERWISE:
            return _ELSE
        return next((f"when.{number}.to" for number, each in enumerate(self.when) if each.text == way), way)

    def leading(self, to: Callable[[str], str]) -> Self:
        """See Kind."""
        when = tuple(msgspec.structs.replace(each, to=to(each.to)) for each in self.when)
        return msgspec.structs.replace(super().leading(to), when=when)

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        if self.given:
            return {"known": (self.given.partition(".")[0],)}
        return {each.text: tuple(sorted(map(source_of, condition.implied(each.condition)))) for each in self.when}

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        turn.enter(self._way(turn.run))

    def _way(self, run: Run) -> str:
        values = known_of(run)
        if self.given:
            is_known = condition.is_known(self.given, values)
            way = self.known if is_known else self.missing
        else:
            first = (each.to for each in self.when if condition.holds(each.condition, values))
            way = next(first, self.otherwise)
        return way or run.at  # never: __post_init__ sees to it


def known_of(run: Run) -> Mapping[str, Any]:
    """What conditions may look at: what prompts may say, and how the call stands."""
    return {**run.values(), **{name: getattr(run, name) for name in OF_THE_RUN}}


OF_THE_RUN = ("verified", "language", "caller", "called")
