"""Free text as sound files, made before anybody calls: an index that grows while voices use it, and its upkeep.

The files stand in a folder of their own within the sounds, `ahead/`, with a manifest of their own, so that this and
`prompts render` never write the same file. They say personal data: what nobody needs is removed, not only forgotten.
"""

from __future__ import annotations

import fcntl
import math
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.phrase import Clip
from pbx_bridge.ivr.sounds import audio
from pbx_bridge.ivr.sounds.render import file_of, render
from pbx_bridge.ivr.sounds.speakers import Speaker
from pbx_bridge.ivr.sounds.voice import MANIFEST, Entry, Manifest, Media, read_manifest

FOLDER = "ahead"
GRACE_S = 60.0  # a file that is no longer listed stays as long: a caller may be about to hear it

_AT_ONCE = 10  # clips between two manifests
_LOCK = ".lock"


class MadeAhead:
    """The clips there are by now. `clips` is one mapping for life, so that the voices that have it see it grow.

    Args:
        sounds: the sounds folder. seen_as: what Asterisk calls it, where that differs.
    """

    def __init__(self, sounds: Path, seen_as: PurePosixPath | None = None) -> None:
        self.folder = sounds / FOLDER
        self.clips: dict[Clip, Media] = {}
        self._seen_as = (seen_as or PurePosixPath(sounds.absolute())) / FOLDER
        self._stamp: tuple[int, ...] = ()

    @classmethod
    def load(cls, sounds: Path, seen_as: PurePosixPath | None = None) -> MadeAhead:
        """What is there now. Raises PromptError if the manifest cannot be read."""
        made = cls(sounds, seen_as)
        made.take(made.news())
        return made

    def news(self) -> Mapping[Clip, Media] | None:
        """All clips, if that changed since it was last asked for; else None. May run in a thread.

        Raises PromptError if the manifest cannot be read.
        """
        stamp = _stamp(self.folder / MANIFEST)
        if stamp == self._stamp:
            return None
        entries = read_manifest(self.folder).clips
        self._stamp = stamp
        there = (entry for entry in entries if (self.folder / entry.file).is_file())
        return {Clip(entry.language, entry.text): self._media(entry) for entry in there}

    def take(self, news: Mapping[Clip, Media] | None) -> None:
        """Have it heard from now on."""
        if news is not None:
            self.clips.clear()
            self.clips.update(news)

    def _media(self, entry: Entry) -> Media:
        return Media(uri=f"sound:{self._seen_as / entry.file.removesuffix('.wav')}", seconds=entry.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """What was done, in clips. `failed`: no voice can say them."""

    made: int
    kept: int
    dropped: int
    failed: int


def keep_up(
    sounds: Path,
    wanted: Sequence[Clip],
    speakers: Mapping[str, Speaker],
    prefix: tuple[str, ...] = (),
    *,
    seconds: float = math.inf,
) -> Upkeep:
    """Make the clips that are lacking, the first of them first; drop the others. One process does so at a time.

    Args:
        sounds: the sounds folder. wanted: every clip that is needed. speakers: by language.
        prefix: how to run sox, see `speakers.find_prefix`.
        seconds: after so many no more is begun, so that what is more urgent by then can come first.

    Raises PromptError if something cannot be written, or another process is at it.
    """
    folder, until = sounds / FOLDER, time.monotonic() + seconds
    made = failed = 0
    try:
        with _alone(folder) as is_alone:
            if not is_alone:
                raise PromptError("another process is making these now: try again when it is done", path=folder)
            dropped = _drop(folder, frozenset(wanted))
            lacking = _lacking(folder, wanted, speakers)
            for clips in (lacking[at : at + _AT_ONCE] for at in range(0, len(lacking), _AT_ONCE)):
                if time.monotonic() < until:
                    in_vain = _make(clips, folder, speakers, prefix)
                    made, failed = made + len(clips) - in_vain, failed + in_vain
            _sweep(folder)
    except OSError as error:
        raise PromptError(f"cannot be written: {error.strerror}", path=error.filename or folder) from error
    return Upkeep(made=made, kept=len(wanted) - len(lacking), dropped=dropped, failed=failed)


def sweep(sounds: Path) -> None:
    """Remove the files that have not been listed for `GRACE_S`, unless another process is at it. Raises OSError."""
    folder = sounds / FOLDER
    if folder.is_dir():
        with _alone(folder) as is_alone:
            if is_alone:
                _sweep(folder)


def _make(clips: Sequence[Clip], folder: Path, speakers: Mapping[str, Speaker], prefix: tuple[str, ...]) -> int:
    """Make these; how many cannot be."""
    try:
        render(clips, folder, speakers, prefix=prefix)
    except PromptError as error:
        if error.path is not None:  # it could not be written: that is no matter of the text
            raise
        if len(clips) == 1:
            return 1
        return sum(_make([clip], folder, speakers, prefix) for clip in clips)  # one bad text holds up no other
    return 0


def _lacking(folder: Path, wanted: Sequence[Clip], speakers: Mapping[str, Speaker]) -> list[Clip]:
    there = {Clip(entry.language, entry.text): entry.file for entry in read_manifest(folder).clips}
    files = {clip: file_of(clip, speakers[clip.language].voice_id) for clip in wanted if clip.language in speakers}
    return [c for c in wanted if there.get(c) != files.get(c, "") or not (folder / files[c]).is_file()]


def _drop(folder: Path, wanted: Collection[Clip]) -> int:
    """Forget the clips that nobody needs; their files follow when nobody can be hearing them any more."""
    told = read_manifest(folder)
    gone = {entry for entry in told.clips if Clip(entry.language, entry.text) not in wanted}
    if gone:
        for entry in gone:
            _touch(folder / entry.file)
        _write(folder, told, tuple(entry for entry in told.clips if entry not in gone))
    return len(gone)


def _write(folder: Path, told: Manifest, clips: tuple[Entry, ...]) -> None:
    manifest = msgspec.structs.replace(told, clips=clips)
    audio.write_whole(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


def _touch(path: Path) -> None:
    """Its time of grace begins."""
    if path.is_file():
        os.utime(path)


def _sweep(folder: Path) -> None:
    listed = {entry.file for entry in read_manifest(folder).clips}
    before = time.time() - GRACE_S
    for path in folder.glob("*/*"):  # with what a killed process left half written
        if str(path.relative_to(folder)) not in listed and path.stat().st_mtime < before:
            path.unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether nobody else is at this folder, for as long as the block lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _stamp(path: Path) -> tuple[int, ...]:
    """Changes whenever the file is written anew."""
    try:
        told = path.stat()
    except OSError:
        return (0,)
    return told.st_ino, told.st_mtime_ns, told.st_size
