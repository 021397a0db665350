"""Sounds that a person recorded: `FOLDER/<language>/<prompt key>.wav`, or `<phrase id>.wav` for a single clip."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.phrase import Clip, Phrase
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds.audio import EDITION
from pbx_bridge.ivr.sounds.recorded_words import Made, read_made
from pbx_bridge.ivr.sounds.script import Line
from pbx_bridge.ivr.sounds.voice import phrase_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A file and what it says. One of a single clip stands for that clip wherever it occurs.

    Attributes:
        outdated: it was imported for other words than the prompt has today.
    """

    path: Path
    name: str
    language: str
    phrase: Phrase
    outdated: bool = False

    def content(self) -> bytes:
        """The file. Raises PromptError."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise PromptError(f"cannot be read: {error.strerror}", path=self.path) from None

    def content_id(self) -> str:
        """Changes with the file. Raises PromptError."""
        return content_id(self.content())

    def made(self) -> Made:
        """That it was recorded for the words of today. Raises PromptError."""
        return Made(words=phrase_id(self.phrase), content=self.content_id())


def content_id(content: bytes) -> str:
    """Stands for a file's content."""
    return hashlib.sha256(content).hexdigest()[:16]


def taken_file(recording: Recording) -> str:
    """What a recording is called in the sounds folder, once it was brought to our form there. Raises PromptError."""
    return f"{recording.language}/recorded-{EDITION}-{recording.content_id()}.wav"


def unrecorded(lines: Iterable[Line], recordings: Iterable[Recording]) -> tuple[Line, ...]:
    """The lines of a script that no recording of today's words says, neither in one piece nor clip by clip."""
    said = {(recording.language, phrase_id(recording.phrase)) for recording in recordings if not recording.outdated}

    def is_said(phrase: Phrase, language: str) -> bool:
        return (language, phrase_id(phrase)) in said

    return tuple(
        line
        for line in lines
        if not is_said(line.phrase, line.language)
        and not all(is_said((item,), line.language) for item in line.phrase if isinstance(item, Clip))
    )


def find_recordings(book: PromptBook, folder: Path | None, clips: Iterable[Clip]) -> tuple[Recording, ...]:
    """The recordings of a folder, which may be missing. Raises PromptError for a file that says no prompt of ours."""
    if folder is None:
        return ()
    by_id = {(clip.language, phrase_id((clip,))): clip for clip in clips}
    return tuple(_recordings(book, folder, by_id))


def _recordings(book: PromptBook, folder: Path, by_id: dict[tuple[str, str], Clip]) -> Iterator[Recording]:
    made = read_made(folder)
    for path in sorted(folder.glob("*/*.wav")):
        language, name = path.parent.name, path.stem
        clip = by_id.get((language, name))
        phrase = (clip,) if clip else _whole(book, path, name, language)
        recording = Recording(path=path, name=name, language=language, phrase=phrase)
        before = made.get(f"{language}/{name}")
        yield replace(recording, outdated=True) if before and _is_other(before, recording.made()) else recording


def _is_other(before: Made, today: Made) -> bool:
    """The same file, other words."""
    return before.content == today.content and before.words != today.words


def _whole(book: PromptBook, path: Path, name: str, language: str) -> Phrase:
    if name not in book.keys(language):
        raise PromptError(f"no prompt is called {name!r} in language {language!r}", path=path)
    if not book.prompt(name, language).fixed:
        raise PromptError(f"prompt {name!r} says values too, so it cannot be one recording", path=path)
    return book.phrase(name, language)
