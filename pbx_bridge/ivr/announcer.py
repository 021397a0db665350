"""Says prompts by name: their words for people, and their files for Asterisk."""

from __future__ import annotations

from collections.abc import Mapping

from pbx_bridge.ivr.phrase import SENTENCE
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds.voice import Media, Voice


class Announcer:
    """A prompt book and the voice that has its clips. All methods raise PromptError.

    What says the same to everyone is put together once. Free text that has no sound yet is left out of both, with the
    sentence that it stands in; ask for both at once.
    """

    def __init__(self, book: PromptBook, voice: Voice) -> None:
        self.book, self.voice = book, voice
        self._texts: dict[tuple[str, str], str] = {}
        self._media: dict[tuple[str, str], tuple[Media, ...]] = {}

    def text(self, prompt: str, language: str, values: Mapping[str, object]) -> str:
        """What is heard, as people write it."""
        text = self._texts.get((prompt, language))
        if text is None:
            text = self.book.text(prompt, language, values, self.voice.has)
            if self.book.prompt(prompt, language).fixed:
                self._texts[prompt, language] = text
        return text

    def media(self, prompt: str, language: str, values: Mapping[str, object]) -> tuple[Media, ...]:
        """The files, in order, with a sentence's pause at the end: another may follow. None when all is left out."""
        media = self._media.get((prompt, language))
        if media is None:
            phrase = self.book.phrase(prompt, language, values, self.voice.has)
            media = self.voice.media((*phrase, SENTENCE)) if phrase else ()
            if self.book.prompt(prompt, language).fixed:
                self._media[prompt, language] = media
        return media
