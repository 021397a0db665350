"""How values are said: `say` gives the clips in order, `spoken` the words for people, `inventory` all clips. Pure.

Numbers are spelt out here and not by Asterisk, which knows no Persian, skips what it has no file for and cannot
be stopped in the middle. The inventory is finite: a voice that has it can say every value. Free text has none: its
clips are made ahead, of each text by itself (sounds/ahead.py).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import assert_never, get_args

from pbx_bridge.ivr import free_text
from pbx_bridge.ivr.grammar import LARGEST, FreeKind, Grammar, Kind, Money, ValueKind
from pbx_bridge.ivr.phrase import GROUP, Clip, Pause, Phrase, tidy
from pbx_bridge.ivr.pieces import pieces_of
from pbx_bridge.ivr.speech_en import English
from pbx_bridge.ivr.speech_fa import Persian
from pbx_bridge.values import digits, tracking

__all__ = ["GRAMMARS", "KINDS", "Clip", "Kind", "Money", "Pause", "Phrase", "inventory", "say", "shown", "spoken"]

KINDS: tuple[Kind, ...] = get_args(Kind)
FREE_KINDS: tuple[FreeKind, ...] = get_args(FreeKind)
GRAMMARS: Mapping[str, Grammar] = MappingProxyType({"fa": Persian(), "en": English()})


def say(value: object, kind: Kind, language: str) -> Phrase:
    """The clips that say a value.

    Args:
        value: digits, tracking, name, text: text; count: int; money: `Money`; date: `date`; time: `time`; duration:
            `timedelta` or whole seconds. A moment (`datetime`) is refused: its date and time depend on a zone.

    Free text is said by the voice of the script it is written in, piece by piece; nothing at all if it holds nothing
    that can be said.

    Raises ValueError if the value is not of its kind, or the language has no grammar.
    """
    grammar = _grammar(language)
    if kind == "name" or kind == "text":
        return _free(free_text.sayable(value, kind), language)
    if kind == "tracking":
        return _grouped(grammar, language, _digits(value))
    return tuple(Clip(language, text) for text in _texts(grammar, value, kind))


def spoken(value: object, kind: Kind, language: str) -> str:
    """What is heard, as people write it: digits as digits in groups, dates and counts in words. Raises ValueError."""
    grammar = _grammar(language)
    match kind:
        case "digits":
            return grammar.shown_digits(_digits(value))
        case "tracking":
            return grammar.shown_digits(" ".join(tracking.groups(_digits(value))))
        case "date":
            return grammar.shown_date(_day(value))
        case "count" | "money" | "time" | "duration":
            return grammar.shown(" ".join(_texts(grammar, value, kind)))
        case "name" | "text":
            return free_text.written(value, kind)
        case _:
            assert_never(kind)


def inventory(language: str, kind: Kind | None = None) -> frozenset[Clip]:
    """Every clip that `say` can give for a kind (unset: any kind): counts to 10^12, every date; of free text none.

    Raises ValueError if the language has no grammar.
    """
    grammar = _grammar(language)
    kinds = KINDS if kind is None else (kind,)
    texts = (grammar.inventory(each) for each in kinds if each != "name" and each != "text")
    return frozenset(Clip(language, text) for some in texts for text in some)


def shown(text: str, language: str) -> str:
    """A text as people write it, without the signs that guide the voice."""
    grammar = GRAMMARS.get(language)
    return grammar.shown(text) if grammar else text


def _grammar(language: str) -> Grammar:
    try:
        return GRAMMARS[language]
    except KeyError:
        raise ValueError(f"no values can be said in language {language!r}") from None


def _texts(grammar: Grammar, value: object, kind: ValueKind) -> tuple[str, ...]:
    match kind:
        case "digits" | "tracking":
            return tuple(text for digit in _digits(value) for text in grammar.count(int(digit)))
        case "count":
            return grammar.count(_count(value))
        case "money":
            return grammar.money(_money(value))
        case "date":
            return grammar.day(_day(value))
        case "time":
            return grammar.clock(_clock(value))
        case "duration":
            return grammar.duration(_seconds(value))
        case _:
            assert_never(kind)


@functools.lru_cache(1024)
def _free(text: str, language: str) -> Phrase:
    """Pieces of cleaned text, each in the language whose voice reads it."""
    pieces = (_read(item) if isinstance(item, Clip) else item for item in pieces_of(text, language))
    return tidy(tuple(item for item in pieces if isinstance(item, Pause) or any(map(str.isalnum, item.text))))


def _read(piece: Clip) -> Clip:
    language = free_text.language_of(piece.text, piece.language)
    return Clip(language, free_text.spelt(piece.text, _texts(GRAMMARS[language], "0123456789", "digits")))


def _grouped(grammar: Grammar, language: str, number: str) -> Phrase:
    """Digit by digit, never as pairs or a cardinal: a caller writes it down, and 60 and 16 sound alike on a phone."""
    items: list[Clip | Pause] = []
    for group in tracking.groups(number):
        items += [GROUP] if items else []
        items += [Clip(language, text) for text in _texts(grammar, group, "digits")]
    return tuple(items)


def _digits(value: object) -> str:
    plain = digits.to_ascii(value) if isinstance(value, str) else ""
    if not (plain.isascii() and plain.isdigit()):
        raise ValueError(f"{value!r} is not digits")
    return plain


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no whole number")
    if abs(value) > LARGEST:
        raise ValueError(f"{value} is too large to be said")
    return value


def _money(value: object) -> Money:
    if not isinstance(value, Money):
        raise ValueError(f"{value!r} is no amount of money")
    _count(value.amount)
    return value


def _day(value: object) -> date:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ValueError(f"{value!r} is no date")
    return value


def _clock(value: object) -> time:
    if not isinstance(value, time):
        raise ValueError(f"{value!r} is no time of day")
    return value


def _seconds(value: object) -> int:
    seconds = int(value.total_seconds()) if isinstance(value, timedelta) else _count(value)
    if not 0 <= seconds <= LARGEST:
        raise ValueError(f"{value!r} is no length of time that can be said")
    return seconds
