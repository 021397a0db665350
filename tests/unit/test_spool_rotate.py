"""Rotation: what is read and committed goes aside and, days later, away; nothing else ever does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from pbx_bridge.calls.source import Cursor
from pbx_bridge.errors import AmiUnavailable
from pbx_bridge.spool.cel import CelSpool
from pbx_bridge.spool.generation import generation_of
from pbx_bridge.spool.queue_log import QueueLogSpool
from pbx_bridge.spool.rotate import Rotator, Rules

NODE = "pbx1"
NOW = 1795300000.0
DAY = 86400.0
CEL = '"CHAN_START","{at:.6f}"' + ',""' * 12 + ',"1.1","1.1","","",""\n'


class Kept:
    """The journal: how far everything was read and committed."""

    def __init__(self) -> None:
        self.offsets: dict[tuple[str, str], int] = {}

    async def cursors(self, node: str) -> list[Cursor]:
        return [Cursor(node=node, source=s, file=f, offset=o) for (s, f), o in self.offsets.items()]

    def take(self, cursors: Sequence[Cursor]) -> None:
        self.offsets.update({(cursor.source, cursor.file): cursor.offset for cursor in cursors})


class Place:
    """A spool's folder, its journal, its clock, and an Asterisk that opens its queue_log anew when asked."""

    def __init__(self, folder: Path) -> None:
        self.cel, self.queue_log, self.kept, self.now = folder / "cel.csv", folder / "queue_log", Kept(), NOW
        self.reopened = 0
        self.ami = True

    async def reopen(self) -> None:
        if not self.ami:
            raise AmiUnavailable("there is no AMI connection")
        self.reopened += 1
        self.queue_log.write_text(f"{self.now:.0f}|NONE|NONE|NONE|CONFIGRELOAD|\n")

    def rotator(self, rules: Rules) -> Rotator:
        files = {"cel": self.cel, "queue": self.queue_log}
        return Rotator(
            node=NODE, files=files, journal=self.kept, rules=rules, reopen=self.reopen, clock=lambda: self.now
        )

    def read_all(self) -> int:
        """Read and commit all there is; how many facts."""
        found = 0
        for spool in (CelSpool, QueueLogSpool):
            path = self.cel if spool is CelSpool else self.queue_log
            tail = spool(path, NODE, [Cursor(node=NODE, source=s, file=f, offset=o) for (s, f), o in self._kept()])
            while batch := tail.read():
                found += len(batch.facts)
                tail.advance(batch.cursors)
                self.kept.take(batch.cursors)
            tail.close()
        return found

    def _kept(self) -> list[tuple[tuple[str, str], int]]:
        return list(self.kept.offsets.items())

    def aside(self) -> list[Path]:
        return sorted(path for path in self.cel.parent.iterdir() if path not in (self.cel, self.queue_log))

    def age(self, days: float) -> None:
        for path in self.aside():
            os.utime(path, (self.now - days * DAY, self.now - days * DAY))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.cel.write_text(CEL.format(at=NOW - 10) + CEL.format(at=NOW - 9))
    made.queue_log.write_text(f"{NOW - 10:.0f}|NONE|NONE|NONE|QUEUESTART|\n")
    return made


async def test_big_files_go_aside_once_and_are_read_to_their_end(place: Place) -> None:
    assert place.read_all() == 3
    await place.rotator(Rules(rotate_bytes=30)).turn()

    assert [path.name for path in place.aside()] == ["cel.csv.20261121T222640Z", "queue_log.20261121T222640Z"]
    assert not place.cel.exists()
    assert place.reopened == 1
    with place.aside()[0].open("a") as late:  # Asterisk had it open
        late.write(CEL.format(at=NOW - 1))
    place.cel.write_text(CEL.format(at=NOW))
    assert place.read_all() == 3  # the late row, the new one, and CONFIGRELOAD
    assert place.read_all() == 0


async def test_old_files_go_aside(place: Place) -> None:
    place.read_all()
    rotator = place.rotator(Rules())
    await rotator.turn()
    assert place.aside() == []
    place.now += DAY
    await rotator.turn()
    assert len(place.aside()) == 2


async def test_what_is_not_committed_stays(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbx_bridge.spool.rotate._NEARLY", 0)
    await place.rotator(Rules(rotate_bytes=1)).turn()
    assert place.aside() == []


async def test_never_when_told_so(place: Place) -> None:
    place.read_all()
    place.now += 100 * DAY
    await place.rotator(Rules(rotate_bytes=0, keep_days=0)).turn()
    assert place.aside() == []


async def test_dropped_when_its_days_are_over(place: Place) -> None:
    place.read_all()
    rotator = place.rotator(Rules(rotate_bytes=30, keep_days=3))
    await rotator.turn()
    place.cel.write_text(CEL.format(at=NOW))
    place.age(2.9)
    await rotator.turn()
    assert len(place.aside()) == 2
    place.age(3.1)
    await rotator.turn()
    assert place.aside() == []
    assert place.cel.exists()


async def test_never_dropped_unread_nor_by_another_name_nor_the_last(place: Place) -> None:
    place.read_all()
    rotator = place.rotator(Rules(rotate_bytes=100, keep_days=3))
    await rotator.turn()
    place.age(100)
    await rotator.turn()
    assert [path.name for path in place.aside()] == ["cel.csv.20261121T222640Z"]  # no cel.csv came after it

    place.cel.write_text(CEL.format(at=NOW))
    with place.aside()[0].open("a") as late:
        late.write(CEL.format(at=NOW - 1))
    (place.cel.parent / "cel.csv.1").write_text(CEL.format(at=NOW - 100 * DAY))
    place.age(100)
    await rotator.turn()
    assert [path.name for path in place.aside()] == ["cel.csv.1", "cel.csv.20261121T222640Z"]
    place.read_all()
    place.age(100)
    await rotator.turn()
    assert [path.name for path in place.aside()] == ["cel.csv.1"]


async def test_asterisk_is_told_later_when_it_could_not_be(place: Place) -> None:
    place.read_all()
    place.ami = False
    rotator = place.rotator(Rules(rotate_bytes=30))
    with pytest.raises(AmiUnavailable):
        await rotator.turn()
    assert not place.queue_log.exists()
    place.ami = True
    await rotator.turn()
    assert place.reopened == 1
    assert generation_of(place.queue_log, "queue") is not None
    await rotator.turn()
    assert place.reopened == 1


async def test_a_file_cut_and_begun_anew_counts_by_its_later_identity(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbx_bridge.spool.rotate._NEARLY", 0)
    place.read_all()
    first = generation_of(place.cel, "cel")
    assert first is not None
    place.kept.offsets["cel", f"{first.identity}-2"] = first.size - 1
    await place.rotator(Rules(rotate_bytes=1)).turn()
    assert [path.name for path in place.aside()] == ["queue_log.20261121T222640Z"]
