"""How long a prompt lasts: by its clips where they were rendered, else by its words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.grammar import Kind, Money
from pbx_bridge.ivr.phrase import SENTENCE, Clip, Pause, Phrase
from pbx_bridge.ivr.prompt_text import Choice, Part, Slot
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds.voice import Voice

# Words a second, measured over every clip of three words and more of the shipped prompts as the shipped voices say
# them: 277 English words in 81.3 s (piper, joe), 276 Persian ones in 133.1 s (espeak-ng). Anything else: the slower.
WORDS_PER_SECOND: Mapping[str, float] = {"en": 3.41, "fa": 2.07}
_SLOWEST = 2.0

# A value of each kind that takes long to say.
_LONG_VALUES: Mapping[Kind, object] = {
    "digits": "2047155029",
    "tracking": "204715502947",
    "count": 999,
    "money": Money(amount=27_475_000, currency="toman"),
    "date": date(2027, 11, 27),
    "time": time(22, 57),
    "duration": timedelta(hours=2, minutes=47),
    "name": "Behsazan-e Fanavari-ye Aftab",
    # cut to the most letters that are said
    "text": "The part was ordered and comes on Friday, then we call you to agree on a time. " * 4,
}
_PERSIAN_VALUES: Mapping[Kind, object] = {
    "name": "شرکت فناوری آفتاب شرق",
    "text": "قطعه سفارش داده شد و جمعه می‌رسد، سپس برای زمان بازدید تماس می‌گیریم. " * 5,
}


class PromptSeconds:
    """How long the prompts of a book last, said by a voice; without one, or where it lacks a clip, by their words."""

    def __init__(self, book: PromptBook, voice: Voice | None = None) -> None:
        self._book, self._voice = book, voice
        self._known: dict[tuple[str, str], float] = {}

    def __call__(self, key: str, language: str) -> float:
        """Seconds, the pause of its end included; 0 where there is no such prompt."""
        known = self._known.get((key, language))
        if known is None:
            known = self._known[key, language] = self._seconds(key, language)
        return known

    def _seconds(self, key: str, language: str) -> float:
        try:
            phrase = self._book.phrase(key, language, dict(self._values(key, language)))
        except PromptError:
            return 0.0
        if self._voice is None:
            return _guess(phrase)
        try:
            return sum(media.seconds for media in self._voice.media((*phrase, SENTENCE)))
        except PromptError:
            return _guess(phrase)

    def _values(self, key: str, language: str) -> Iterator[tuple[str, object]]:
        for part in self._book.prompt(key, language).parts:
            yield from self._value(part, language)

    def _value(self, part: Part, language: str) -> Iterator[tuple[str, object]]:
        if isinstance(part, Slot):
            own = _PERSIAN_VALUES if language == "fa" else {}
            yield part.name, own.get(part.kind, _LONG_VALUES.get(part.kind))
        elif isinstance(part, Choice):
            family = self._book.family(part.family) & self._book.keys(language)
            fixed = sorted(chosen for chosen in family if self._book.prompt(chosen, language).fixed)
            longest = max(fixed, key=lambda chosen: self(chosen, language), default="_")
            yield part.name, longest.removeprefix(f"{part.family}_")


def _guess(phrase: Phrase) -> float:
    return sum(_item(item) for item in (*phrase, SENTENCE))


def _item(item: Clip | Pause) -> float:
    if isinstance(item, Pause):
        return item.milliseconds / 1000
    return len(item.text.split()) / WORDS_PER_SECOND.get(item.language, _SLOWEST)
