"""A prompt's text as parts: words, placeholders for values, and words chosen by a value. Pure.

The syntax is jinja2's and so is the parser, but only `{{ name | kind }}` and `{{ name | prompt('family') }}` are
accepted: a prompt file can say things, not do things.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, nodes

from pbx_bridge.ivr.grammar import Kind
from pbx_bridge.ivr.phrase import Phrase
from pbx_bridge.ivr.pieces import pieces_of
from pbx_bridge.ivr.speech import KINDS

_PARSER = Environment(autoescape=True)  # only ever parses
_SENTENCE = re.compile(r".*?[.!?؟]\s+|.+$", re.DOTALL)
_SENTENCE_END = re.compile(r"[.!?؟]\s+$")
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
    """Fixed text in clips of about 5 s at most."""
    return pieces_of(text, language)


@functools.lru_cache(maxsize=1024)
def sentences(parts: tuple[Part, ...]) -> tuple[tuple[Part, ...], ...]:
    """The same parts, sentence by sentence: one ends at a sign . ! ? with a space after it."""
    done: list[tuple[Part, ...]] = []
    open_: list[Part] = []
    for part in parts:
        for piece in map(_words, _SENTENCE.findall(part.text)) if isinstance(part, Words) else (part,):
            open_.append(piece)
            if isinstance(piece, Words) and _SENTENCE_END.search(piece.text):
                done.append(tuple(open_))
                open_ = []
    return (*done, tuple(open_)) if open_ else tuple(done)


def _words(text: str) -> Words:
    return Words(text=text)


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
