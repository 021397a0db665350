"""Asterisk's configuration files as values: sections with templates applied, includes followed. Pure.

What a line cannot be read as is passed over: a doctor reads files that others wrote, and Asterisk does the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

Option = tuple[str, str]
Read = Callable[[str], Sequence[str]]
"""The texts of the files that a pattern of `#include` names."""

_HEAD = re.compile(r"\[([^\]]+)\](?:\(([^)]*)\))?")
_INCLUDE = re.compile(r"#(?:try)?include\s+[\"<]?([^\">]+)[\">]?")
_OPTION = re.compile(r"([^=]+?)\s*=>?\s*(.*)")
_BLOCK = re.compile(r";--(?!-).*?--;", re.S)
_COMMENT = re.compile(r"(?<!\\);.*")
_DEEPEST = 10
_YES = ("yes", "true", "y", "t", "1", "on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A `[name]` with its options in their order. Names of options are in lower case."""

    name: str
    options: tuple[Option, ...] = field(repr=False)  # passwords are among them

    def get(self, key: str, default: str = "") -> str:
        """An option's last value."""
        return next((value for name, value in reversed(self.options) if name == key), default)

    def all(self, key: str) -> tuple[str, ...]:
        """Every value of an option."""
        return tuple(value for name, value in self.options if name == key)

    def yes(self, key: str, default: bool = False) -> bool:
        """An option that is yes or no."""
        value = self.get(key)
        return value.lower() in _YES if value else default


@dataclass(frozen=True, slots=True, kw_only=True)
class Conf:
    """A file's sections in their order; several may have one name. Templates are not among them."""

    sections: tuple[Section, ...]

    def one(self, name: str) -> Section:
        """All sections of that name as one; empty where there is none."""
        found = (section.options for section in self.sections if section.name == name)
        return Section(name=name, options=tuple(option for options in found for option in options))

    def of_type(self, kind: str) -> Iterator[Section]:
        """The sections with `type = kind`."""
        return (section for section in self.sections if section.get("type") == kind)

    def besides(self, *names: str) -> tuple[str, ...]:
        """The names of all other sections, each once."""
        return tuple(dict.fromkeys(s.name for s in self.sections if s.name not in names))


@dataclass(slots=True)
class _Draft:
    name: str
    template: bool
    options: list[Option] = field(default_factory=list)


def parse(text: str, read: Read = lambda pattern: ()) -> Conf:
    """The file's value. `read` gives the texts of what it includes."""
    drafts: list[_Draft] = []
    for line in _lines(text, read):
        if head := _HEAD.match(line):
            _open(drafts, head[1].strip(), [word.strip() for word in (head[2] or "").split(",")])
        elif drafts and (told := _OPTION.fullmatch(line)):
            drafts[-1].options.append((told[1].lower(), told[2].replace("\\;", ";").strip()))
    once = {id(draft): draft for draft in drafts}.values()
    return Conf(sections=tuple(Section(name=d.name, options=tuple(d.options)) for d in once if not d.template))


def _open(drafts: list[_Draft], name: str, words: list[str]) -> None:
    if "+" in words and (known := _first(drafts, name)):
        drafts.append(known)  # what follows belongs to it
        return
    inherited = [option for word in words if (known := _first(drafts, word)) for option in known.options]
    drafts.append(_Draft(name, "!" in words, inherited))


def _first(drafts: list[_Draft], name: str) -> _Draft | None:
    return next((draft for draft in drafts if draft.name == name), None)


def _lines(text: str, read: Read, within: tuple[str, ...] = ()) -> Iterator[str]:
    """The lines that say something. A file is not read within itself."""
    for raw in _BLOCK.sub("", text).splitlines():
        line = _COMMENT.sub("", raw).strip()
        if included := _INCLUDE.fullmatch(line):
            chain = (*within, text)
            others = read(included[1].strip()) if len(chain) <= _DEEPEST else ()
            for other in others:
                if other not in chain:
                    yield from _lines(other, read, chain)
        elif line:
            yield line
