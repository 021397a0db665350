"""Sounds that a person recorded: `FOLDER/<language>/<prompt key>.wav`, or `<phrase id>.wav` for a single clip."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.phrase import Clip, Phrase
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.voice import phrase_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A file and what it says. One of a single clip stands for that clip wherever it occurs."""

    path: Path
    name: str
    language: str
    phrase: Phrase

    def content_id(self) -> str:
        """Changes with the file. Raises PromptError."""
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()[:16]
        except OSError as error:
            raise PromptError(f"cannot be read: {error.strerror}", path=self.path) from None


def find_recordings(book: PromptBook, folder: Path | None, clips: Iterable[Clip]) -> tuple[Recording, ...]:
    """The recordings of a folder, which may be missing. Raises PromptError for a file that says no prompt of ours."""
    if folder is None:
        return ()
    by_id = {(clip.language, phrase_id((clip,))): clip for clip in clips}
    return tuple(_recordings(book, folder, by_id))


def _recordings(book: PromptBook, folder: Path, by_id: dict[tuple[str, str], Clip]) -> Iterator[Recording]:
    for path in sorted(folder.glob("*/*.wav")):
        language, name = path.parent.name, path.stem
        clip = by_id.get((language, name))
        phrase = (clip,) if clip else _whole(book, path, name, language)
        yield Recording(path=path, name=name, language=language, phrase=phrase)


def _whole(book: PromptBook, path: Path, name: str, language: str) -> Phrase:
    if name not in book.keys(language):
        raise PromptError(f"no prompt is called {name!r} in language {language!r}", path=path)
    if not book.prompt(name, language).fixed:
        raise PromptError(f"prompt {name!r} says values too, so it cannot be one recording", path=path)
    return book.phrase(name, language)
