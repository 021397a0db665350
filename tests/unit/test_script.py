"""The voice actor's script: every line has a name that leads back to it, and both files are safe to open."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.phrase import Clip
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds.recordings import Recording, unrecorded
from pbx_bridge.ivr.sounds.script import Line, by_name, find_line, script
from pbx_bridge.ivr.sounds.script_pages import as_csv, as_html, write_script

SHIPPED = PromptBook.load()
LANGUAGES = SHIPPED.languages


def line(text: str, words: str | None = None) -> Line:
    return Line(
        name="x", stored="x", language="en", text=text, words=words or text, note="n", phrase=(Clip("en", text),)
    )


def cells(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True))


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_records_every_line_has_recorded_everything(language: str) -> None:
    lines = script(SHIPPED, language)
    recorded = {line.phrase[0] for line in lines if len(line.phrase) == 1}
    wholes = {line.stored for line in lines if len(line.phrase) > 1}
    for key in SHIPPED.keys(language):
        assert key in wholes or recorded >= SHIPPED.clips([key], language)
    done = [Recording(path=Path("x"), name=line.stored, language=language, phrase=line.phrase) for line in lines]
    assert unrecorded(lines, done) == ()
    assert unrecorded(lines, done[1:]) == (lines[0],)
    assert unrecorded(lines, []) == lines


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_leads_back_to_its_line(language: str) -> None:
    lines = script(SHIPPED, language)
    known = by_name(lines)
    assert len({line.name for line in lines}) == len(lines)
    for each in lines:
        assert re.fullmatch(r"[a-z0-9_-]{1,60}", each.name)
        assert find_line(known, each.name) is each
        assert find_line(known, f" {each.name.upper()} ") is each
        assert find_line(known, each.stored) is each


def test_other_names_lead_nowhere() -> None:
    known = by_name(script(SHIPPED, "fa"))
    for name in ("", "-", "welcom", "old-welcome", "number-25", "../welcome", "welcome.wav", "number-25-00000000"):
        assert find_line(known, name) is None


def test_another_text_of_a_clip_has_another_name(tmp_path: Path) -> None:
    names = set()
    for text in ("Your number is", "Our number is"):
        (tmp_path / "en.yaml").write_text(f"x: {text} {{{{ n | digits }}}}.\n", encoding="utf-8")
        names.add(script(PromptBook.load(tmp_path), "en")[0].name)
    assert len(names) == 2


def test_lines_say_what_people_write_what_is_read_and_where() -> None:
    told = {each.words: each for each in script(SHIPPED, "fa")}
    assert told["بیستُ پنج"].text == "بیست و پنج"
    assert told["بیستُ پنج"].name.startswith("number-25-")
    assert told["صدُ"].text == "صد و"
    assert "ادامه دارد" in told["صدُ"].note
    assert told["پانزدهمِ"].name.startswith("day-15-")
    assert told["اسفندِ"].name.startswith("month-12-")
    assert "تاریخ" in told["اسفندِ"].note


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_cell_is_a_formula(text: str) -> None:
    (_, told) = cells(as_csv([line(text)], "en"))
    assert len(told) == 5
    assert not any(re.match(r"\s*[=+\-@\t\r＝＋－＠]", cell) for cell in told)


@pytest.mark.parametrize("text", ["=1+1", "@SUM(1)", " =cmd|' /C calc'!A0", "-2", "+3", "\u202e=1", "\t=1"])
def test_what_looks_like_a_formula_is_a_text(text: str) -> None:
    assert cells(as_csv([line(text)], "en"))[1][2].startswith("'")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize(("language", "direction"), [("fa", "rtl"), ("en", "ltr")])
def test_the_page_stands_alone_and_runs_its_own_way(language: str, direction: str) -> None:
    lines = script(SHIPPED, language)
    page = _Page()
    page.feed(as_html(lines, language).decode())
    assert ("dir", direction) in page.attributes
    assert page.tags.count("section") == len(lines)
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(page.tags)
    assert {"src", "href"}.isdisjoint(name for name, _ in page.attributes)
    assert not re.search(r"url\(|@import|https?:", as_html(lines, language).decode())
    told = " ".join(page.text)
    assert all(each.words in told and f"{each.name}.wav" in told for each in lines)


def test_a_hostile_text_stays_a_text() -> None:
    page = _Page()
    page.feed(as_html([line("<script>alert(1)</script>\u202e& <b>", "a\u2066b")], "en").decode())
    assert {"script", "b"}.isdisjoint(page.tags)
    told = "".join(page.text)
    assert "<script>alert(1)</script>& <b>" in told
    assert "\u2066" not in told


def test_both_are_written_whole_and_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    lines = script(SHIPPED, "fa")
    paths = write_script(lines, "fa", tmp_path / "to")
    assert sorted(tmp_path.rglob("script-*")) == sorted(paths)
    assert len(cells(paths[0].read_bytes())) == 1 + len(lines)
    (tmp_path / "file").touch()
    with pytest.raises(PromptError, match=r"file.*: cannot be written"):
        write_script(lines, "fa", tmp_path / "file")


def test_a_language_without_a_grammar_has_a_script_too(tmp_path: Path) -> None:
    (tmp_path / "de.yaml").write_text("x: Guten Tag. Bis bald.\n", encoding="utf-8")
    (told,) = script(PromptBook.load(tmp_path), "de")
    assert msgspec.to_builtins(told)["note"] == "a whole announcement, in one take"
