"""Takes recordings over: each is judged by itself; the good ones go in whole, of the others the reason is told."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.phrase import Phrase
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds import audio, loudness
from pbx_bridge.ivr.sounds.decode import LONGEST_S, decode
from pbx_bridge.ivr.sounds.lengths import length_fault, longest_pause
from pbx_bridge.ivr.sounds.recorded_words import Made, add_made
from pbx_bridge.ivr.sounds.recordings import Recording
from pbx_bridge.ivr.sounds.script import Line, by_name, find_line, script
from pbx_bridge.ivr.sounds.speakers import to_samples
from pbx_bridge.ivr.sounds.takes import Take, find_takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A recording that is in, or would be."""

    shown: str
    line: Line
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A file that stayed out, and why."""

    shown: str
    reason: str


def import_takes(
    book: PromptBook,
    source: Path,
    folder: Path,
    *,
    language: str | None = None,
    prefix: tuple[str, ...] = (),
    dry_run: bool = False,
) -> tuple[Taken | Refused, ...]:
    """Take the recordings of a folder or a zip into `folder`, in their order.

    A file stands in a folder named by its language, unless `language` is given: then every file is of that one.

    Args:
        folder: HOME/recordings.
        prefix: how to run sox, see `speakers.find_prefix`.

    Raises PromptError if the source cannot be read, a recording cannot be written, or the language is unknown.
    """
    if language is not None and language not in book.languages:
        raise PromptError(f"there are no prompts in language {language!r}; there are: {', '.join(book.languages)}")
    scripts = {each: by_name(script(book, each)) for each in ([language] if language else book.languages)}
    told: list[Taken | Refused] = []
    seen: dict[Line, str] = {}
    try:
        for take in find_takes(source):
            try:
                told.append(_import(take, scripts, seen, folder, prefix, dry_run))
            except ValueError as error:
                told.append(Refused(shown=take.shown, reason=str(error)))
        if seen and not dry_run:
            add_made(folder, {f"{line.language}/{line.stored}": _made(line, folder) for line in seen})
    except OSError as error:
        raise PromptError(f"cannot be written: {error.strerror}", path=error.filename or folder) from error
    return tuple(told)


def form(content: bytes, phrase: Phrase, prefix: tuple[str, ...] = ()) -> array[int]:
    """A recording of a phrase as Asterisk plays it, trimmed and levelled. Raises ValueError saying what is wrong."""
    sound = decode(content, prefix)
    if sound.seconds > LONGEST_S:
        raise ValueError(f"is too long: more than {LONGEST_S} s")
    if (clipped := loudness.clipped_ms(sound.samples, sound.rate)) > loudness.CLIPPED_MS:
        raise ValueError(f"is clipped: the tops of its waves are cut off for {clipped:.0f} ms; record it more softly")
    try:
        samples = to_samples(sound.wav(), prefix)
    except PromptError as error:
        raise ValueError(f"is broken: {error}") from None
    if loudness.is_silent(loudness.frames(samples)):
        raise ValueError("is silent")
    finished = audio.finish(samples, longest_pause(phrase))
    if (fault := length_fault(len(finished) / audio.RATE, phrase)) is not None:
        raise ValueError(f"is {fault}")
    return finished


def _import(
    take: Take,
    scripts: Mapping[str, Mapping[str, Line]],
    seen: dict[Line, str],
    folder: Path,
    prefix: tuple[str, ...],
    dry_run: bool,
) -> Taken:
    line = _line(take, scripts)
    if line in seen:
        raise ValueError(f"says the same as {seen[line]}, which was taken")
    samples = form(take.read(), line.phrase, prefix)
    if not dry_run:
        audio.write_wav(folder / line.language / f"{line.stored}.wav", [samples])
    seen[line] = take.shown
    return Taken(shown=take.shown, line=line, seconds=len(samples) / audio.RATE)


def _made(line: Line, folder: Path) -> Made:
    path = folder / line.language / f"{line.stored}.wav"
    return Recording(path=path, name=line.stored, language=line.language, phrase=line.phrase).made()


def _line(take: Take, scripts: Mapping[str, Mapping[str, Line]]) -> Line:
    """Raises ValueError if no line is meant."""
    if len(scripts) == 1:
        (language,) = scripts
    else:
        language = take.folder.casefold()
    if language not in scripts:
        raise ValueError(f"stands in no folder named by its language ({', '.join(scripts)}); or say --language")
    line = find_line(scripts[language], take.name)
    if line is None:
        raise ValueError(f"has an unknown name: no line of the script of {language!r} is called so")
    return line
