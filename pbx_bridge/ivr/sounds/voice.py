"""The rendered clips: which file says which clip, how long it lasts, and what ARI calls it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.phrase import Clip, Pause, Phrase

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file to play: its ARI media URI and its length in seconds."""

    uri: str
    seconds: float


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the manifest: a clip and its file, named inside the folder."""

    language: str
    text: str
    file: str
    source: str
    seconds: float


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """A phrase that was recorded in one piece, by `phrase_id`."""

    phrase: str
    prompt: str
    language: str
    file: str
    seconds: float


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a sounds folder holds. Pauses by their length in ms."""

    clips: tuple[Entry, ...] = ()
    wholes: tuple[Whole, ...] = ()
    pauses: dict[int, str] = {}


def phrase_id(phrase: Phrase) -> str:
    """The name of a phrase, by what is said; its pauses do not matter."""
    said = [(item.language, item.text) for item in phrase if isinstance(item, Clip)]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]


def read_manifest(folder: Path) -> Manifest:
    """A folder's manifest; an empty one where nothing was rendered. Raises PromptError."""
    path = folder / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return Manifest()
    except (OSError, ValueError, RecursionError) as error:
        raise PromptError(f"cannot be read: {error}; render the prompts anew", path=path) from None


class Voice:
    """An index over a sounds folder. Frozen once loaded: a lookup is a dict's.

    Args:
        ahead: free text that was made ahead (ahead.py); this grows while the voice is in use.
    """

    def __init__(
        self,
        manifest: Manifest,
        folder: Path,
        asterisk_folder: PurePosixPath | None = None,
        ahead: Mapping[Clip, Media] | None = None,
    ) -> None:
        self._folder, self._ahead = folder, {} if ahead is None else ahead
        self._seen_as = asterisk_folder or PurePosixPath(folder.absolute())
        self._clips = {Clip(e.language, e.text): self._media(e.file, e.seconds) for e in manifest.clips}
        self._wholes = {whole.phrase: self._media(whole.file, whole.seconds) for whole in manifest.wholes}
        self._pauses = {Pause(ms): self._media(file, ms / 1000) for ms, file in manifest.pauses.items()}

    @classmethod
    def load(
        cls,
        folder: Path,
        asterisk_folder: PurePosixPath | None = None,
        ahead: Mapping[Clip, Media] | None = None,
    ) -> Voice:
        """Read a folder's manifest; entries whose file is gone do not count.

        Args:
            asterisk_folder: what Asterisk calls the folder, where that differs (it may run in a tree of its own).
            ahead: as for the class.

        Raises PromptError if the manifest cannot be read.
        """
        told = read_manifest(folder)
        clips = tuple(entry for entry in told.clips if (folder / entry.file).is_file())
        wholes = tuple(whole for whole in told.wholes if (folder / whole.file).is_file())
        return cls(Manifest(clips=clips, wholes=wholes, pauses=told.pauses), folder, asterisk_folder, ahead)

    def media(self, phrase: Phrase) -> tuple[Media, ...]:
        """The files that say a phrase, in order. Raises PromptError naming a clip that was not rendered."""
        if self._wholes:
            whole = self._wholes.get(phrase_id(phrase))
            if whole is not None:
                pause = [self._of(item) for item in phrase[-1:] if isinstance(item, Pause)]
                return (whole, *pause)
        return tuple(self._of(item) for item in phrase)

    def has(self, clip: Clip) -> bool:
        """Whether it can be said now."""
        return clip in self._clips or clip in self._ahead

    def missing(self, clips: Iterable[Clip]) -> list[Clip]:
        """Those of the clips that have no file, in a fixed order."""
        return sorted((c for c in clips if c not in self._clips), key=lambda c: (c.language, c.text))

    def is_recorded(self, phrase: Phrase) -> bool:
        """True if the phrase was recorded in one piece: its clips are not needed then."""
        return phrase_id(phrase) in self._wholes

    def path(self, media: Media) -> Path:
        """The file of a media, as we see it."""
        return self._folder / PurePosixPath(media.uri.removeprefix("sound:") + ".wav").relative_to(self._seen_as)

    def _of(self, item: Clip | Pause) -> Media:
        found = self._clips.get(item) or self._ahead.get(item) if isinstance(item, Clip) else self._pauses.get(item)
        if found is None:
            name = (
                f"{item.text!r} ({item.language})" if isinstance(item, Clip) else f"a pause of {item.milliseconds} ms"
            )
            raise PromptError(f"no sound was rendered for {name}; run: pbx-bridge prompts render", path=self._folder)
        return found

    def _media(self, file: str, seconds: float) -> Media:
        return Media(uri=f"sound:{self._seen_as / file.removesuffix('.wav')}", seconds=seconds)
