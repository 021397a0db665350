"""Any interleaving of writing, rotating and reading: what was written is read, each row once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from test_spool_tail import row

from pbx_bridge.calls.source import Cursor
from pbx_bridge.spool.cel import CelSpool
from pbx_bridge.spool.tail import Tail

NOON = 1795294697.0
SPOILT = [b"nonsense\n", b'"A","never"\n', b"\0\0\0\n", b"\xff\xfe\n"]


class Spool(RuleBasedStateMachine):
    """Asterisk, a rotating daemon, and readers that come and go. The wall clock goes both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.live = self.folder / "cel.csv"
        self.written: list[str] = []
        self.spoilt = 0
        self.rotations = 0
        self.clock = NOON
        self.half = b""  # what is missing of the last row
        self.cursors: dict[str, Cursor] = {}
        self.read: Counter[str] = Counter()
        self.places: set[tuple[str, int]] = set()
        self.aside = 0
        self.tail: Tail = self._new()

    def _new(self) -> Tail:
        return CelSpool(self.live, "pbx1", list(self.cursors.values()))

    def teardown(self) -> None:
        self.tail.close()
        shutil.rmtree(self.folder)

    # --- Asterisk ---

    def _append(self, data: bytes) -> None:
        with self.live.open("ab") as file:
            file.write(data)

    def _row(self) -> bytes:
        self.clock += 0.001
        name = f"c{len(self.written)}"
        self.written.append(name)
        return row(name, self.clock)

    def _end_half(self) -> None:
        if self.half:
            self._append(self.half)
            self.half = b""

    @rule(count=st.integers(1, 4))
    def writes(self, count: int) -> None:
        self._end_half()
        self._append(b"".join(self._row() for _ in range(count)))

    @rule(split=st.integers(1, 60))
    def writes_half_a_row(self, split: int) -> None:
        self._end_half()
        data = self._row()
        self._append(data[:split])
        self.half = data[split:]

    @rule(what=st.sampled_from(SPOILT))
    def writes_nonsense(self, what: bytes) -> None:
        self._end_half()
        self._append(what if self.live.exists() and self.live.stat().st_size else self._row() + what)
        self.spoilt += 1

    @rule(seconds=st.sampled_from([-3600.0, 3600.0]))
    def the_clock_steps(self, seconds: float) -> None:
        self.clock += seconds + 0.25  # no two rows of one microsecond

    # --- rotation ---

    def _aside(self) -> Path:
        self.rotations += 1
        return self.folder / f"cel.csv.{self.rotations}"

    @precondition(lambda self: self.live.exists())
    @rule()
    def is_renamed(self) -> None:
        self._end_half()
        self.live.rename(self._aside())

    @precondition(lambda self: self.live.exists() and self.live.stat().st_size > 0)
    @rule()
    def is_copied_and_cut(self) -> None:
        self._end_half()
        shutil.copy(self.live, self._aside())
        os.truncate(self.live, 0)

    @precondition(lambda self: self.live.exists())
    @rule()
    def is_read_and_made_anew(self) -> None:
        self._end_half()
        self._read_all()
        self.live.unlink()
        self._append(self._row())

    @precondition(lambda self: self.rotations)
    @rule()
    def an_old_file_that_was_read_is_dropped(self) -> None:
        self._end_half()
        self._read_all()
        for path in self.folder.glob("cel.csv.*"):
            path.unlink()

    # --- the daemon ---

    def _keep(self) -> bool:
        batch = self.tail.read()
        if not batch:
            return False
        for fact in batch.facts:
            assert (fact.file, fact.offset) not in self.places
            self.places.add((fact.file, fact.offset))
            self.read[fact.channel] += 1
        self.aside += len(batch.unreadable)
        self.cursors |= {cursor.file: cursor for cursor in batch.cursors}
        self.tail.advance(batch.cursors)
        return True

    def _read_all(self) -> None:
        while self._keep():
            pass

    @rule()
    def reads_once(self) -> None:
        self._keep()

    @rule()
    def reads_on(self) -> None:
        self._read_all()
        assert self.tail.caught_up

    @rule()
    def reads_and_cannot_keep(self) -> None:
        batch = self.tail.read()
        assert self.tail.read() == batch

    @rule()
    def dies_and_starts_again(self) -> None:
        followed = self.tail.following
        self.tail.close()
        self.tail = self._new()
        self.tail.awaited[followed] = None
        if not followed:
            self.tail.awaited.clear()

    @invariant()
    def nothing_is_read_twice_or_out_of_nothing(self) -> None:
        assert all(count == 1 for count in self.read.values())
        assert set(self.read) <= set(self.written)

    @invariant()
    def nothing_is_called_lost(self) -> None:
        assert self.tail.losses() == ()

    @rule()
    def in_the_end_everything_is_read(self) -> None:
        self._end_half()
        self._append(self._row())  # so that a rotated file is known to be finished
        self._read_all()
        assert set(self.read) == set(self.written)
        assert self.aside == self.spoilt


Spool.TestCase.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


TestAny = pytest.mark.timeout(60)(Spool.TestCase)
