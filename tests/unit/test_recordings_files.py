"""The files of recordings: what is copied and measured, and that no name leads out of its folder."""

from __future__ import annotations

import hashlib
import os
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_facts import cel

from pbx_bridge.calls.facts import CelRow
from pbx_bridge.spool.plain_files import NotOurs
from pbx_bridge.spool.recording_files import RecordingFiles, is_silent
from pbx_bridge.store.recordings import file_told

FILE = "pbx1_pbx1-1795292169.12.wav"
PLACE = f"2026/11/21/{FILE}"


def write_sound(path: Path, seconds: float) -> bytes:
    """A WAV file as Asterisk writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(os.urandom(int(seconds * 8000) * 2))
    return path.read_bytes()


@pytest.fixture
def files(tmp_path: Path) -> RecordingFiles:
    (tmp_path / "spool").mkdir()
    return RecordingFiles(tmp_path / "spool", tmp_path / "kept")


def test_a_file_is_copied_whole_and_measured(files: RecordingFiles) -> None:
    data = write_sound(files.source(FILE), 2.5)
    sound = files.copy(FILE, PLACE)
    assert (sound.length_us, sound.size) == (2_500_000, len(data))
    assert sound.sha256 == hashlib.sha256(data).hexdigest()
    assert files.kept(PLACE).read_bytes() == data
    assert files.measure(PLACE) == sound
    assert files.source(FILE).exists(), "the source goes only when the store knows the copy"


def test_it_is_for_its_owner_only(files: RecordingFiles) -> None:
    write_sound(files.source(FILE), 1)
    files.copy(FILE, PLACE)
    root = files.kept(PLACE).parents[3]
    assert files.kept(PLACE).stat().st_mode & 0o777 == 0o600
    assert root.stat().st_mode & 0o777 == 0o700


def test_a_copy_that_was_cut_short_is_made_anew(files: RecordingFiles) -> None:
    data = write_sound(files.source(FILE), 1)
    folder = files.kept(PLACE).parent
    folder.mkdir(parents=True)
    (folder / f".{FILE}.part").write_bytes(b"half of an earlier tr" * 9000)
    assert files.copy(FILE, PLACE) == files.copy(FILE, PLACE)
    assert files.kept(PLACE).read_bytes() == data
    assert list(files.kept_paths()) == [PLACE]


def test_a_header_that_asterisk_never_finished_is_put_right(files: RecordingFiles) -> None:
    data = bytearray(write_sound(files.source(FILE), 3))
    data[4:8], data[40:44] = bytes(4), bytes(4)  # as it stands while the file grows
    files.source(FILE).write_bytes(data)
    assert files.copy(FILE, PLACE).length_us == 3_000_000
    with wave.open(str(files.kept(PLACE))) as sound:
        assert sound.getnframes() == 24000


def test_what_is_no_wav_is_kept_as_it_is(files: RecordingFiles) -> None:
    files.source(FILE).write_bytes(b"not a sound, but somebody's" * 10)
    sound = files.copy(FILE, PLACE)
    assert (sound.length_us, sound.size) == (0, 270)


def test_a_header_alone_is_silence(files: RecordingFiles) -> None:
    assert is_silent(len(write_sound(files.source(FILE), 0)))
    assert not is_silent(len(write_sound(files.source(FILE), 0.02)))


def test_a_link_in_the_spool_is_not_followed(files: RecordingFiles, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x" * 100)
    files.source(FILE).symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match=r"symbolic link|Too many levels"):
        files.copy(FILE, PLACE)


def test_a_pipe_in_the_spool_does_not_hold_us_up(files: RecordingFiles) -> None:
    os.mkfifo(files.source(FILE))
    with pytest.raises(NotOurs):
        files.copy(FILE, PLACE)


def test_a_dropped_file_takes_its_empty_days_along(files: RecordingFiles) -> None:
    other = f"2026/11/22/{FILE}"
    write_sound(files.source(FILE), 1)
    for place in (PLACE, other):
        files.copy(FILE, place)
    files.drop_kept(PLACE)
    files.drop_kept(PLACE)
    assert list(files.kept_paths()) == [other]
    assert not files.kept(PLACE).parent.exists()
    assert files.kept(other).exists()


@given(st.one_of(st.text(), st.from_regex(r"[./\\a-z\0]{1,20}(\.wav)?", fullmatch=True)))
def test_no_name_leads_out_of_the_spool(name: str) -> None:
    files = RecordingFiles(Path("/spool"), Path("/kept"))
    try:
        path = files.source(name)
    except NotOurs:
        return
    assert path.parent == Path("/spool")
    assert os.path.normpath(path) == str(path)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x.wav", "2026/../../x.wav", "2026/11/.."])
def test_no_path_leads_out_of_the_tree(path: str) -> None:
    with pytest.raises(NotOurs):
        RecordingFiles(Path("/spool"), Path("/kept")).kept(path)


def told(extra: str, event: str = "USER_DEFINED", user_type: str = "PBXB") -> CelRow:
    return cel(0, event, user_type=user_type, extra={"extra": extra})


def test_the_dialplan_tells_the_file() -> None:
    assert file_told(told(f"recording={FILE}")) == FILE
    assert file_told(told(f"recording={FILE}", event="PBXB", user_type="")) == FILE, "Asterisk 16"


@pytest.mark.parametrize(
    "extra",
    [
        "",
        "fallback",
        "recording=",
        "recording=../x.wav",
        "recording=/etc/x.wav",
        "recording=.wav",
        "recording=a.wav\n",
    ],
)
def test_what_is_no_recording_of_ours_is_none(extra: str) -> None:
    assert file_told(told(extra)) == ""


def test_another_programs_event_is_none() -> None:
    assert file_told(told(f"recording={FILE}", user_type="OTHER")) == ""
