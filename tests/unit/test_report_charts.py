"""The charts are well-formed pictures: right sizes, mirrored, with hostile text harmless."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from pbx_bridge.web.reports import charts
from pbx_bridge.web.reports.charts import WIDTH, Bar, Line

HOSTILE = '"><script>alert(1)</script>&\u202e'


def parsed(picture: Markup) -> ET.Element:
    assert "style=" not in picture
    return ET.fromstring(str(picture))  # noqa: S314 - our own


def rects(picture: Markup, kind: str) -> list[dict[str, str]]:
    return [dict(one.attrib) for one in parsed(picture).iter("rect") if kind in one.attrib["class"].split()]


def bar(value: float, share: float = 0.0, label: str = "a") -> Bar:
    return Bar(label=label, value=value, shown=str(value), share=share)


def test_bars_are_as_long_as_their_values() -> None:
    full, half = rects(charts.bars([bar(10), bar(5)], name="x"), "fill")
    assert float(full["width"]) == pytest.approx(2 * float(half["width"]), abs=0.2)
    assert float(full["y"]) < float(half["y"])
    (one,) = rects(charts.bars([bar(25)], name="x", top=100), "fill")
    assert float(one["width"]) == pytest.approx(float(full["width"]) / 4, abs=0.2)


def test_a_share_lies_on_its_bar() -> None:
    whole, part = rects(charts.bars([bar(10, 4)], name="x"), "fill")
    assert float(part["width"]) == pytest.approx(0.4 * float(whole["width"]), abs=0.2)
    assert "part" in part["class"]


def test_right_to_left_is_the_mirror_image() -> None:
    for draw in (charts.bars, charts.funnel):
        plain, mirror = (rects(draw([bar(10), bar(3, 1)], name="x", mirrored=m), "fill") for m in (False, True))
        for left, right in zip(plain, mirror, strict=True):
            assert float(left["width"]) == float(right["width"])
            assert float(left["x"]) == pytest.approx(WIDTH - float(right["x"]) - float(right["width"]), abs=0.2)


def test_a_heat_map_is_darkest_where_most_is() -> None:
    picture = charts.heat([("Mon", [0, 1, 50]), ("Tue", [100, 99, 0])], ["0", "1", "2"], name="x")
    levels = [one["class"] for one in rects(picture, "heat")]
    assert levels == ["heat l0", "heat l1", "heat l3", "heat l6", "heat l6", "heat l0"]
    assert "Tue 0: 100" in picture


def test_a_line_has_gaps_where_nothing_is_known() -> None:
    line = Line(name="n", values=[1, None, 3, 4], shown=["1", "", "3", "4"])
    root = parsed(charts.lines([line], ["a", "b", "c", "d"], name="x"))
    assert len(list(root.iter("polyline"))) == 2
    assert len(list(root.iter("circle"))) == 3
    ticks = [one.text for one in root.iter("text")]
    assert ticks[:5] == ["0", "1", "2", "3", "4"]


def test_nothing_is_a_picture_too() -> None:
    for picture in (
        charts.bars([], name="x"),
        charts.funnel([], name="x"),
        charts.heat([], [], name="x"),
        charts.lines([], [], name="x"),
    ):
        assert parsed(picture).attrib["role"] == "img"
    assert parsed(charts.bars([bar(0)], name="x")) is not None


def test_what_callers_send_is_text() -> None:
    pictures = (
        charts.bars([bar(1, label=HOSTILE)], name=HOSTILE),
        charts.funnel([bar(1, label=HOSTILE)], name=HOSTILE),
        charts.heat([(HOSTILE, [1])], [HOSTILE], name=HOSTILE),
        charts.lines([Line(name=HOSTILE, values=[1], shown=[HOSTILE])], [HOSTILE], name=HOSTILE),
    )
    for picture in pictures:
        assert "<script" not in picture
        assert parsed(picture).attrib["aria-label"] == HOSTILE


@given(st.lists(st.floats(0, 1e9), max_size=40), st.booleans())
def test_nothing_leaves_the_picture(values: list[float], mirrored: bool) -> None:
    line = Line(name="n", values=values, shown=[str(value) for value in values])
    root = parsed(charts.lines([line], [str(n) for n in range(len(values))], name="x", mirrored=mirrored))
    height = float(root.attrib["viewBox"].split()[3])
    for dot in root.iter("circle"):
        assert 0 <= float(dot.attrib["cx"]) <= WIDTH
        assert 0 <= float(dot.attrib["cy"]) <= height
    for one in rects(charts.bars([bar(value) for value in values], name="x", mirrored=mirrored), "fill"):
        assert float(one["x"]) >= 0
        assert float(one["x"]) + float(one["width"]) <= WIDTH
