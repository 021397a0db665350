"""One spool's reader when what it reads is spoilt, or is no file at all: nothing stops it, nothing is skipped."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from test_spool_tail import Reading, append, row

from pbx_bridge.spool.record import split_cel, split_lines
from pbx_bridge.spool.tail import MOST_BYTES


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    reading = Reading(tmp_path / "cel.csv")
    yield reading
    reading.tail.close()


def bodies(reading: Reading) -> list[str]:
    return [bad.body for bad in reading.unreadable]


def test_zeros_left_by_a_power_cut_spoil_nothing_behind_them(reading: Reading) -> None:
    append(reading.path, row("a"), b"\0" * 40, row("b"), row("c")[:30], b"\0\0", row("d"), row("e"))
    assert reading.all() == ["a", "b", "d", "e"]
    assert bodies(reading) == ["\\x00" * 40, row("c")[:30].decode() + "\\x00\\x00"]
    assert [bad.offset for bad in reading.unreadable] == [len(row("a")), len(row("a")) + 40 + len(row("b"))]


def test_a_file_that_begins_with_zeros_or_empty_lines(reading: Reading) -> None:
    append(reading.path, b"\n\n\0\0\0", row("a"))
    assert reading.all() == ["a"]
    append(reading.path, row("b"))
    reading.restart()
    assert reading.all() == ["b"]
    assert bodies(reading) == ["\\x00" * 3]


def test_two_files_that_begin_with_an_empty_line_are_two(reading: Reading) -> None:
    append(reading.path, b"\n", row("a"))
    assert reading.all() == ["a"]
    reading.path.rename(reading.path.with_name("cel.csv.1"))
    append(reading.path, b"\n", row("b", 1795294700), row("c", 1795294701))
    assert reading.all() == ["b", "c"]


def test_zeros_in_queue_log() -> None:
    found = split_lines(b"1|a|q|x|Y\n\0\0\0002|b|q|x|Y\n\0\n", 10)
    assert [record.text for record in found.records] == ["1|a|q|x|Y", "\\x00\\x00\\x00", "2|b|q|x|Y", "\\x00"]


def test_zeros_at_the_very_end_wait_for_what_comes() -> None:
    assert split_cel(row("a") + b"\0" * 10, 10).taken == len(row("a"))


def test_a_row_cut_off_by_a_full_disk_spoils_only_itself(reading: Reading) -> None:
    torn = row("b")[:25]
    append(reading.path, row("a"), torn, row("c"), row("d"))
    assert reading.all() == ["a", "c", "d"]
    assert bodies(reading) == [torn.decode()]
    assert reading.places[1][1] == len(row("a")) + len(torn)


def test_two_rows_cut_off_in_one_line(reading: Reading) -> None:
    append(reading.path, row("a")[:50], row("b")[:40], row("c"), row("d"))
    assert reading.all() == ["c", "d"]
    assert bodies(reading) == [(row("a")[:50] + row("b")[:40]).decode()]


def test_a_callers_name_forges_no_row_in_a_spoilt_one(reading: Reading) -> None:
    forged = row("evil").replace(b'"', b'""')[:-1]
    append(reading.path, row("a"), row("b")[:25], b'","' + forged + b'"\n', row("c"))
    assert reading.all() == ["a", "c"]
    assert len(reading.unreadable) == 1


def test_any_bytes_are_kept_readable_and_told(reading: Reading) -> None:
    spoilt = [b'"A","x\0y"', b"\xfe\xff\x80", b'""""', b"no quotes at all", bytes(range(1, 10)), b"\r"]
    append(reading.path, row("a"), *(one + b"\n" for one in spoilt), row("b"))
    assert reading.all() == ["a", "b"]
    assert len(reading.unreadable) == len(spoilt)
    assert all(bad.reason and "\0" not in bad.body for bad in reading.unreadable)


def test_a_line_of_ten_megabytes_costs_one_megabyte_at_a_time(reading: Reading) -> None:
    size = 10 * MOST_BYTES
    append(reading.path, row("a"), b"x" * size + b"\n", row("b"))
    batch = reading.tail.read()
    reading.cursors |= {cursor.file: cursor for cursor in batch.cursors}
    reading.tail.advance(batch.cursors)
    while batch := reading.tail.read():
        assert sum(len(bad.body) for bad in batch.unreadable) <= MOST_BYTES
        reading.told += [fact.channel for fact in batch.facts]
        reading.unreadable += batch.unreadable
        reading.tail.advance(batch.cursors)
    assert reading.told == ["b"]
    assert sum(len(bad.body) for bad in reading.unreadable) == size


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_a_spool_replaced_by_what_is_no_file(reading: Reading, kind: str) -> None:
    append(reading.path, row("a"))
    assert reading.all() == ["a"]
    old = reading.path.with_name("cel.csv.1")
    reading.path.rename(old)
    append(old, row("b"))
    reading.path.mkdir() if kind == "directory" else os.mkfifo(reading.path)
    with pytest.raises(OSError, match=r"directory|plain file"):  # noqa: PT012
        while True:  # what can be read is read first
            reading.all()
    assert reading.told == ["a", "b"]
    reading.path.rmdir() if kind == "directory" else reading.path.unlink()
    append(reading.path, row("c", 1795294700))
    assert reading.all() == ["c"]


def test_a_folder_that_appears_goes_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "cel-custom"
    reading = Reading(folder / "cel.csv")
    assert (reading.all(), reading.tail.has_no_folder) == ([], True)
    folder.mkdir()
    assert (reading.all(), reading.tail.has_no_folder) == ([], False)
    append(reading.path, row("a"))
    assert reading.all() == ["a"]
    folder.rename(tmp_path / "away")
    assert (reading.all(), reading.tail.has_no_folder) == ([], True)
    assert "folder" in reading.tail.missing
    (tmp_path / "away").rename(folder)
    append(reading.path, row("b"))
    assert (reading.all(), reading.tail.missing) == (["b"], "")
    reading.tail.close()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything: be somebody else for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_right_that_is_lost_and_given_back() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        reading = Reading(folder / "cel.csv")
        append(reading.path, row("a"))
        with as_nobody():
            assert reading.all() == ["a"]
        append(reading.path, row("b"))
        reading.path.chmod(0)
        with as_nobody():
            assert [fact.channel for fact in reading.tail.read().facts] == ["b"]  # what is open stays open
            with pytest.raises(PermissionError):
                reading.all()
        reading.restart()
        append(reading.path, row("c"))
        with as_nobody(), pytest.raises(PermissionError):
            reading.all()
        reading.path.chmod(0o644)
        folder.chmod(0o700)
        with as_nobody(), pytest.raises(PermissionError):
            reading.all()
        folder.chmod(0o755)
        with as_nobody():
            assert reading.all() == ["c"]
        reading.tail.close()


def test_the_clock_steps_back_an_hour(reading: Reading) -> None:
    append(reading.path, row("a", 1795294697))
    assert reading.all() == ["a"]
    append(reading.path, row("b", 1795291097))
    reading.path.rename(reading.path.with_name("cel.csv.1"))
    append(reading.path, row("c", 1795291098))
    reading.restart()
    assert sorted(reading.all()) == ["b", "c"]
    append(reading.path, row("d", 1795291099))
    assert reading.all() == ["d"]
    assert (reading.unreadable, reading.tail.losses()) == ([], ())


def test_asterisk_starts_again_and_counts_anew_in_the_same_file(reading: Reading) -> None:
    append(reading.path, row("pbx1-1795293803.0", 1795293803.3), row("pbx1-1795293803.0", 1795293804.3))
    append(reading.path, row("pbx1-1795293812.0", 1795293812.9))
    assert reading.all() == ["pbx1-1795293803.0", "pbx1-1795293803.0", "pbx1-1795293812.0"]
