"""Holds a sounds folder against the prompts: what is missing or synthetic, and what a caller would hear as a fault.

Every sound that a prompt can need is measured, whatever the values, and every place where two of them can meet.
"""

from __future__ import annotations

import functools
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.phrase import Clip, Phrase
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds import audio, loudness
from pbx_bridge.ivr.sounds.decode import decode
from pbx_bridge.ivr.sounds.joints import Joint, joints
from pbx_bridge.ivr.sounds.lengths import length_fault, longest_pause
from pbx_bridge.ivr.sounds.loudness import CLIPPED_MS, Heard
from pbx_bridge.ivr.sounds.recordings import Recording, taken_file
from pbx_bridge.ivr.sounds.voice import Manifest, phrase_id, read_manifest

SPREAD_DB = 3.0  # between the loudest and the softest sound of a language
EDGE_S = 0.2  # of silence before or after
GAP_S = 0.3  # of silence within a sentence
_SLACK_S = GAP_S - audio.PAUSE  # over the longest pause that rendering leaves
_ROUNDING_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something a caller would hear, or would not.

    Attributes:
        file: inside the sounds folder; empty where there is none.
        text: what is or should be said.
    """

    language: str
    file: str
    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageReport:
    """How a language stands. `synthetic`: texts that a program speaks; `softest` and `loudest` in dBFS, if any."""

    language: str
    sounds: int
    synthetic: tuple[str, ...]
    softest: float | None
    loudest: float | None
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sound:
    """A file that can be played, what it says, and what was measured; None: silent, or no file of ours."""

    phrase: Phrase
    language: str
    file: str
    recorded: bool
    clipped_ms: float
    heard: Heard | None

    @property
    def text(self) -> str:
        return " ".join(item.text for item in self.phrase if isinstance(item, Clip))

    def fault(self, reason: str) -> Fault:
        return Fault(language=self.language, file=self.file, text=self.text, reason=reason)


def check_voice(
    book: PromptBook,
    folder: Path,
    languages: Collection[str],
    recordings: Collection[Recording] = (),
    prefix: tuple[str, ...] = (),
) -> tuple[LanguageReport, ...]:
    """Measure every sound that the prompts of these languages need. Raises PromptError.

    Args:
        folder: the sounds folder.
        recordings: what was placed in HOME/recordings: heard for clipping, and whether they were rendered.
        prefix: how to run sox, see `speakers.find_prefix`.
    """
    manifest = read_manifest(folder)
    reports = []
    for language in sorted(languages):
        told = [fault for r in recordings if r.language == language for fault in _placed(r, manifest, prefix)]
        reports.append(_report(book, folder, manifest, language, told))
    return tuple(reports)


def _report(
    book: PromptBook, folder: Path, manifest: Manifest, language: str, placed: Sequence[Fault]
) -> LanguageReport:
    prompts = [book.prompt(key, language) for key in sorted(book.keys(language))]
    said = {phrase_id(phrase): phrase for p in prompts if p.fixed for phrase in [book.phrase(p.key, language)]}
    wholes = {
        whole.phrase: _sound(folder, whole.file, said[whole.phrase], language, recorded=True)
        for whole in manifest.wholes
        if whole.language == language and whole.phrase in said
    }
    joined = [p for p in prompts if not p.fixed or phrase_id(book.phrase(p.key, language)) not in wholes]
    needed = book.clips((prompt.key for prompt in joined), language)
    entries = {Clip(entry.language, entry.text): entry for entry in manifest.clips}
    clips = {
        clip: _sound(folder, entries[clip].file, (clip,), language, recorded=entries[clip].source == "recorded")
        for clip in sorted(needed, key=lambda clip: clip.text)
        if clip in entries
    }
    sounds = [*wholes.values(), *clips.values()]
    levels = [sound.heard.level for sound in sounds if sound.heard]
    missing = [_missing(clip) for clip in sorted(needed - set(clips), key=lambda clip: clip.text)]
    gaps = {fault for prompt in joined for joint in joints(book, prompt) for fault in _gap(joint, clips)}
    return LanguageReport(
        language=language,
        sounds=len(sounds),
        synthetic=tuple(sound.text for sound in sounds if not sound.recorded),
        softest=min(levels, default=None),
        loudest=max(levels, default=None),
        faults=(
            *placed,
            *missing,
            *(fault for sound in sounds for fault in _faults(sound)),
            *_spread(sounds),
            *sorted(gaps, key=lambda fault: fault.text),
        ),
    )


def _sound(folder: Path, file: str, phrase: Phrase, language: str, *, recorded: bool) -> _Sound:
    try:
        samples = audio.read_wav(folder / file) if audio.seconds(folder / file) else None
    except PromptError:
        samples = None
    return _Sound(
        phrase=phrase,
        language=language,
        file=file,
        recorded=recorded,
        clipped_ms=loudness.clipped_ms(samples) if samples else 0.0,
        heard=loudness.hear(samples) if samples else None,
    )


def _placed(recording: Recording, manifest: Manifest, prefix: tuple[str, ...]) -> Iterator[Fault]:
    """What is wrong with a recording that a person placed: levelled, its clipping would no longer be seen."""
    text = " ".join(item.text for item in recording.phrase if isinstance(item, Clip))
    here = functools.partial(Fault, language=recording.language, file=str(recording.path), text=text)
    known = {whole.file for whole in manifest.wholes} | {entry.file for entry in manifest.clips}
    if recording.outdated:
        yield here(reason="was recorded for other words than those of today")
    if taken_file(recording) not in known:
        yield here(reason="is newer than what callers hear; run: pbx-bridge prompts render")
    try:
        clipped = loudness.clipped_ms(*_original(recording, prefix))
    except ValueError as error:
        yield here(reason=str(error))
    else:
        if clipped > CLIPPED_MS:
            yield here(reason=f"is clipped: the tops of its waves are cut off for {clipped:.0f} ms")


def _original(recording: Recording, prefix: tuple[str, ...]) -> tuple[array[int], int]:
    """Its samples and their rate. What `prompts import` placed is of our form and needs no program."""
    if audio.seconds(recording.path) is not None:
        return audio.read_wav(recording.path), audio.RATE
    sound = decode(recording.content(), prefix)
    return sound.samples, sound.rate


def _missing(clip: Clip) -> Fault:
    reason = "is missing; run: pbx-bridge prompts render"
    return Fault(language=clip.language, file="", text=clip.text, reason=reason)


def _faults(sound: _Sound) -> Iterator[Fault]:
    """What is wrong with a sound by itself."""
    if sound.heard is None:
        yield sound.fault("is silent, or its file is gone or broken; run: pbx-bridge prompts render")
        return
    if sound.clipped_ms > CLIPPED_MS:
        yield sound.fault(f"is clipped: the tops of its waves are cut off for {sound.clipped_ms:.0f} ms")
    if (length := length_fault(sound.heard.seconds, sound.phrase)) is not None:
        yield sound.fault(f"is {length}")
    for place, silence in (("begins", sound.heard.lead), ("ends", sound.heard.tail)):
        if silence > EDGE_S + _ROUNDING_S:
            yield sound.fault(f"{place} with {silence:.2f} s of silence; {EDGE_S} s is the most")
    most = longest_pause(sound.phrase) + _SLACK_S
    if sound.heard.pause > most + _ROUNDING_S:
        yield sound.fault(f"is silent for {sound.heard.pause:.2f} s in its middle; {most:.2f} s is the most")


def _spread(sounds: list[_Sound]) -> Iterator[Fault]:
    """The sounds that are too far from the middle of the levels, so that those to be done anew are named."""
    levels = sorted(sound.heard.level for sound in sounds if sound.heard)
    if not levels or levels[-1] - levels[0] <= SPREAD_DB:
        return
    middle = levels[len(levels) // 2]
    for sound in sounds:
        if sound.heard and abs(sound.heard.level - middle) > SPREAD_DB / 2:
            yield sound.fault(
                f"is {sound.heard.level - middle:+.1f} dB from the others; {SPREAD_DB} dB apart is the most"
            )


def _gap(joint: Joint, clips: Mapping[Clip, _Sound]) -> Iterator[Fault]:
    """The worst pair of a joint, if it is too far apart."""
    before = max(_known(joint.before, clips), key=lambda told: told[1].tail, default=None)
    after = max(_known(joint.after, clips), key=lambda told: told[1].lead, default=None)
    if before is None or after is None:
        return
    gap = before[1].tail + joint.pause.milliseconds / 1000 + after[1].lead
    if gap > GAP_S + _ROUNDING_S:
        yield before[0].fault(
            f"is followed by {after[0].text!r} after {gap:.2f} s; within a sentence {GAP_S} s is the most"
        )


def _known(clips: Collection[Clip], sounds: Mapping[Clip, _Sound]) -> Iterator[tuple[_Sound, Heard]]:
    for clip in sorted(clips, key=lambda clip: clip.text):
        sound = sounds.get(clip)
        if sound is not None and sound.heard is not None:
            yield sound, sound.heard
