"""Who could hear whom, and when: two channels in one bridge, or in two that a Local channel ties together.

A holding bridge is no room: strangers wait in it side by side. A Local channel that Asterisk does not optimise away
(`/n`, or a member whose answer came a moment ago) has one half in each of two bridges and carries the sound across.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from pbx_bridge.calls.spans import Span, overlap
from pbx_bridge.calls.timeline import Leg, Stay


class Rooms:
    """The bridges of one call and who stayed in them."""

    def __init__(self, legs: Iterable[Leg]) -> None:
        self._stays: dict[str, list[tuple[Leg, Stay]]] = defaultdict(list)
        self._halves: dict[str, Leg] = {}
        for leg in legs:
            if leg.is_local:
                self._halves[leg.name] = leg
            for stay in leg.stays:
                if not stay.holding:
                    self._stays[stay.bridge].append((leg, stay))

    def company(self, leg: Leg) -> Iterator[tuple[Leg, Stay, Span]]:
        """Everybody the channel was with: who, that one's stay, and the time both were there."""
        for stay in leg.stays:
            if not stay.holding:
                yield from self._in(stay.bridge, stay.span, leg, frozenset((stay.bridge,)))

    def _in(self, bridge: str, span: Span, me: Leg, seen: frozenset[str]) -> Iterator[tuple[Leg, Stay, Span]]:
        for leg, stay in self._stays[bridge]:
            both = overlap(span, stay.span) if leg is not me else None
            if both is None:
                continue
            if leg.is_local:
                yield from self._across(leg, both, me, seen)
            elif leg.is_person:
                yield leg, stay, both

    def _across(self, half: Leg, span: Span, me: Leg, seen: frozenset[str]) -> Iterator[tuple[Leg, Stay, Span]]:
        other = self._halves.get(other_half(half.name))
        for stay in other.stays if other is not None else ():
            both = overlap(span, stay.span)
            if both is not None and not stay.holding and stay.bridge not in seen:
                yield from self._in(stay.bridge, both, me, seen | {stay.bridge})


def other_half(local: str) -> str:
    """`Local/101@agents-0000001;2` for `Local/101@agents-0000001;1`, and the other way round."""
    stem, _, half = local.rpartition(";")
    return f"{stem};{'2' if half == '1' else '1'}"
