"""What a person has to record for a language: a line for each whole announcement and for each clip of values. Pure.

A line's name is the name of its file. A clip's ends with eight digits of its `phrase_id`, so that other words never
go under the name of a recording that exists; what stands before them is for people and may be changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from pbx_bridge.ivr.grammar import Kind
from pbx_bridge.ivr.phrase import Clip, Phrase
from pbx_bridge.ivr.prompt_text import Words
from pbx_bridge.ivr.prompts import Prompt, PromptBook
from pbx_bridge.ivr.sounds.voice import phrase_id
from pbx_bridge.ivr.speech import GRAMMARS, KINDS, inventory, say, shown

_ID = 8  # digits of a phrase_id in the name of a clip
_SLUG = 32  # letters of a text in the name of a clip
_FUSED = "\u064f"
_EZAFE = "\u0650"
_NEW_YEAR = date(2025, 3, 21)  # the first day of a Jalali year


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One recording to be made.

    Attributes:
        name: of the file, without its ending.
        stored: what the file is called in the folder of recordings, without its ending.
        text: as people write it.
        words: as the voice shall read it.
        note: how and where it is used, in the language of the line.
        phrase: what it says.
    """

    name: str
    stored: str
    language: str
    text: str
    words: str
    note: str
    phrase: Phrase


def script(book: PromptBook, language: str) -> tuple[Line, ...]:
    """Every line of a language: announcements in the order of their file, then words, then values."""
    prompts = sorted((book.prompt(key, language) for key in book.keys(language)), key=lambda p: (str(p.path), p.line))
    wholes = [_whole(book, prompt) for prompt in prompts if prompt.fixed]
    alone = {line.phrase[0] for line in wholes if len(line.phrase) == 1}
    needed = book.clips((prompt.key for prompt in prompts if not prompt.fixed), language) - alone
    return (*wholes, *_clips(needed, language))


def by_name(lines: Collection[Line]) -> Mapping[str, Line]:
    """Lines by what the file of a recording may be called, in small letters and without its ending.

    A clip goes by its `phrase_id`, whole or shortened, whatever stands before that.
    """
    names = {line.stored: line for line in lines}
    return names | {f"-{line.stored[:_ID]}": line for line in lines if line.stored != line.name}


def find_line(lines: Mapping[str, Line], name: str) -> Line | None:
    """The line that a file means, of `by_name`."""
    plain = name.strip().casefold()
    return lines.get(plain) or lines.get(f"-{plain.rpartition('-')[2]}")


def _whole(book: PromptBook, prompt: Prompt) -> Line:
    phrase = book.phrase(prompt.key, prompt.language)
    return Line(
        name=prompt.key,
        stored=prompt.key,
        language=prompt.language,
        text=book.text(prompt.key, prompt.language),
        words="".join(part.text for part in prompt.parts if isinstance(part, Words)).strip(),
        note=_NOTES[_tongue(prompt.language)]["whole"],
        phrase=phrase,
    )


def _clips(clips: Collection[Clip], language: str) -> Iterator[Line]:
    labels = _labels(language)
    kinds = _kinds(language)
    order = {clip: place for place, clip in enumerate(labels)}
    for clip in sorted(clips, key=lambda clip: (clip in kinds, order.get(clip, len(order)), clip.text)):
        known = phrase_id((clip,))
        yield Line(
            name=f"{labels.get(clip) or _slug(clip.text) or 'words'}-{known[:_ID]}",
            stored=known,
            language=language,
            text=_open_text(clip),
            words=clip.text,
            note=_note(clip, kinds.get(clip, ())),
            phrase=(clip,),
        )


def _open_text(clip: Clip) -> str:
    """As people write it; a fused «صدُ» is «صد و», which goes on."""
    return shown(clip.text + " ", clip.language).strip()


def _slug(text: str) -> str:
    """The text as letters any file system keeps; empty for Persian."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower() if text.isascii() else "")[:_SLUG].strip("-")


def _kinds(language: str) -> dict[Clip, tuple[Kind, ...]]:
    """The sorts of values that need a clip."""
    if language not in GRAMMARS:
        return {}
    known = {kind: inventory(language, kind) for kind in KINDS}
    return {clip: tuple(k for k in KINDS if clip in known[k]) for clip in inventory(language)}


def _labels(language: str) -> dict[Clip, str]:
    """Readable names of the clips of values, in the order in which they are best recorded."""
    found: dict[Clip, str] = {}
    for clip, label in _labelled(language) if language in GRAMMARS else ():
        found.setdefault(clip, label)
    return found


def _labelled(language: str) -> Iterator[tuple[Clip, str]]:
    for number in (*range(100), *range(100, 1000, 100), *(1000**power for power in range(1, 5))):
        clips = _said(number, "count", language)
        if len(clips) == 1 or number >= 1000:
            yield clips[-1], f"number-{number}"
    for number in (*range(100, 1000, 100), *(1000**power for power in range(1, 5))):
        if number < 10**12:
            yield _said(number + 1, "count", language)[-2], f"number-{number}-and"
    if language == "fa":  # which says the day first; English names need no help
        for day in range(366):
            clips = _said(_NEW_YEAR + timedelta(days=day), "date", language)
            month, of_month = divmod(day, 31) if day < 186 else (6 + (day - 186) // 30, (day - 186) % 30)
            yield clips[0], f"day-{of_month + 1}"
            yield clips[1], f"month-{month + 1}"


def _said(value: object, kind: Kind, language: str) -> tuple[Clip, ...]:
    return tuple(item for item in say(value, kind, language) if isinstance(item, Clip))


def _tongue(language: str) -> str:
    return language if language in _NOTES else "en"


def _note(clip: Clip, kinds: tuple[Kind, ...]) -> str:
    notes = _NOTES[_tongue(clip.language)]
    told = [notes["clip"] if kinds else notes["part"]]
    told += [notes["in"] + notes["comma"].join(notes.get(kind, kind) for kind in kinds)] if kinds else []
    told += [notes["fused"]] if clip.text.endswith(_FUSED) else []
    told += [notes["ezafe"]] if clip.text.endswith(_EZAFE) else []
    return notes["stop"].join(told)


_NOTES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "whole": "a whole announcement, in one take",
        "part": "part of an announcement: a value is said before or after it",
        "clip": "one of the words that values are put together from: even voice, neither rising nor falling",
        "in": "said in: ",
        "comma": ", ",
        "stop": "; ",
        "fused": "ends with the sound -o: more follows",
        "ezafe": "ends with the sound -e: more follows",
        "digits": "digits",
        "tracking": "tracking numbers",
        "count": "counts",
        "money": "amounts",
        "date": "dates",
        "time": "times of day",
        "duration": "lengths of time",
    },
    "fa": {
        "whole": "یک پیام کامل، در یک برداشت",
        "part": "بخشی از یک پیام: پیش یا پس از آن مقداری گفته می‌شود",
        "clip": "از واژه‌هایی که مقدارها با آنها ساخته می‌شوند: یکنواخت، بی بالا و پایین رفتنِ صدا",
        "in": "به کار رفته در: ",
        "comma": "، ",
        "stop": "؛ ",
        "fused": "با صدای «ـُ» تمام می‌شود و ادامه دارد",
        "ezafe": "با صدای «ـِ» تمام می‌شود و ادامه دارد",
        "digits": "رقم‌ها",
        "tracking": "شماره‌های پیگیری",
        "count": "شمارش",
        "money": "مبلغ‌ها",
        "date": "تاریخ‌ها",
        "time": "ساعت‌ها",
        "duration": "مدت‌ها",
    },
}
