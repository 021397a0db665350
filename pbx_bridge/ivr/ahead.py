"""Which free text the prompts of a flow can say, and its clips: what is to be made before anybody calls."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.free_text import MADE_AHEAD, NAME, NOTE
from pbx_bridge.ivr.grammar import FreeKind
from pbx_bridge.ivr.phrase import Clip
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.speech import say
from pbx_bridge.store.free_texts import FreeTexts

_STILL_ASKED = timedelta(days=30)  # so long callers ask for a ticket that is closed


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Need:
    """A value that a flow says, as what, to callers of a language."""

    value: str
    kind: FreeKind
    language: str


def needs(flow: Flow, book: PromptBook) -> tuple[Need, ...]:
    """What a flow can say of the values that are made ahead."""
    prompts = [
        book.prompt(key, language)
        for language in flow.languages
        for key in flow.prompts()
        if key in book.keys(language)
    ]
    slots = {(slot.name, slot.kind, prompt.language) for prompt in prompts for slot in prompt.free}
    found = {
        Need(value=value, kind=kind, language=language)
        for value, kind, language in slots
        if value in MADE_AHEAD and (kind == "name" or kind == "text")
    }
    return tuple(sorted(found))


def needs_of(met: Iterable[tuple[Flow, PromptBook]]) -> tuple[Need, ...]:
    """The same of several flows."""
    return tuple(sorted({need for flow, book in met for need in needs(flow, book)}))


async def texts_of(needed: Iterable[Need], store: FreeTexts, now: datetime) -> dict[str, list[str]]:
    """Every text that these values can have, by value, the most urgent first. Raises StoreError."""
    values = {need.value for need in needed}
    told: dict[str, list[str]] = {}
    if NOTE in values:
        told[NOTE] = await store.notes(now - _STILL_ASKED)
    if NAME in values:
        told[NAME] = await store.names()
    return told


def clips_of(needed: Iterable[Need], texts: dict[str, list[str]]) -> tuple[Clip, ...]:
    """Every clip of these texts once, notes first."""
    order = sorted(needed, key=lambda need: (need.value != NOTE, need))
    told = ((need, text) for need in order for text in texts.get(need.value, ()))
    return tuple(dict.fromkeys(clip for need, text in told for clip in _clips(need, text)))


@functools.lru_cache(1 << 16)  # when one text of many changes, only that one is looked at
def _clips(need: Need, text: str) -> tuple[Clip, ...]:
    return tuple(item for item in say(text, need.kind, need.language) if isinstance(item, Clip))
