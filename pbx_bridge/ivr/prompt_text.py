"""A prompt's text as parts: words, placeholders for values, and words chosen by a value. Pure.

The syntax is jinja2's and so is the parser, but only `{{ name | kind }}` and `{{ name | prompt('family') }}` are
accepted: a prompt file can say things, not do things.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, nodes

from pbx_bridge.ivr.grammar import Kind
from pbx_bridge.ivr.phrase import COMMA, GROUP, SENTENCE, Clip, Pause, Phrase
from pbx_bridge.ivr.speech import KINDS

_PARSER = Environment(autoescape=True)  # only ever parses
_PIECE_END = re.compile(r"(?<=[.!?؟:؛;])\s+")
_LONG = 60  # characters; about 5 s. Longer sentences are split at their commas too
_COMMA_END = re.compile(r"(?<=[,،])\s+")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Text that never changes, as written."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A value to be said, e.g. `ticket.updated_on` as a date."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A prompt chosen by a value: `status` and the value "new" give the prompt `status_new`."""

    name: str
    family: str


Part = Words | Slot | Choice


def parse(source: str) -> tuple[Part, ...]:
    """The parts of a prompt's text. Raises ValueError saying what cannot be read."""
    try:
        template = _PARSER.parse(_SPACE.sub(" ", source.strip()))
    except TemplateSyntaxError as error:
        raise ValueError(error.message) from None
    parts: list[Part] = []
    for node in template.body:
        if not isinstance(node, nodes.Output):
            raise ValueError(f"only text and {{{{ name | filter }}}} may stand here, not {type(node).__name__!r}")
        parts += [_part(inner) for inner in node.nodes]
    if not parts:
        raise ValueError("the text is empty")
    return tuple(parts)


@functools.lru_cache(maxsize=4096)
def clips_of(text: str, language: str) -> Phrase:
    """Fixed text in clips of about 5 s at most, split at sentence ends and, where long, at commas."""
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


def _part(node: nodes.Expr) -> Part:
    match node:
        case nodes.TemplateData(data=text):
            return Words(text=text)
        case nodes.Filter(
            node=nodes.Name() | nodes.Getattr() as inner,
            name="prompt",
            args=[nodes.Const(value=str(family))],
            kwargs=[],
            dyn_args=None,
            dyn_kwargs=None,
        ):
            return Choice(name=_name(inner), family=family)
        case nodes.Filter(
            node=nodes.Name() | nodes.Getattr() as inner,
            name=name,
            args=[],
            kwargs=[],
            dyn_args=None,
            dyn_kwargs=None,
        ):
            return Slot(name=_name(inner), kind=_kind(name))
        case _:
            raise ValueError("a placeholder must be {{ name | filter }}")


def _name(node: nodes.Expr) -> str:
    match node:
        case nodes.Name(name=name):
            return str(name)
        case nodes.Getattr(node=inner, attr=attr):
            return f"{_name(inner)}.{attr}"
        case _:
            raise ValueError("a placeholder's name may hold letters, digits, _ and dots only")


def _kind(name: str) -> Kind:
    for kind in KINDS:
        if kind == name:
            return kind
    raise ValueError(f"no filter is called {name!r}; there are: {', '.join(KINDS)}, prompt('...')")
