"""Says prompts by name: their words for people, and their files for Asterisk."""

from __future__ import annotations

from collections.abc import Mapping

from pbx_bridge.ivr.phrase import SENTENCE
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds.voice import Media, Voice


class Announcer:
    """A prompt book and the voice that has its clips. All methods raise PromptError.

    What says the same to everyone is put together once.
    """

    def __init__(self, book: PromptBook, voice: Voice) -> None:
        self.book, self.voice = book, voice
        self._texts: dict[tuple[str, str], str] = {}
        self._media: dict[tuple[str, str], tuple[Media, ...]] = {}

    def text(self, prompt: str, language: str, values: Mapping[str, object]) -> str:
        """What is heard, as people write it."""
        text = self._texts.get((prompt, language))
        if text is None:
            text = self.book.text(prompt, language, values)
            if self.book.prompt(prompt, language).fixed:
                self._texts[prompt, language] = text
        return text

    def media(self, prompt: str, language: str, values: Mapping[str, object]) -> tuple[Media, ...]:
        """The files, in order, with the pause of a sentence's end: another prompt may follow."""
        media = self._media.get((prompt, language))
        if media is None:
            media = self.voice.media((*self.book.phrase(prompt, language, values), SENTENCE))
            if self.book.prompt(prompt, language).fixed:
                self._media[prompt, language] = media
        return media
