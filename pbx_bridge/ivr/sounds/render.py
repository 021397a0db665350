"""Renders clips ahead of time, so that nothing is synthesised while a caller waits.

A file is named by the hash of its text, language, voice and `audio.EDITION`: what is there already is right, whatever
run made it and however that run ended. Files appear whole or not at all; the manifest is written last.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.phrase import PAUSES, Clip, Pause
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds import audio
from pbx_bridge.ivr.sounds.lengths import longest_pause
from pbx_bridge.ivr.sounds.recordings import Recording, find_recordings, taken_file
from pbx_bridge.ivr.sounds.speakers import Source, Speaker, to_samples
from pbx_bridge.ivr.sounds.voice import MANIFEST, Entry, Manifest, Voice, Whole, phrase_id, read_manifest

FIXED = ("to_person", "nobody", "unavailable", "goodbye")  # announcements the dialplan plays without the daemon
FIXED_FOLDER = "fixed"

Progress = Callable[[int, int, str], None]  # clips done, clips to do, the text of the last one

_WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderReport:
    """What a rendering did, in clips."""

    rendered: int
    kept: int
    recorded: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    clip: Clip
    file: str
    source: Source


def prepare(
    book: PromptBook,
    folder: Path,
    speakers: Mapping[str, Speaker],
    *,
    prefix: tuple[str, ...] = (),
    recordings: Path | None = None,
    progress: Progress | None = None,
) -> RenderReport:
    """Render every prompt of every language that has a speaker, and publish the fixed announcements.

    Args:
        folder: the sounds folder.
        prefix: how to run sox, see `speakers.find_prefix`.
        recordings: a folder of recorded prompts, see `recordings`.

    Raises PromptError saying what is missing, broken or could not be written.
    """
    clips = frozenset(clip for lang in speakers for clip in book.clips(book.keys(lang), lang))
    found = find_recordings(book, recordings, clips)
    report = render(clips, folder, speakers, recordings=found, prefix=prefix, progress=progress)
    publish(book, Voice.load(folder), FIXED, tuple(speakers), folder / FIXED_FOLDER)
    return report


def render(
    clips: Collection[Clip],
    folder: Path,
    speakers: Mapping[str, Speaker],
    *,
    recordings: Sequence[Recording] = (),
    prefix: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> RenderReport:
    """Render the clips that are missing; a recording wins over a speaker. Raises PromptError.

    `speakers` by language. Interrupted, it loses at most the clips in hand.
    """
    began = time.monotonic()
    try:
        taken = {recording: _take(recording, folder, prefix) for recording in recordings}
        jobs = _plan(clips, speakers, taken)
        todo = [job for job in jobs if audio.seconds(folder / job.file) is None]
        for done, job in enumerate(_work(todo, folder, speakers, prefix), start=1):
            if progress:
                progress(done, len(todo), job.clip.text)
        _write_manifest(folder, jobs, taken)
    except OSError as error:
        raise PromptError(f"cannot be written: {error.strerror}", path=error.filename or folder) from error
    return RenderReport(
        rendered=len(todo), kept=len(jobs) - len(todo), recorded=len(taken), seconds=time.monotonic() - began
    )


def publish(book: PromptBook, voice: Voice, keys: Iterable[str], languages: Iterable[str], folder: Path) -> None:
    """Write whole prompts under stable names, `folder/<language>/<key>.wav`. Raises PromptError."""
    wanted = [(key, language) for language in languages for key in keys]
    try:
        for key, language in wanted:
            media = voice.media(book.phrase(key, language))
            audio.write_wav(folder / language / f"{key}.wav", (audio.read_wav(voice.path(m)) for m in media))
    except OSError as error:
        raise PromptError(f"cannot be written: {error.strerror}", path=error.filename or folder) from error


def _plan(clips: Collection[Clip], speakers: Mapping[str, Speaker], taken: Mapping[Recording, str]) -> list[_Job]:
    recorded = {r.phrase[0]: file for r, file in taken.items() if len(r.phrase) == 1}
    jobs = []
    for clip in sorted(clips, key=lambda clip: (clip.language, clip.text)):
        file = recorded.get(clip)
        if file is not None:
            jobs.append(_Job(clip=clip, file=file, source="recorded"))
        elif clip.language in speakers:
            speaker = speakers[clip.language]
            jobs.append(_Job(clip=clip, file=file_of(clip, speaker.voice_id), source=speaker.source))
        else:
            raise PromptError(f"nobody speaks language {clip.language!r}, which {clip.text!r} needs")
    return jobs


def file_of(clip: Clip, voice_id: str) -> str:
    """The name of a clip's file inside the sounds folder, by what it says and who says it."""
    told = msgspec.json.encode((audio.EDITION, voice_id, clip.language, clip.text))
    return f"{clip.language}/{hashlib.sha256(told).hexdigest()[:16]}.wav"


def _take(recording: Recording, folder: Path, prefix: tuple[str, ...]) -> str:
    """Bring a recording to our form; the file's name in the folder."""
    file = taken_file(recording)
    if audio.seconds(folder / file) is None:
        try:
            samples = to_samples(recording.content(), prefix)
            audio.write_wav(folder / file, [audio.finish(samples, longest_pause(recording.phrase))])
        except (PromptError, ValueError) as error:
            raise PromptError(f"is no recording we can use: {error}", path=recording.path) from None
    return file


def _work(
    jobs: Sequence[_Job], folder: Path, speakers: Mapping[str, Speaker], prefix: tuple[str, ...]
) -> Iterator[_Job]:
    """Speak here, convert in threads: sox is a process and the speakers are too, so both cores are busy."""
    pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="render")
    ahead: deque[tuple[_Job, Future[None]]] = deque()
    try:
        for language in sorted({job.clip.language for job in jobs}):
            own = [job for job in jobs if job.clip.language == language]
            spoken = speakers[language].speak([job.clip.text for job in own])
            for job, wav in zip(own, spoken, strict=True):
                ahead.append((job, pool.submit(_finish, job, wav, folder, prefix)))
                if len(ahead) > 2 * _WORKERS:
                    yield _done(*ahead.popleft())
        while ahead:
            yield _done(*ahead.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _done(job: _Job, future: Future[None]) -> _Job:
    future.result()
    return job


def _finish(job: _Job, wav: bytes, folder: Path, prefix: tuple[str, ...]) -> None:
    try:
        samples = audio.finish(to_samples(wav, prefix))
    except ValueError as error:
        raise PromptError(f"the voice cannot say {job.clip.text!r}: {error}") from None
    audio.write_wav(folder / job.file, [samples])


def _write_manifest(folder: Path, jobs: Sequence[_Job], taken: Mapping[Recording, str]) -> None:
    """Clips of earlier runs that are not asked for now stay known: another flow may use them."""
    old = {Clip(entry.language, entry.text): entry for entry in read_manifest(folder).clips}
    new = {job.clip: _entry(folder, job) for job in jobs}
    clips = sorted((old | new).values(), key=lambda entry: (entry.language, entry.text))
    wholes = tuple(_whole(folder, recording, file) for recording, file in taken.items())
    manifest = Manifest(clips=tuple(clips), wholes=wholes, pauses={p.milliseconds: _pause(folder, p) for p in PAUSES})
    audio.write_whole(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


def _entry(folder: Path, job: _Job) -> Entry:
    return Entry(
        language=job.clip.language,
        text=job.clip.text,
        file=job.file,
        source=job.source,
        seconds=audio.seconds(folder / job.file) or 0.0,
    )


def _whole(folder: Path, recording: Recording, file: str) -> Whole:
    return Whole(
        phrase=phrase_id(recording.phrase),
        prompt=recording.name,
        language=recording.language,
        file=file,
        seconds=audio.seconds(folder / file) or 0.0,
    )


def _pause(folder: Path, pause: Pause) -> str:
    file = f"pause-{pause.milliseconds}.wav"
    if audio.seconds(folder / file) is None:
        audio.write_wav(folder / file, [audio.silence(pause.milliseconds)])
    return file
