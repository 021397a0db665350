"""Written text in pieces that are said without a break, and the pauses that its signs ask for. Pure."""

from __future__ import annotations

import re
import unicodedata

from pbx_bridge.ivr.phrase import COMMA, GROUP, SENTENCE, Clip, Pause, Phrase

_PIECE_END = re.compile(r"(?<=[.!?؟:؛;])\s+")
_LONG = 60  # characters; about 5 s. Longer sentences are split at their commas too
_COMMA_END = re.compile(r"(?<=[,،])\s+")


def pieces_of(text: str, language: str) -> Phrase:
    """Text in clips of about 5 s, split at sentence ends and, where long, at commas."""
    items: list[Clip | Pause] = []
    for sentence in _PIECE_END.split(text):
        for piece in _COMMA_END.split(sentence) if len(sentence) > _LONG else [sentence]:
            items += _piece(piece, language)
    return tuple(items)


def _piece(piece: str, language: str) -> list[Clip | Pause]:
    """A clip and the pause that its last sign asks for; leading signs belong to a placeholder before it."""
    start = next((i for i, letter in enumerate(piece) if _is_said(letter)), len(piece))
    lead, rest = piece[:start].strip(), piece[start:].strip()
    items = _pause(lead)
    return [*items, Clip(language, rest), *_pause(rest)] if rest else items


def _is_said(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LNS"


def _pause(text: str) -> list[Clip | Pause]:
    if text.endswith((",", "،")):
        return [COMMA]
    if text.endswith((":", "؛", ";")):
        return [GROUP]  # the sentence goes on
    return [SENTENCE] if text.endswith((".", "!", "?", "؟")) else []
