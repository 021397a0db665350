"""One spool's reader on real files: growth, half lines, rotation, truncation, re-creation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbx_bridge.calls.facts import FactKind
from pbx_bridge.calls.source import Cursor, Unreadable
from pbx_bridge.spool.cel import CelSpool
from pbx_bridge.spool.queue_log import QueueLogSpool
from pbx_bridge.spool.tail import MOST_BYTES, MOST_RECORDS, Tail


class Reading:
    """A spool and everything it has told, advancing after each batch as the store does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cursors: dict[str, Cursor] = {}
        self.told: list[str] = []
        self.unreadable: list[Unreadable] = []
        self.places: list[tuple[str, int]] = []
        self.tail: Tail = self._new()

    def _new(self) -> Tail:
        return CelSpool(self.path, "pbx1", list(self.cursors.values()))

    def restart(self) -> None:
        """A new process, which knows only the cursors."""
        self.tail.close()
        self.tail = self._new()

    def all(self) -> list[str]:
        """Read on until nothing is new; the channels told in this reading."""
        before = len(self.told)
        while batch := self.tail.read():
            assert self.tail.read() == batch  # the same again until it is kept
            self.told += [fact.channel for fact in batch.facts]
            self.places += [(fact.file, fact.offset) for fact in batch.facts]
            self.unreadable += batch.unreadable
            self.cursors |= {cursor.file: cursor for cursor in batch.cursors}
            self.tail.advance(batch.cursors)
        return self.told[before:]


def row(name: str, at: float = 1795294697.5) -> bytes:
    columns = ["CHAN_START", f"{at:.6f}", *[""] * 12, name, name, "", "", ""]
    return (",".join(f'"{column}"' for column in columns) + "\n").encode()


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    reading = Reading(tmp_path / "cel.csv")
    yield reading
    reading.tail.close()


def append(path: Path, *rows: bytes) -> None:
    with path.open("ab") as file:
        for data in rows:
            file.write(data)


def test_what_is_appended_is_read_once(reading: Reading) -> None:
    append(reading.path, row("a"), row("b"))
    assert reading.all() == ["a", "b"]
    assert reading.all() == []
    append(reading.path, row("c"))
    assert reading.all() == ["c"]
    data = reading.path.read_bytes()
    assert [data[offset:].startswith(b'"CHAN_START"') for _, offset in reading.places] == [True] * 3


def test_a_new_process_goes_on_at_the_cursor(reading: Reading) -> None:
    append(reading.path, row("a"), row("b"))
    reading.all()
    append(reading.path, row("c"))
    reading.restart()
    assert reading.all() == ["c"]


def test_a_half_written_row_waits_for_its_end(reading: Reading) -> None:
    append(reading.path, row("a"), row("b")[:20])
    assert reading.all() == ["a"]
    append(reading.path, row("b")[20:])
    assert reading.all() == ["b"]


def test_not_even_a_first_line_yet(reading: Reading) -> None:
    append(reading.path, row("a")[:20])
    assert reading.all() == []
    append(reading.path, row("a")[20:])
    assert reading.all() == ["a"]


def test_a_file_that_appears_later(reading: Reading) -> None:
    assert reading.all() == []
    assert "not there yet" in reading.tail.missing
    append(reading.path)
    assert (reading.all(), reading.tail.missing) == ([], "")
    append(reading.path, row("a"))
    assert reading.all() == ["a"]


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    spool = CelSpool(tmp_path / "cel-custom" / "cel.csv", "pbx1")
    assert not spool.read()
    assert "folder" in spool.missing


def test_rotation_by_rename(reading: Reading) -> None:
    append(reading.path, row("a"))
    assert reading.all() == ["a"]
    old = reading.path.with_name("cel.csv.1")
    reading.path.rename(old)
    append(old, row("b"))  # the row Asterisk had just opened the file for
    assert reading.all() == ["b"]
    append(reading.path, row("c", 1795294700))
    append(old, b"")
    assert reading.all() == ["c"]
    assert len(reading.cursors) == 2


def test_rows_on_both_sides_of_a_rotation_come_in_order(reading: Reading) -> None:
    append(reading.path, row("a"))
    reading.all()
    append(reading.path, row("b"))
    reading.path.rename(reading.path.with_name("cel.csv.1"))
    append(reading.path, row("c", 1795294700))
    assert reading.all() == ["b", "c"]


def test_several_rotations_while_nobody_read(reading: Reading) -> None:
    append(reading.path, row("a", 1))
    reading.path.write_bytes(row("a", 1795294690))
    assert reading.all() == ["a"]
    reading.tail.close()
    append(reading.path, row("b"))
    reading.path.rename(reading.path.with_name("cel.csv-20261120"))
    append(reading.path, row("c", 1795294700), row("d", 1795294701))
    reading.path.rename(reading.path.with_name("cel.csv-20261121"))
    append(reading.path, row("e", 1795294800))
    reading.restart()
    assert reading.all() == ["b", "c", "d", "e"]
    append(reading.path, row("f", 1795294801))
    assert reading.all() == ["f"]


def test_rotated_files_are_read_though_the_new_one_has_not_begun(reading: Reading) -> None:
    append(reading.path.with_name("cel.csv.2"), row("a", 1795294690))
    append(reading.path.with_name("cel.csv.1"), row("b", 1795294700))
    assert reading.all() == ["a", "b"]
    append(reading.path, row("c", 1795294800))
    assert reading.all() == ["c"]


def test_a_file_moved_out_of_reach_is_read_to_its_end(reading: Reading, tmp_path: Path) -> None:
    append(reading.path, row("a"))
    reading.all()
    append(reading.path, row("b"))
    reading.path.unlink()
    append(reading.path, row("c", 1795294700))
    assert reading.all() == ["b", "c"]


def test_a_half_row_at_the_end_of_a_finished_file_is_kept_aside(reading: Reading) -> None:
    append(reading.path, row("a"), row("b")[:20])
    reading.all()
    reading.path.rename(reading.path.with_name("cel.csv.1"))
    assert reading.all() == []
    append(reading.path, row("c", 1795294700)[:9])
    assert (reading.all(), reading.unreadable) == ([], [])
    append(reading.path, row("c", 1795294700)[9:])
    assert reading.all() == ["c"]
    (bad,) = reading.unreadable
    assert (bad.offset, bad.body) == (len(row("a")), row("b")[:20].decode())
    assert bad.reason


def test_a_finished_file_without_its_last_line_end(reading: Reading) -> None:
    append(reading.path, row("a"), row("b")[:-1])
    reading.path.rename(reading.path.with_name("cel.csv.1"))
    append(reading.path, row("c", 1795294700))
    assert reading.all() == ["a", "b", "c"]


def test_truncation_begins_a_new_generation(reading: Reading) -> None:
    append(reading.path, row("a"), row("b"))
    reading.all()
    os.truncate(reading.path, 0)
    assert reading.all() == []
    append(reading.path, row("c", 1795294700))
    assert reading.all() == ["c"]
    assert len({file for file, _ in reading.places}) == 2


def test_truncation_that_is_noticed_only_after_it_grew_again(reading: Reading) -> None:
    append(reading.path, row("a"))
    reading.all()
    os.truncate(reading.path, 0)
    append(reading.path, row("b", 1795294700), row("c", 1795294701))
    assert reading.all() == ["b", "c"]


def test_copy_and_truncate_reads_the_rest_from_the_copy(reading: Reading) -> None:
    append(reading.path, row("a"))
    reading.all()
    append(reading.path, row("b"))
    shutil.copy(reading.path, reading.path.with_name("cel.csv.1"))
    os.truncate(reading.path, 0)
    append(reading.path, row("c", 1795294700))
    assert reading.all() == ["b", "c"]


def test_a_copy_beside_the_file_doubles_nothing(reading: Reading) -> None:
    append(reading.path, row("a"), row("b"))
    shutil.copy(reading.path, reading.path.with_name("cel.csv.bak"))
    assert reading.all() == ["a", "b"]
    append(reading.path, row("c"))
    reading.restart()
    assert reading.all() == ["c"]


def test_a_moved_folder_is_not_read_again(reading: Reading, tmp_path: Path) -> None:
    append(reading.path, row("a"))
    reading.all()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(reading.path, elsewhere / "cel.csv")
    reading.path = elsewhere / "cel.csv"
    reading.restart()
    append(reading.path, row("b"))
    assert reading.all() == ["b"]


def test_made_again_with_the_same_inode_or_not(reading: Reading) -> None:
    append(reading.path, row("a"))
    reading.all()
    reading.path.unlink()
    append(reading.path, row("b", 1795294700))
    assert reading.all() == ["b"]
    reading.restart()
    assert reading.all() == []


def test_made_again_with_the_same_first_line(reading: Reading) -> None:
    append(reading.path, row("a"), row("b"))
    reading.all()
    for _ in range(2):
        os.truncate(reading.path, len(row("a")))
        append(reading.path, row("c")[:-30])
        assert reading.all() == ["a"]
        append(reading.path, row("c")[-30:])
        assert reading.all() == ["c"]
        reading.restart()
        assert reading.all() == []
    assert len(set(reading.places)) == len(reading.places) == 6


def test_a_row_that_cannot_be_read_is_kept_aside_with_its_reason(reading: Reading) -> None:
    append(reading.path, row("a"), b'"A","never"\n', b"\xff\n", row("b"))
    assert reading.all() == ["a", "b"]
    first, second = reading.unreadable
    assert (first.body, first.offset, second.body) == ('"A","never"', len(row("a")), "\\xff")
    assert "19 columns" in first.reason


def test_a_batch_is_bounded(reading: Reading) -> None:
    append(reading.path, *(row(f"c{number}") for number in range(MOST_RECORDS + 5)))
    batch = reading.tail.read()
    assert len(batch.facts) == MOST_RECORDS
    assert batch.behind == 5 * len(row("c1004"))
    assert len(reading.all()) == MOST_RECORDS + 5


def test_a_monster_is_kept_aside_and_passed(reading: Reading) -> None:
    append(reading.path, row("a"), b'"' + b"x" * (MOST_BYTES + 100) + b"\n", row("b"))
    assert reading.all() == ["a", "b"]
    assert sum(len(bad.body) for bad in reading.unreadable) == MOST_BYTES + 101


def test_packed_and_foreign_files_are_passed_over(reading: Reading) -> None:
    append(reading.path.with_name("cel.csv.3.gz"), row("z", 1))
    append(reading.path.with_name("cel.csvx"), row("z", 1))
    append(reading.path.with_name("other"), row("z", 1))
    append(reading.path, row("a"))
    assert reading.all() == ["a"]


def test_what_stands_beside_the_file_does_not_matter(reading: Reading) -> None:
    reading.path.with_name("cel.csv.d").mkdir()
    os.mkfifo(reading.path.with_name("cel.csv.pipe"))
    loop = reading.path.with_name("cel.csv.loop")
    loop.symlink_to(loop)
    append(reading.path, row("a"))
    assert reading.all() == ["a"]


def test_what_cannot_be_read_raises_until_it_may(reading: Reading) -> None:
    reading.path.mkdir()
    with pytest.raises(IsADirectoryError):
        reading.all()
    reading.path.rmdir()
    append(reading.path, row("a"))
    assert reading.all() == ["a"]


def test_queue_log(tmp_path: Path) -> None:
    path = tmp_path / "queue_log"
    start = b"1795293802|NONE|NONE|NONE|QUEUESTART|\n"
    append(path, start, b"1795293803|u.0|support|NONE|ENTERQUEUE||0912|1\n", b"nonsense\n")
    foreign = Cursor(node="pbx2", source="queue", file="x", offset=10)
    spool = QueueLogSpool(path, "pbx1", [foreign])
    batch = spool.read()
    assert [(fact.kind, fact.offset) for fact in batch.facts] == [(FactKind.BOOT, 0), (FactKind.QUEUE, len(start))]
    assert [bad.body for bad in batch.unreadable] == ["nonsense"]
    assert batch.cursors[0].file.startswith("queue:")
    spool.advance([foreign, *batch.cursors])
    assert not spool.read()
    spool.close()


def test_rows_written_between_the_last_look_and_the_rotation(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(reading.path, row("a"))
    reading.all()
    moved_on = reading.tail._moved_on

    def just_then() -> bool:
        monkeypatch.undo()
        append(reading.path, row("b"), row("c"))
        reading.path.rename(reading.path.with_name("cel.csv.1"))
        append(reading.path, row("d", 1795294700))
        return moved_on()

    monkeypatch.setattr(reading.tail, "_moved_on", just_then)
    assert reading.all() == ["b", "c", "d"]
    assert reading.unreadable == []


def test_a_stale_file_with_a_later_beginning_does_not_break_the_live_one(reading: Reading) -> None:
    append(reading.path, row("a"), row("b")[:20])
    append(reading.path.with_name("cel.csv.odd"), row("x", 1795294800))
    assert reading.all() == ["a", "x"]
    append(reading.path, row("b")[20:])
    assert (reading.all(), reading.unreadable) == (["b"], [])
