"""Sounds sealed on the disk: killed at any write nothing is lost or doubled, and our tree never holds a plain one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from test_recordings_files import write_sound

from pbx_bridge.spool import encryption_commands as commands
from pbx_bridge.spool.encryption_commands import EncryptionPlace
from pbx_bridge.spool.recording_files import RecordingFiles
from pbx_bridge.spool.seal import SoundLocked, key_of
from pbx_bridge.spool.sound_keys import SoundKeys

FILE, OTHER = "pbx1_pbx1-1795292169.12.wav", "pbx1_pbx1-1795292169.13.wav"
PLACE, SECOND = f"2026/11/21/{FILE}", f"2026/11/22/{OTHER}"
WRITES = {"write", "flush", "fsync", "replace", "rename", "unlink"}


class House:
    """A system's folders of recordings, and two keys."""

    def __init__(self, folder: Path, *, seals: bool = True) -> None:
        self.folder, self.kept = folder, folder / "kept"
        self.keys = SoundKeys(folder=folder / "keys", seals=seals, makes=True)
        self.files = RecordingFiles(folder / "spool", self.kept, self.keys)
        self.place = EncryptionPlace(keys=self.keys, trees=(self.files,), lock=folder / "run" / "lock")
        self.said: list[str] = []

    def encrypt(self, *, rekey: bool = False) -> int:
        return commands.encrypt(self.place, self.said.append, lambda *_: None, rekey=rekey)

    def decrypt(self) -> int:
        return commands.decrypt(self.place, self.said.append, lambda *_: None)

    def status(self) -> int:
        return commands.show_status(self.place, self.said.append, lambda *_: None)

    def read(self, path: str = PLACE) -> bytes:
        with self.files.open(path) as file:
            return file.read()

    def there(self) -> list[str]:
        """Every file in the tree, and no draft."""
        return sorted(str(one.relative_to(self.kept)) for one in self.kept.rglob("*") if one.is_file())


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "spool").mkdir()
    return House(tmp_path)


# --- one after the other ---


def test_a_sound_is_sealed_on_its_way_in_and_measured_as_it_sounds(house: House) -> None:
    data = write_sound(house.files.source(FILE), 9.0)
    sound = house.files.copy(FILE, PLACE)
    assert (sound.length_us, sound.size) == (9_000_000, len(data))
    assert house.there() == [f"{PLACE}.enc"]
    assert house.files.found(PLACE).stat().st_mode & 0o777 == 0o600
    assert data[1000:1016] not in house.files.found(PLACE).read_bytes()
    assert house.read() == data
    assert house.files.measure(PLACE) == sound == house.files.copy(FILE, PLACE)
    assert list(house.files.kept_paths()) == [PLACE]
    assert house.files.has(PLACE, sound.size)
    assert not house.files.has(PLACE, sound.size + 1)
    house.files.drop_kept(PLACE)
    assert house.there() == []
    assert not house.files.has(PLACE)


def test_those_from_before_are_sealed_and_come_back_plain(house: House) -> None:
    data = [write_sound(house.files.kept(path), seconds) for path, seconds in ((PLACE, 1), (SECOND, 6))]
    strange = house.kept / "2026" / "note.txt"
    strange.write_text("somebody's")
    (house.kept / "2026" / f".{FILE}.anew").write_text("half of a sound, left by a kill")
    assert house.encrypt() == 0
    assert house.there() == [f"{PLACE}.enc", f"{SECOND}.enc", "2026/note.txt"]
    assert [house.read(path) for path in (PLACE, SECOND)] == data
    assert house.encrypt() == 0
    assert house.said == ["2 sounds encrypted", "0 sounds encrypted"]
    assert house.decrypt() == 0
    assert house.there() == [PLACE, SECOND, "2026/note.txt"]
    assert [house.files.kept(path).read_bytes() for path in (PLACE, SECOND)] == data


def test_a_new_key_seals_what_is_new_and_older_ones_open_what_is_older(house: House) -> None:
    first = house.keys.make()
    data = write_sound(house.files.source(FILE), 1)
    house.files.copy(FILE, PLACE)
    second = house.keys.make()
    house.files.copy(FILE, SECOND)
    assert [one.number for one in house.keys.files()] == [1, 2]
    assert [key_of(house.files.found(path)) for path in (PLACE, SECOND)] == [first.id, second.id]
    assert house.status() == 0
    assert [line.split()[1] for line in house.said if line.startswith("  ")] == ["1", "1"]
    assert house.encrypt(rekey=True) == 0
    first.path.unlink()
    assert (house.read(PLACE), house.status()) == (data, 0)


def test_without_its_key_a_sound_is_named_and_the_others_are_served(house: House) -> None:
    first = house.keys.make()
    write_sound(house.files.source(FILE), 1)
    house.files.copy(FILE, PLACE)
    house.keys.make()
    house.files.copy(FILE, SECOND)
    away = first.path.rename(house.folder / "away")
    with pytest.raises(SoundLocked, match=f"its key {first.id} is not in"):
        house.files.open(PLACE)
    assert house.files.has(PLACE), "it is there, if it does not open"
    assert (house.status(), house.decrypt()) == (1, 1)
    assert house.said[-2] == "1 sounds decrypted"
    assert house.said[-1].startswith(f"left as it is: {house.files.found(PLACE)}: its key {first.id}")
    away.rename(first.path)
    assert (house.decrypt(), house.there()) == (0, [PLACE, SECOND])


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.chmod(0o640), "others than its owner may read .*chmod 600"),
        (lambda path: path.write_text("no key"), "is no key: put the one back"),
        (lambda path: path.write_text("ab" * 32), "is not the key its name tells"),
        (lambda path: path.write_text("ab"), "is not the key its name tells"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read: Is a directory"),
    ],
)
def test_a_key_that_is_open_to_others_or_damaged_is_refused(
    house: House, spoil: Callable[[Path], object], why: str
) -> None:
    write_sound(house.files.source(FILE), 1)
    house.files.copy(FILE, PLACE)
    (one,) = house.keys.files()
    assert one.path.stat().st_mode & 0o777 == 0o600
    assert one.path.parent.stat().st_mode & 0o777 == 0o700
    spoil(one.path)
    for refused in (house.files.open, lambda path: house.files.copy(FILE, path)):
        with pytest.raises(SoundLocked, match=why):
            refused(PLACE)
    assert house.files.source(FILE).exists()


def test_a_folder_that_was_named_may_be_away_so_no_key_is_made_there(house: House) -> None:
    keys = SoundKeys(folder=house.folder / "medium", seals=True)
    files = RecordingFiles(house.folder / "spool", house.kept, keys)
    write_sound(files.source(FILE), 1)
    with pytest.raises(SoundLocked, match="holds no key, or is not mounted: `pbx-bridge encryption new-key`"):
        files.copy(FILE, PLACE)
    assert house.there() == []
    keys.make()
    files.copy(FILE, PLACE)
    assert house.there() == [f"{PLACE}.enc"]


def test_what_was_erased_meanwhile_does_not_come_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sound(house.files.kept(PLACE), 1)
    fsync = os.fsync

    def erased_first(descriptor: int) -> None:
        fsync(descriptor)
        house.files.drop_kept(PLACE)

    house.keys.make()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", erased_first)
        assert house.encrypt() == 0
    assert house.said == ["0 sounds encrypted, 1 went meanwhile"]
    assert house.there() == []


def test_a_key_that_goes_before_it_was_read_again_leaves_the_plain_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_sound(house.files.kept(PLACE), 1)
    key = house.keys.make()
    monkeypatch.setattr(os, "fsync", lambda _: key.path.unlink(missing_ok=True))
    assert house.encrypt() == 1
    assert house.there() == [PLACE]
    assert house.read() == data


def test_a_full_disk_leaves_the_plain_one(house: House) -> None:
    data = write_sound(house.files.kept(PLACE), 20)
    house.keys.make()

    def full() -> None:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        house.encrypt()

    assert ended(full) == 1 << 8
    assert house.there() == [PLACE]
    assert house.read() == data


# --- killed at any write ---


def ended(job: Callable[[], object]) -> int:
    """How a process of its own ends that does this: as os.wait tells; 1: it raised."""
    child = os.fork()
    if child == 0:
        try:
            job()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitpid(child, 0)[1]


def killed_before(write: int, job: Callable[[], object]) -> bool:
    """Do it in a process of its own that kills itself before a write of ours; False: it came to its end."""
    left = write

    def count(frame: FrameType, what: str, function: Any) -> None:
        nonlocal left
        if what == "c_call" and function.__name__ in WRITES:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def watched() -> None:
        sys.setprofile(count)
        job()

    status = ended(watched)
    assert status in (0, signal.SIGKILL), status
    return status != 0


def plain_in(folder: Path, data: bytes) -> list[Path]:
    """Files that hold a piece of the sound as it is."""
    return [one for one in folder.rglob("*") if one.is_file() and data[2000:2040] in one.read_bytes()]


@pytest.mark.parametrize("job", ["copy", "encrypt", "rekey", "decrypt"])
def test_killed_at_any_write_it_is_whole_and_the_next_turn_finishes(tmp_path: Path, job: str) -> None:
    writes = 0
    while True:
        house = House(tmp_path / f"{writes}")
        write = house.files.source(FILE) if job == "copy" else house.files.kept(PLACE)
        data = write_sound(write, 4.5)  # two chunks
        if job in ("rekey", "decrypt"):
            house.encrypt()
            house.keys.make()
        jobs: dict[str, Callable[[], object]] = {
            "copy": partial(house.files.copy, FILE, PLACE),
            "encrypt": house.encrypt,
            "rekey": partial(house.encrypt, rekey=True),
            "decrypt": house.decrypt,
        }
        does = jobs[job]
        killed = killed_before(writes, does)
        if job == "copy":
            assert house.files.source(FILE).read_bytes() == data
            assert plain_in(house.kept, data) == []
        else:
            assert house.read() == data
        does()
        assert house.there() == [PLACE if job == "decrypt" else f"{PLACE}.enc"]
        assert house.read() == data
        assert all(one.id for one in house.keys.files())
        if job == "rekey":
            assert key_of(house.files.found(PLACE)) == house.keys.newest().id
        if not killed:
            break
        writes += 1
    assert writes > 7
