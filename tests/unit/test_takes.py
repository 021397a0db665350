"""What is handed over may be hostile: names, links, zips that lie or swell; nothing is read that was not meant."""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.sounds import takes
from pbx_bridge.ivr.sounds.decode import LARGEST
from pbx_bridge.ivr.sounds.takes import Take, find_takes, printable


def told(take: Take) -> str:
    try:
        return f"{len(take.read())} bytes"
    except ValueError as error:
        return str(error)


def all_told(source: Path) -> dict[str, str]:
    return {take.shown: told(take) for take in find_takes(source)}


def test_a_folder_is_read_with_its_folders(tmp_path: Path) -> None:
    for name in ("fa/welcome.wav", "en/a.MP3", "b.m4a", "fa/.DS_Store", ".git/c.wav", "fa/script-fa.csv", "fa/d.ogg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    assert all_told(tmp_path) == {
        "b.m4a": "5 bytes",
        "en/a.MP3": "5 bytes",
        "fa/d.ogg": "is no wav, mp3 or m4a file",
        "fa/welcome.wav": "5 bytes",
    }
    assert [(t.name, t.folder) for t in find_takes(tmp_path)][1] == ("a", "en")


def test_links_and_what_is_no_file_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.wav").symlink_to(tmp_path / "secret")
    (tmp_path / "in/b").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "in/c.wav")
    (tmp_path / "in/d.wav").symlink_to(tmp_path / "nowhere")
    assert all_told(tmp_path / "in") == {
        "a.wav": "is a link",
        "b": "is no wav, mp3 or m4a file",
        "c.wav": "is no file",
        "d.wav": "is a link",
    }


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "a.wav").open("wb") as file:
        file.truncate(100 * 1024**3)  # holes: it takes no room
    assert all_told(tmp_path) == {"a.wav": f"is larger than {LARGEST >> 20} MiB"}


def test_a_name_that_a_terminal_would_obey_is_shown_harmless(tmp_path: Path) -> None:
    names = ["a\x1b[2J.wav", "b\u202evaw.exe.wav", "c\nfa: ok.wav"]
    for name in (*map(os.fsencode, names), b"d\xff.wav"):
        Path(os.fsdecode(bytes(os.fsencode(tmp_path)) + b"/" + name)).write_bytes(b"1")
    shown = list(all_told(tmp_path))
    assert shown == ["a\\x1b[2J.wav", "b\\u202evaw.exe.wav", "c\\nfa: ok.wav", "d\\udcff.wav"]


@given(st.text())
def test_what_is_shown_can_be_printed(name: str) -> None:
    assert printable(name).isprintable()


def zipped(path: Path, names: dict[str, bytes], **info: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in names.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            for attribute, value in info.items():
                setattr(entry, attribute, value)
            packed.writestr(entry, content)
    return path


def test_a_zip_is_read_like_a_folder(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip", {"top/fa/b.wav": b"1", "a.mp3": b"22", "__MACOSX/fa/._b.wav": b"", "s.csv": b""}
    )
    assert all_told(path) == {"a.mp3": "2 bytes", "top/fa/b.wav": "1 bytes"}
    assert [take.folder for take in find_takes(path)] == ["", "fa"]


def test_names_that_lead_outside_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"../../fa/b.wav": b"1", "/fa/c.wav": b"1", "fa/../../d.wav": b"1"})
    assert set(all_told(path).values()) == {"has a name that leads outside"}


def test_links_in_a_zip_are_no_recordings(tmp_path: Path) -> None:
    link = zipped(tmp_path / "a.zip", {"fa/b.wav": b"/etc/passwd"}, external_attr=(stat.S_IFLNK | 0o777) << 16)
    assert all_told(link) == {"fa/b.wav": "is a link"}


def test_a_zip_that_swells_is_not_unpacked(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "a.zip", {"fa/a.wav": bytes(LARGEST + 1), "fa/b.wav": b"1"})
    assert bomb.stat().st_size < LARGEST // 500
    assert all_told(bomb) == {"fa/a.wav": f"is larger than {LARGEST >> 20} MiB", "fa/b.wav": "1 bytes"}


def test_a_zip_that_lies_about_a_size_costs_no_more_than_it_says(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"fa/a.wav": bytes(LARGEST + 1)})
    content = path.read_bytes().replace(struct.pack("<L", LARGEST + 1), struct.pack("<L", 10))
    path.write_bytes(content)
    (said,) = all_told(path).values()
    assert said.startswith("cannot be unpacked: ")


def test_a_locked_or_oddly_packed_file_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.wav": b"1"})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert all_told(path) == {"a.wav": "is locked with a password"}
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("a.wav", b"1")
    assert all_told(tmp_path / "b.zip") == {"a.wav": "is packed in a form that zip programs seldom use"}


def test_a_million_names_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = {f"{i:05}.wav": b"" for i in range(60)}
    monkeypatch.setattr(takes, "_MOST", 50)
    with pytest.raises(PromptError, match="more than 50 files"):
        list(find_takes(zipped(tmp_path / "a.zip", many)))
    for name in many:
        (tmp_path / name).touch()
    with pytest.raises(PromptError, match="more than 50 files"):
        list(find_takes(tmp_path))
    monkeypatch.setattr(takes, "_CONTENTS", 500)
    with pytest.raises(PromptError, match="cannot be read: it lists more than 50 files"):
        list(find_takes(tmp_path / "a.zip"))
    monkeypatch.setattr(takes, "_TOGETHER", 5)
    with pytest.raises(PromptError, match="unpacked"):
        list(find_takes(zipped(tmp_path / "b.zip", {"a.wav": b"123456"})))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06"])
def test_what_is_neither_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(PromptError, match=r"a\.zip: is neither a folder nor a zip"):
        list(find_takes(tmp_path / "a.zip"))


@given(st.binary(max_size=200), st.integers(0, 10_000))
def test_a_broken_zip_is_a_clear_line(tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int) -> None:
    path = zipped(tmp_path_factory.mktemp("zip") / "a.zip", {"fa/a.wav": b"12345" * 50, "b.wav": b"1"})
    content = bytearray(path.read_bytes())
    place = at % len(content)
    content[place : place + len(junk)] = junk
    path.write_bytes(content)
    with contextlib.suppress(PromptError):  # a ValueError, or any other, would fail the test
        for take in find_takes(path):
            assert take.shown.isprintable()
            assert told(take).isprintable()
