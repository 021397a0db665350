"""Where everything of a drawing stands: boxes in layers from the top down, links round them, labels on the links.

Sugiyama's way in four steps, each in its file: ranks, ladder (order), columns, and here heights, ends and routes. The
same input gives the same drawing, whatever the run. Pure; knows nothing of flows. All lengths are pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pbx_bridge.ivr.drawing import ranks
from pbx_bridge.ivr.drawing.columns import columns
from pbx_bridge.ivr.drawing.ladder import build, order

_LOOP = 30.0  # how far a link to itself swings out
_BELOW_BOX, _ABOVE_BOX = 16.0, 24.0  # from a box to its labels, from labels to the next box: room for the curves
_FLAT, _MOST = 0.07, 60.0  # a curve that goes far to the side gets more room, up to so much
_END_GAP, _CORNER = 15.0, 16.0  # between two links at a box; and from its corner


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A box that is to be placed."""

    name: str
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link that is to be drawn; the size is its label's, 0 without one."""

    source: str
    target: str
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A rectangle; `x` and `y` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its middle."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How a link runs, from its source to its target, and where its label is.

    Attributes:
        points: between two with the same x it runs straight, else it swings over, upright at both ends. A link to
            itself has two, both at the box's side.
        up: it leads back to a layer above.
    """

    points: tuple[tuple[float, float], ...]
    label: Place
    up: bool = False
    loop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The whole drawing: a place for each item and a route for each link, in the order given."""

    width: float
    height: float
    places: tuple[Place, ...]
    routes: tuple[Route, ...]

    def mirrored(self) -> Layout:
        """The same for those who read from right to left."""
        return replace(
            self,
            places=tuple(self._flip(place) for place in self.places),
            routes=tuple(
                replace(
                    route,
                    points=tuple((self.width - x, y) for x, y in route.points),
                    label=self._flip(route.label),
                )
                for route in self.routes
            ),
        )

    def _flip(self, place: Place) -> Place:
        return replace(place, x=self.width - place.x - place.width)


def lay_out(items: Sequence[Item], links: Sequence[Link], start: str) -> Layout:
    """Place everything. Raises KeyError for a link or a start that names no item, ValueError without items."""
    if not items:
        raise ValueError("there is nothing to draw")
    return _Plan(items, links, start).layout()


class _Plan:
    """Lives for one drawing; `across` and `down` are the middle of each thing and the top and bottom of each rung."""

    def __init__(self, items: Sequence[Item], links: Sequence[Link], start: str) -> None:
        self.items, self.links = items, links
        number = {item.name: place for place, item in enumerate(items)}
        self.ends = [(number[link.source], number[link.target]) for link in links]
        back = ranks.turned(len(items), self.ends, number[start])
        self.long = [place for place, (source, target) in enumerate(self.ends) if source != target]
        self.up = [place in back for place in range(len(links))]
        upright = [self.ends[place][::-1] if place in back else self.ends[place] for place in self.long]
        self.ladder = build(
            ranks.ranks(len(items), upright),
            self._reach(),
            upright,
            [links[place].width for place in self.long],
            frozenset(n for n, place in enumerate(self.long) if place in back),
        )
        order(self.ladder)
        self.across = columns(self.ladder)
        self.rung = {node: place for place, rung in enumerate(self.ladder.rungs) for node in rung}
        self.down = self._heights()

    def _reach(self) -> list[tuple[float, float]]:
        """A box with a link to itself takes more room at its right."""
        loops = {source: 0.0 for source, target in self.ends if source == target}
        for (source, target), link in zip(self.ends, self.links, strict=True):
            if source == target:
                loops[source] = max(loops[source], _LOOP + link.width)
        return [(item.width / 2, item.width / 2 + loops.get(n, 0.0)) for n, item in enumerate(self.items)]

    def _heights(self) -> list[tuple[float, float]]:
        tall = [0.0] * len(self.ladder.rungs)
        for node, item in enumerate(self.items):
            tall[self.rung[node]] = max(tall[self.rung[node]], item.height)
        for chain, place in zip(self.ladder.chains, self.long, strict=True):
            rung = self.rung[chain[-2 if self.up[place] else 1]]
            tall[rung] = max(tall[rung], self.links[place].height)
        down, y = [], 0.0
        for rung, height in enumerate(tall):
            down.append((y, y + height))
            y += height + (_ABOVE_BOX if rung % 2 else _BELOW_BOX) + self._room(rung)
        return down

    def _room(self, rung: int) -> float:
        """More, where a curve below this rung goes far to the side."""
        steps = [abs(self.across[a] - self.across[b]) for a in self.ladder.rungs[rung] for b in self.ladder.below[a]]
        return min(_MOST, _FLAT * max(steps, default=0.0))

    def layout(self) -> Layout:
        """The places and routes."""
        places = tuple(self._place(node) for node in range(len(self.items)))
        routes = self._routes(places)
        width = max(x + reach for x, reach in zip(self.across, self.ladder.right, strict=True))
        return Layout(
            width=width,
            height=self.down[-1][1],
            places=places,
            routes=tuple(routes[n] for n in range(len(self.links))),
        )

    def _place(self, node: int) -> Place:
        item, (top, bottom) = self.items[node], self.down[self.rung[node]]
        y = (top + bottom - item.height) / 2
        return Place(x=self.across[node] - item.width / 2, y=y, width=item.width, height=item.height)

    def _routes(self, places: Sequence[Place]) -> dict[int, Route]:
        lower = self._gates(places, down=True)
        upper = self._gates(places, down=False)
        routes = {n: self._loop(n, places) for n in range(len(self.links)) if n not in set(self.long)}
        for number, (chain, place) in enumerate(zip(self.ladder.chains, self.long, strict=True)):
            routes[place] = self._route(place, chain, lower[number], upper[number], places)
        return routes

    def _gates(self, places: Sequence[Place], *, down: bool) -> dict[int, float]:
        """Where each link leaves the lower (`down`) or the upper side of its box: straight on where it can."""
        at: dict[int, list[tuple[float, int]]] = {}
        for number, chain in enumerate(self.ladder.chains):
            node, beside = (chain[0], chain[1]) if down else (chain[-1], chain[-2])
            at.setdefault(node, []).append((self.across[beside], number))
        gates: dict[int, float] = {}
        for node, wishes in at.items():
            wishes.sort()
            low, high = places[node].x + _CORNER, places[node].x + places[node].width - _CORNER
            spread = _spread([wish for wish, _ in wishes], low, high)
            gates.update(zip((number for _, number in wishes), spread, strict=True))
        return gates

    def _route(self, link: int, chain: Sequence[int], leave: float, arrive: float, places: Sequence[Place]) -> Route:
        first, last = chain[0], chain[-1]
        points = [(leave, places[first].y + places[first].height), (leave, self.down[self.rung[first]][1])]
        for node in chain[1:-1]:
            points += [(self.across[node], y) for y in self.down[self.rung[node]]]
        points += [(arrive, self.down[self.rung[last]][0]), (arrive, places[last].y)]
        up = self.up[link]
        return Route(
            points=_plain(points[::-1] if up else points), label=self._label(link, chain[-2 if up else 1]), up=up
        )

    def _label(self, link: int, node: int) -> Place:
        size, (top, bottom) = self.links[link], self.down[self.rung[node]]
        x, y = self.across[node] - size.width / 2, (top + bottom - size.height) / 2
        return Place(x=x, y=y, width=size.width, height=size.height)

    def _loop(self, link: int, places: Sequence[Place]) -> Route:
        box, size = places[self.ends[link][0]], self.links[link]
        side, (_, y) = box.x + box.width, box.middle
        label = Place(x=side + _LOOP, y=y - size.height / 2, width=size.width, height=size.height)
        return Route(points=((side, y - box.height / 7), (side, y + box.height / 7)), label=label, loop=True)


def _spread(wishes: Sequence[float], low: float, high: float) -> list[float]:
    """Near the wishes, which are in order, inside the bounds, and apart."""
    gap = min(_END_GAP, (high - low) / max(1, len(wishes) - 1))
    x = [min(max(wish, low), high) for wish in wishes]
    for n in range(1, len(x)):
        x[n] = max(x[n], x[n - 1] + gap)
    if x and x[-1] > high:
        x[-1] = high
        for n in range(len(x) - 2, -1, -1):
            x[n] = min(x[n], x[n + 1] - gap)
    return x


def _plain(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Without points that stand in a straight line, or twice in one place."""
    kept = [points[0]]
    for (_, _), (x, y), after in zip(points, points[1:], [*points[2:], None], strict=False):
        straight = kept[-1][0] == x and after is not None and after[0] == x
        if not straight and (x, y) != kept[-1]:
            kept.append((x, y))
    return tuple(kept)
