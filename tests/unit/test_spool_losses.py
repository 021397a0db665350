"""What the reader tells of files that are gone or were cut before they were read to their end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_spool_tail import Reading, append, row

from pbx_bridge.spool.batch import Loss


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    reading = Reading(tmp_path / "cel.csv")
    yield reading
    reading.tail.close()


def begun(reading: Reading) -> str:
    """A file read to its end; its identity."""
    append(reading.path, row("a"))
    assert (reading.all(), reading.tail.caught_up) == (["a"], True)
    return reading.tail.following


def restart(reading: Reading, followed: str) -> None:
    """A new process that knows what the earlier one was reading."""
    reading.restart()
    reading.tail.awaited[followed] = None


def lost(reading: Reading) -> list[tuple[str, int, int | None]]:
    return [(loss.file, loss.offset, loss.size) for loss in reading.tail.losses()]


def test_a_file_cut_with_unread_rows_is_a_loss(reading: Reading) -> None:
    file = begun(reading)
    append(reading.path, row("b"))
    assert reading.tail.read()  # seen, and not kept
    os.truncate(reading.path, 0)
    append(reading.path, row("c", 1795294700))
    assert reading.all() == ["c"]
    assert lost(reading) == [(file, len(row("a")), len(row("a") + row("b")))]
    assert lost(reading) == []


def test_a_cut_file_of_which_a_copy_is_left_is_none(reading: Reading) -> None:
    begun(reading)
    append(reading.path, row("b"))
    assert reading.tail.read()
    shutil.copy(reading.path, reading.path.with_name("cel.csv.1"))
    os.truncate(reading.path, 0)
    assert reading.all() == ["b"]  # from the copy, before the new file has begun
    append(reading.path, row("c", 1795294700))
    assert reading.all() == ["c"]
    assert lost(reading) == []


def test_a_file_cut_right_after_it_was_read_to_its_end_is_none(reading: Reading) -> None:
    begun(reading)
    os.truncate(reading.path, 0)
    append(reading.path, row("c", 1795294700))
    assert reading.all() == ["c"]
    assert lost(reading) == []


def test_a_file_cut_while_nobody_looked_is_a_loss_of_unknown_size(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = begun(reading)
    monkeypatch.setattr("pbx_bridge.spool.tail._FRESH_S", -1.0)
    os.truncate(reading.path, 0)
    append(reading.path, row("c", 1795294700))
    assert reading.all() == ["c"]
    assert lost(reading) == [(file, len(row("a")), None)]


def test_the_file_an_earlier_process_read_is_gone(reading: Reading) -> None:
    file = begun(reading)
    reading.path.unlink()
    append(reading.path, row("c", 1795294700))
    restart(reading, file)
    assert reading.all() == ["c"]
    assert lost(reading) == [(file, len(row("a")), None)]


def test_the_file_an_earlier_process_read_was_cut_to_its_first_line(reading: Reading) -> None:
    append(reading.path, row("a"), row("b"))
    reading.all()
    file = reading.tail.following
    reading.tail.close()
    os.truncate(reading.path, len(row("a")))
    restart(reading, file)
    reading.all()
    assert lost(reading) == [(file, len(row("a") + row("b")), None)]


def test_the_file_an_earlier_process_read_was_only_renamed(reading: Reading) -> None:
    file = begun(reading)
    append(reading.path, row("b"))
    reading.path.rename(reading.path.with_name("cel.csv.1"))
    append(reading.path, row("c", 1795294700))
    restart(reading, file)
    assert reading.all() == ["b", "c"]
    assert lost(reading) == []


def test_a_waiting_file_that_is_removed_is_a_loss(reading: Reading) -> None:
    for number in range(3):
        append(reading.path, row(f"c{number}", 1795294700 + number), row(f"d{number}", 1795294700 + number))
        reading.path.rename(reading.path.with_name(f"cel.csv.{number}"))
    append(reading.path, row("live", 1795294800))
    batch = reading.tail.read()  # of the first; the second and third wait
    reading.tail.advance(batch.cursors)
    reading.path.with_name("cel.csv.1").unlink()
    assert reading.all() == ["c2", "d2", "live"]
    [(_, offset, size)] = lost(reading)
    assert (offset, size) == (0, 2 * len(row("c1", 1795294701)))


def test_a_file_read_to_its_end_may_be_removed(reading: Reading) -> None:
    begun(reading)
    reading.path.rename(reading.path.with_name("cel.csv.1"))
    append(reading.path, row("c", 1795294700))
    assert reading.all() == ["c"]
    reading.path.with_name("cel.csv.1").unlink()
    reading.path.rename(reading.path.with_name("cel.csv.2"))
    append(reading.path, row("d", 1795294800))
    assert reading.all() == ["d"]
    assert lost(reading) == []


def test_a_file_without_a_name_is_followed_by_nobody(reading: Reading) -> None:
    begun(reading)
    reading.path.unlink()
    assert reading.all() == []
    assert reading.tail.following == ""


def test_a_reader_behind_is_not_caught_up(reading: Reading) -> None:
    append(reading.path, *(row(f"c{number}") for number in range(1500)))
    batch = reading.tail.read()
    assert not reading.tail.caught_up
    reading.tail.advance(batch.cursors)
    assert reading.tail.read()
    assert reading.tail.caught_up  # with this batch


def test_a_loss_tells_what_is_known() -> None:
    known = Loss(source="cel", file="cel:1", offset=10, size=30)
    unknown = Loss(source="cel", file="cel:1", offset=10, size=None)
    assert "20 bytes" in known.reason
    assert "not known" in unknown.reason
