"""Where in a flow a caller stands, in words: what kind of place it is and how its prompt begins."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from pbx_bridge.ivr.drawing import words
from pbx_bridge.ivr.drawing.graph import kind_of
from pbx_bridge.ivr.drawing.texts import texts_of
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.values.hostile import clean

_LONGEST = 60  # letters of a prompt: enough to know it by


class FlowPlaces:
    """The words of every place in the flows that callers are in.

    Args:
        find: the flow of a version and its texts; of one that is gone, the one that goes on with its callers.
    """

    def __init__(self, find: Callable[[str], tuple[Flow, PromptBook]]) -> None:
        self._find = find
        self._known = lru_cache(4096)(self._work_out)

    def __call__(self, version: str, node: str, language: str) -> str:
        """The place of a node; empty where there is no node."""
        return self._known(version, node, language) if node else ""

    def _work_out(self, version: str, node: str, language: str) -> str:
        flow, book = self._find(version)
        place = flow.nodes.get(node)
        if place is None:
            return clean(node, 40)
        kind = words.kind(kind_of(place), language)
        prompt = next(place.prompts(), None)
        text = texts_of(book, language)(prompt) if prompt is not None else None
        if text:
            return f"{kind}: «{_short(text)}»"
        return f"{kind}: {clean(node.rpartition('/')[2].replace('_', ' '), 40)}"


def _short(text: str) -> str:
    """The beginning, up to a whole word."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST].rpartition(' ')[0] or text[:_LONGEST]}…"
