"""Says prompts by name: their words for people, and their files for Asterisk."""

from __future__ import annotations

from collections.abc import Mapping

from pbx_bridge.ivr.phrase import SENTENCE
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.voice import Media, Voice


class Announcer:
    """A prompt book and the voice that has its clips. All methods raise PromptError."""

    def __init__(self, book: PromptBook, voice: Voice) -> None:
        self.book, self.voice = book, voice

    def text(self, prompt: str, language: str, values: Mapping[str, object]) -> str:
        """What is heard, as people write it."""
        return self.book.text(prompt, language, values)

    def media(self, prompt: str, language: str, values: Mapping[str, object]) -> tuple[Media, ...]:
        """The files, in order, with the pause of a sentence's end: another prompt may follow."""
        return self.voice.media((*self.book.phrase(prompt, language, values), SENTENCE))
