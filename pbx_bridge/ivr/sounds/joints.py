"""Where two clips can meet within a sentence of a prompt, whatever its values are. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import assert_never

from pbx_bridge.ivr import prompt_text
from pbx_bridge.ivr.phrase import GROUP, SENTENCE, Clip, Pause, Phrase
from pbx_bridge.ivr.prompt_text import Choice, Part, Slot, Words
from pbx_bridge.ivr.prompts import Prompt, PromptBook
from pbx_bridge.ivr.speech import inventory

_NONE = Pause(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """Each clip of `before` may be followed, after a pause, by each of `after`."""

    before: frozenset[Clip]
    pause: Pause
    after: frozenset[Clip]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """Clips in a row: which can be the first, which the last, and where they meet inside."""

    first: frozenset[Clip]
    last: frozenset[Clip]
    inside: tuple[Joint, ...] = ()


def joints(book: PromptBook, prompt: Prompt) -> Iterator[Joint]:
    """Every joint of a prompt but those between two sentences."""
    for joint in _joined([item for part in prompt.parts for item in _items(book, prompt, part)]):
        if joint.pause.milliseconds < SENTENCE.milliseconds:
            yield joint


def _items(book: PromptBook, prompt: Prompt, part: Part) -> Iterator[_Stretch | Pause]:
    match part:
        case Words(text=text):
            yield from map(_alone, prompt_text.clips_of(text, prompt.language))
        case Slot(kind=kind):
            clips = inventory(prompt.language, kind)
            pauses = (_NONE, GROUP) if kind == "tracking" else (_NONE,)
            inside = tuple(Joint(before=clips, pause=pause, after=clips) for pause in pauses)
            yield _Stretch(first=clips, last=clips, inside=inside)
        case Choice(family=family):
            yield _any_of([book.phrase(key, prompt.language) for key in sorted(book.family(family))])
        case _:
            assert_never(part)


def _alone(item: Clip | Pause) -> _Stretch | Pause:
    return item if isinstance(item, Pause) else _Stretch(first=frozenset({item}), last=frozenset({item}))


def _any_of(phrases: list[Phrase]) -> _Stretch:
    clips = [[item for item in phrase if isinstance(item, Clip)] for phrase in phrases]
    return _Stretch(
        first=frozenset(said[0] for said in clips if said),
        last=frozenset(said[-1] for said in clips if said),
        inside=tuple(joint for phrase in phrases for joint in _joined([_alone(item) for item in phrase])),
    )


def _joined(items: list[_Stretch | Pause]) -> Iterator[Joint]:
    """The joints inside stretches and between neighbours; of pauses in a row the longest counts, as in `tidy`."""
    places = [place for place, item in enumerate(items) if isinstance(item, _Stretch)]
    for item in items:
        yield from item.inside if isinstance(item, _Stretch) else ()
    for here, there in pairwise(places):
        before, after = items[here], items[there]
        pauses = [item for item in items[here + 1 : there] if isinstance(item, Pause)]
        if isinstance(before, _Stretch) and isinstance(after, _Stretch):
            longest = max(pauses, key=lambda pause: pause.milliseconds, default=_NONE)
            yield Joint(before=before.last, pause=longest, after=after.first)
