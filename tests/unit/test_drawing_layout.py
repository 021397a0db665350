"""The layout of a drawing: nothing overlaps, every link is drawn from box to box, always the same."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.ivr.drawing import ranks
from pbx_bridge.ivr.drawing.ladder import build, crossings, order
from pbx_bridge.ivr.drawing.layout import Item, Layout, Link, Place, Route, lay_out

Point = tuple[float, float]


@st.composite
def drawings(draw: st.DrawFn) -> tuple[list[Item], list[Link]]:
    """Any graph of up to 60 nodes: circles, links to itself, parts nothing leads to."""
    count = draw(st.integers(1, 60))
    size = st.floats(40, 300, allow_nan=False)
    items = [Item(name=f"n{n}", width=draw(size), height=draw(st.floats(20, 90))) for n in range(count)]
    ends = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), unique=True, max_size=90))
    label = st.floats(0, 160)
    links = [Link(source=f"n{a}", target=f"n{b}", width=draw(label), height=20.0) for a, b in ends]
    return items, links


def overlap(one: Place, two: Place) -> bool:
    apart_x = one.x + one.width <= two.x + 1e-6 or two.x + two.width <= one.x + 1e-6
    apart_y = one.y + one.height <= two.y + 1e-6 or two.y + two.height <= one.y + 1e-6
    return not (apart_x or apart_y)


def on_edge(point: Point, box: Place) -> bool:
    x, y = point
    inside = box.x - 1e-6 <= x <= box.x + box.width + 1e-6 and box.y - 1e-6 <= y <= box.y + box.height + 1e-6
    sides = (box.x, box.x + box.width), (box.y, box.y + box.height)
    return inside and (any(abs(x - side) < 1e-6 for side in sides[0]) or any(abs(y - s) < 1e-6 for s in sides[1]))


def swept(route: Route) -> list[Place]:
    """Rectangles that hold the line: the straight pieces, which are what could run through a box."""
    pieces = zip(route.points, route.points[1:], strict=False)
    return [Place(x=x1, y=min(y1, y2), width=0.0, height=abs(y2 - y1)) for (x1, y1), (x2, y2) in pieces if x1 == x2]


def check(layout: Layout, items: list[Item], links: list[Link]) -> None:
    named = {item.name: place for item, place in zip(items, layout.places, strict=True)}
    for one, two in combinations(layout.places, 2):
        assert not overlap(one, two)
    labels = [route.label for route in layout.routes]
    for one, two in combinations(labels, 2):
        assert not overlap(one, two)
    for place in layout.places:
        assert not any(overlap(place, label) for label in labels)
    for link, route in zip(links, layout.routes, strict=True):
        assert on_edge(route.points[0], named[link.source])
        assert on_edge(route.points[-1], named[link.target])
        assert route.loop == (link.source == link.target)
    for place in (*layout.places, *labels):
        assert place.x >= -1e-6
        assert place.y >= -1e-6
        assert place.x + place.width <= layout.width + 1e-6
        assert place.y + place.height <= layout.height + 1e-6


@settings(max_examples=60, deadline=None)
@given(drawings())
def test_nothing_overlaps_and_every_link_is_drawn(drawing: tuple[list[Item], list[Link]]) -> None:
    items, links = drawing
    layout = lay_out(items, links, "n0")
    check(layout, items, links)
    check(layout.mirrored(), items, links)


@settings(max_examples=40, deadline=None)
@given(drawings())
def test_no_line_runs_through_a_box(drawing: tuple[list[Item], list[Link]]) -> None:
    items, links = drawing
    layout = lay_out(items, links, "n0")
    for route in layout.routes:
        for piece in swept(route):
            assert not any(overlap(piece, place) for place in layout.places)
        # Where it swings over, it is between two layers: no box reaches there.
        for (x1, y1), (x2, y2) in zip(route.points, route.points[1:], strict=False):
            if x1 != x2 and not route.loop:
                low, high = min(y1, y2), max(y1, y2)
                assert not any(p.y < high - 1e-6 and p.y + p.height > low + 1e-6 for p in layout.places)


@settings(max_examples=20, deadline=None)
@given(drawings())
def test_the_same_graph_is_always_drawn_the_same(drawing: tuple[list[Item], list[Link]]) -> None:
    assert lay_out(*drawing, "n0") == lay_out(*drawing, "n0")


@settings(max_examples=50, deadline=None)
@given(drawings())
def test_without_the_turned_links_there_is_no_circle(drawing: tuple[list[Item], list[Link]]) -> None:
    items, links = drawing
    ends = [(int(link.source[1:]), int(link.target[1:])) for link in links]
    back = ranks.turned(len(items), ends, 0)
    upright = [end[::-1] if n in back else end for n, end in enumerate(ends) if end[0] != end[1]]
    rank = ranks.ranks(len(items), upright)
    assert all(rank[above] < rank[below] for above, below in upright)


def test_a_link_back_is_turned_and_leads_up() -> None:
    items = [Item(name=name, width=100, height=40) for name in "abc"]
    links = [Link(source=a, target=b) for a, b in ("ab", "bc", "ca")]
    layout = lay_out(items, links, "a")
    assert [place.y for place in layout.places] == sorted(place.y for place in layout.places)
    assert [route.up for route in layout.routes] == [False, False, True]


def test_a_row_of_nodes_stands_in_one_straight_line() -> None:
    items = [Item(name=f"n{n}", width=100, height=40) for n in range(5)]
    links = [Link(source=f"n{n}", target=f"n{n + 1}") for n in range(4)]
    layout = lay_out(items, links, "n0")
    assert {place.x for place in layout.places} == {0.0}
    assert all(len(route.points) == 2 for route in layout.routes)


def test_ordering_takes_needless_crossings_away() -> None:
    rank, links = [0, 0, 1, 1], [(0, 3), (1, 2)]
    ladder = build(rank, [(20.0, 20.0)] * 4, links, [0.0, 0.0], frozenset())
    order(ladder)
    assert crossings(ladder) == 0


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        lay_out([], [], "a")
