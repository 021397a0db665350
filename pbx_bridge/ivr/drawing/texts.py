"""What a prompt says, for a drawing: its words, with … for what is put in while a call runs. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.prompt_text import Words
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.speech import shown
from pbx_bridge.values.hostile import clean

_SEVERAL = re.compile(r"…(?:[\s.,،:;؛]*…)+")

Texts = Callable[[str], str | None]
"""The words of a prompt by its key; None: it has no text in the drawing's language."""


def texts_of(book: PromptBook, language: str) -> Texts:
    """The texts of one language."""

    def text(key: str) -> str | None:
        try:
            prompt = book.prompt(key, language)
        except PromptError:
            return None
        said = [shown(part.text, language) if isinstance(part, Words) else "…" for part in prompt.parts]
        return clean(_SEVERAL.sub("…", "".join(said)))

    return text
