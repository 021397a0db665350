"""`flow draw`: the SVG and Mermaid text of a flow, whatever stands in its file and its prompts."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.cli import cli
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.drawing import labels, plain, words
from pbx_bridge.ivr.drawing.graph import Edge, graph_of
from pbx_bridge.ivr.drawing.looks import Family, family_of
from pbx_bridge.ivr.drawing.mermaid import mermaid
from pbx_bridge.ivr.drawing.svg import svg
from pbx_bridge.ivr.drawing.texts import texts_of
from pbx_bridge.ivr.drawing.traffic import Counted
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.nodes import Node
from pbx_bridge.ivr.nodes.base import NodeName, _fields
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.releases import Deployment, Releases
from pbx_bridge.values.hostile import clean

SVG = "{http://www.w3.org/2000/svg}"
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def support() -> Flow:
    return flows.load("support")


@pytest.fixture(scope="module")
def book() -> PromptBook:
    return PromptBook.load()


def week(**edges: int) -> Counted:
    return Counted(
        start=datetime(2026, 11, 14, tzinfo=UTC),
        end=NOON,
        calls=1234,
        other_versions=7,
        edges={tuple(name.split("__")): count for name, count in edges.items()},  # type: ignore[misc]
        visits={"menu": 56},
    )


def drawn(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own


def texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def edge(root: ET.Element, source: str, target: str) -> ET.Element:
    return next(g for g in root.iter(f"{SVG}g") if g.get("data-edge") == f"{source} {target}")


def left_of(root: ET.Element, one: str, two: str) -> bool:
    x = {element.text: float(element.get("x", "0")) for element in root.iter(f"{SVG}text")}
    return x[one] < x[two]


# --- the picture --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("name", flows.shipped())
def test_every_node_and_edge_of_a_shipped_flow_is_drawn(name: str, language: str, book: PromptBook) -> None:
    flow = flows.load(name)
    root = drawn(svg(flow, texts_of(book, language), language))
    graph = graph_of(flow)
    titles = {title.text.partition(":")[0] for title in root.iter(f"{SVG}title") if title.text}
    assert {box.name for box in graph.boxes} <= titles
    shown = {text.partition("…")[0] for text in texts(root)}
    assert all(any(text and box.name.startswith(text) for text in shown) for box in graph.boxes), "cut where too long"
    told = {g.get("data-edge") for g in root.iter(f"{SVG}g")} - {None}
    assert told == {f"{one.source} {one.target}" for one in graph.edges}
    assert root.get("lang") == language


def test_it_says_what_it_shows_to_a_screen_reader(support: Flow, book: PromptBook) -> None:
    root = drawn(svg(support, texts_of(book, "en"), "en"))
    title, description = root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")
    assert title == f"Flow support · version {support.version}"
    assert description is not None
    assert "menu → 2 → contract" in description.splitlines()
    assert "contract → none → no_contract" in description.splitlines()


def test_persian_is_mirrored_and_set_from_right_to_left(support: Flow, book: PromptBook) -> None:
    text = svg(support, texts_of(book, "fa"), "fa")
    root = drawn(text)
    persian = [e for e in root.iter(f"{SVG}text") if re.search("[آ-ی]", e.text or "")]
    assert len(persian) > 20
    assert all(e.get("direction") == "rtl" and e.get("unicode-bidi") == "embed" for e in persian)
    assert "۲" in texts(root)
    english = drawn(svg(support, texts_of(book, "en"), "en"))
    assert left_of(root, "contract", "ask_tracking") != left_of(english, "contract", "ask_tracking")


def test_the_same_flow_is_always_drawn_the_same(support: Flow, book: PromptBook) -> None:
    assert svg(support, texts_of(book, "fa"), "fa") == svg(flows.load("support"), texts_of(book, "fa"), "fa")


def test_it_needs_nothing_from_elsewhere_and_runs_nothing(support: Flow, book: PromptBook) -> None:
    text = svg(support, texts_of(book, "fa"), "fa")
    assert not re.search(r"<script|href|url\(|@import|@font-face|<image|<foreignObject| on[a-z]+=", text)


def test_counts_are_written_and_make_lines_thick(support: Flow, book: PromptBook) -> None:
    root = drawn(svg(support, texts_of(book, "en"), "en", week(menu__contract=900, menu__operator=9)))
    told = " ".join(texts(root))
    assert "1,234 calls · from 2026-11-14 00:00 to 2026-11-21 12:00 · 7 on other versions" in told
    assert "menu · 56" in texts(root)
    assert "900" in texts(root)

    def thick(source: str, target: str) -> float:
        line = edge(root, source, target).find(f"{SVG}path")
        assert line is not None
        return float(line.get("stroke-width", "0"))

    assert thick("menu", "contract") > thick("menu", "operator") > thick("menu", "ask_tracking")
    assert "never" in edge(root, "menu", "ask_tracking").get("class", "")


def test_counts_in_persian(support: Flow, book: PromptBook) -> None:
    told = texts(drawn(svg(support, texts_of(book, "fa"), "fa", week(menu__contract=1900))))
    assert "۱٬۹۰۰" in told
    assert any("۱٬۲۳۴ تماس" in text and "۱۴۰۵/۰۸/۲۳" in text for text in told)


def test_a_prompt_without_text_is_marked(support: Flow) -> None:
    root = drawn(svg(support, lambda key: None if key == "welcome" else "words", "en"))
    assert "no text for prompt welcome" in " ".join(texts(root))
    assert [g.get("class") for g in root.iter(f"{SVG}g") if "unread" in g.get("class", "")] == ["unread node"]


def test_the_person_and_the_ends_are_marked(support: Flow, book: PromptBook) -> None:
    graph = graph_of(support)
    assert [box.name for box in graph.boxes if box.is_person] == ["person"]
    assert [box.name for box in graph.boxes if box.is_end] == ["end"]
    root = drawn(svg(support, texts_of(book, "en"), "en"))
    assert sum("helper" in g.get("class", "") for g in root.iter(f"{SVG}g")) == 1
    assert "queue · person who helps" in texts(root)


# --- hostile texts ------------------------------------------------------------------------------------------------

HOSTILE = [
    "</text><script>alert(1)</script>",
    "]]>&<>\"'`",
    "\u202eright to left\u2066 and\u0007 bell\x00",
    "a" * 5000,
    "ع" + "\u0651" * 500,
    "\ud800 half",
    '"] --> n0; click n0 href "javascript:alert(1)"',
    "end\n%%{init: {}}%%",
    "",
    "\ufffe",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("language", words.LANGUAGES)
def test_hostile_texts_are_only_texts(support: Flow, text: str, language: str) -> None:
    picture = svg(support, lambda _: text, language)
    root = drawn(picture)
    picture.encode("utf-8")
    assert {element.tag for element in root.iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "desc", "style", "rect", "g", "text", "path", "circle")
    }
    told = re.sub("\u2066(ticket.note[^\u2066\u2069]*)\u2069", r"\1", picture)  # a condition, set apart by us
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", told)
    check_mermaid(mermaid(support, lambda _: text, language))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_valid_documents(text: str) -> None:
    flow = flows.load("minimal")
    drawn(svg(flow, lambda _: text, "fa"))
    check_mermaid(mermaid(flow, lambda _: text, "en"))


# --- texts in boxes -----------------------------------------------------------------------------------------------


@given(st.text(max_size=400), st.floats(40, 300), st.integers(1, 3))
def test_lines_keep_to_their_room(text: str, room: float, most: int) -> None:
    found = plain.lines(clean(text, 200), 11.5, room, most)
    assert len(found) <= most
    assert all(plain.width(line, 11.5) <= room for line in found)


def test_what_does_not_fit_ends_in_dots() -> None:
    assert plain.lines("one two three four", 10, 1000, 2) == ["one two three four"]
    assert plain.lines("one two three four", 10, 30, 1)[0].endswith("…")


def test_placeholders_are_dots(book: PromptBook) -> None:
    said = texts_of(book, "en")("ticket_status")
    assert said is not None
    assert said.startswith("Ticket number …. It was")
    assert texts_of(book, "en")("nothing_like_it") is None


# --- words --------------------------------------------------------------------------------------------------------


def kinds() -> dict[str, type[Node]]:
    return {str(kind.__struct_config__.tag): kind for kind in Node.__args__}


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_and_way_out_has_words_and_a_family(kind: str) -> None:
    assert words.is_known(kind)
    assert family_of(kind) is not Family.OTHER
    for way in _fields(kinds()[kind], NodeName):
        assert words.is_known(way) or way in ("keys", "ways"), way


def test_a_label_shows_keys_as_caps_and_other_ways_in_words() -> None:
    edge = Edge(source="a", target="b", ways=("too_many", "2", "1"))
    told = labels.label(edge, "en", alone=False, count=3)
    assert [(piece.look.value, piece.text) for piece in told] == [
        ("cap", "1"), ("cap", "2"), ("words", "too many tries"), ("count", "3"),
    ]  # fmt: skip
    assert labels.label(Edge(source="a", target="b", ways=("next",)), "en", alone=True) == ()
    assert [piece.text for piece in labels.label(edge, "fa", alone=True)] == ["۱", "۲", "تلاش بیش از حد"]


# --- Mermaid ------------------------------------------------------------------------------------------------------

_NODE = re.compile(
    r'    n\d+(\(|\{\{|\[/|\[\(|\{|\(\[|>|\[\[|\(\(\(|\[)"[^"<>{}\[\]|]*(<br/>[^"<>{}\[\]|]*)*"\S{1,3}'
)
_EDGE = re.compile(r'    n\d+ (-->|-\.->)(\|"[^"<>{}\[\]|]*"\|)? n\d+')
_REST = re.compile(r"flowchart TD|    %% [^{}]*|    begin\(\( \)\) --> n\d+|    style n\d+ stroke-width:4px")


def check_mermaid(text: str) -> None:
    for line in text.splitlines():
        assert _NODE.fullmatch(line) or _EDGE.fullmatch(line) or _REST.fullmatch(line), line


def test_mermaid_text_has_every_edge_once(support: Flow, book: PromptBook) -> None:
    text = mermaid(support, texts_of(book, "en"), "en", week(menu__contract=900))
    check_mermaid(text)
    assert len(_EDGE.findall(text)) == len(graph_of(support).edges)
    assert "    n1 --> n2" in mermaid(support, texts_of(book, "en"), "en").splitlines()
    assert '    n3 -->|"2 · 900"| n12' in text.splitlines()
    assert '    n3 -.->|"too many tries · 0"| n18' in text.splitlines()
    assert "    %% 1,234 calls · from 2026-11-14 00:00 to 2026-11-21 12:00" in text.splitlines()


def test_mermaid_escapes_what_it_would_read(support: Flow) -> None:
    text = mermaid(support, lambda _: 'say "hi" <b>', "en")
    assert "say #34;hi#34; #60;b#62;" in text


# --- the command --------------------------------------------------------------------------------------------------

Draw = Callable[..., tuple[int, str]]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    def run(*arguments: str) -> tuple[int, str]:
        told = CliRunner().invoke(cli, ["flow", "draw", *arguments], env={"PBX_BRIDGE_HOME": str(tmp_path)})
        return told.exit_code, told.output

    return run


def test_the_command_draws_the_flow_of_the_settings(draw: Draw) -> None:
    code, out = draw()
    assert code == 0
    assert drawn(out).get("lang") == "fa"


def test_the_command_draws_what_was_deployed_with_its_own_texts(draw: Draw, tmp_path: Path) -> None:
    releases = Releases(tmp_path / "flows")
    files = {
        "flow.yaml": (flows.SHIPPED / "minimal.yaml").read_bytes(),
        "prompts/en.yaml": b"welcome: Words of this release.\n",
    }
    version = releases.keep(files)
    releases.take_into_use(Deployment(at=NOON, version=version, flow="minimal", what="deploy"))
    code, out = draw("--language", "en")
    assert code == 0, out
    assert drawn(out).findtext(f"{SVG}title") == f"Flow minimal · version {version}"
    assert "Words of this release." in texts(drawn(out))
    assert "Words of this release." not in draw("minimal", "--language", "en")[1]


def test_the_command_writes_a_file(draw: Draw, tmp_path: Path) -> None:
    assert draw("minimal", "--language", "en", "--format", "mermaid", "--to", str(tmp_path / "m.txt")) == (0, "")
    check_mermaid((tmp_path / "m.txt").read_text(encoding="utf-8"))


def test_what_cannot_be_drawn_is_one_line(draw: Draw, tmp_path: Path) -> None:
    for arguments, reason in (
        (["nosuch"], "no such flow"),
        (["--since", "yesterdayish"], "--since"),
        (["--since", "7d"], "there is no store yet"),
        (["--to", str(tmp_path / "no" / "such" / "folder.svg")], "cannot be written"),
    ):
        code, out = draw(*arguments)
        assert (code, out.count("\n")) == (1, 1), out
        assert reason in out
