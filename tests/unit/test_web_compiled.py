"""Templates are compiled once: kept on disk where that can be, believed only of the same text and set-up."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from pbx_bridge.web.compiled import Compiled


def said(folder: Path, text: str, settled: bytes = b"1") -> tuple[str, bool]:
    """What a template says in a new process, and whether it had to be compiled for it."""
    compiled: list[str] = []

    class Watched(jinja2.Environment):
        def compile(self, source, *more, **named):  # type: ignore[no-untyped-def]
            compiled.append(str(source))
            return super().compile(source, *more, **named)

    env = Watched(
        loader=jinja2.DictLoader({"a.html": text}), bytecode_cache=Compiled(settled, folder), autoescape=True
    )
    return env.get_template("a.html").render(), bool(compiled)


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)


def test_the_next_process_compiles_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "__pycache__"
    assert said(folder, "one") == ("one", True)
    assert said(folder, "one") == ("one", False)
    assert said(folder, "two") == ("two", True), "another text"
    assert said(folder, "two", b"2") == ("two", True), "another set-up"


@pytest.mark.parametrize("damage", [b"", b"j2", b"j2\x00\x00 nothing of ours"])
def test_a_damaged_file_is_compiled_anew(tmp_path: Path, damage: bytes) -> None:
    said(tmp_path, "one")
    for file in tmp_path.iterdir():
        file.write_bytes(damage or file.read_bytes()[:-20])
    assert said(tmp_path, "one") == ("one", True)
    assert said(tmp_path, "one") == ("one", False)


def test_without_leave_to_write_it_is_compiled_each_time(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("no folder")
    assert said(folder / "__pycache__", "one") == ("one", True)
    assert said(folder / "__pycache__", "one") == ("one", True)
