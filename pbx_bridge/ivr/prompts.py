"""The prompt book: what callers are told, by key and language, from one YAML file per language.

Pure but for `PromptBook.load`; knows no sound file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import yaml

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr import prompt_text
from pbx_bridge.ivr.phrase import Clip, Phrase, tidy
from pbx_bridge.ivr.prompt_text import Choice, Part, Slot, Words
from pbx_bridge.ivr.speech import FREE_KINDS, inventory, say, shown, spoken

SHIPPED = Path(__file__).parent / "prompts"

_KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")
_LANGUAGE = re.compile(r"[a-z]{2}")
_FAMILY_END = ".،,؛;:!؟? "


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One text in one language, and where it stands."""

    key: str
    language: str
    parts: tuple[Part, ...]
    path: Path
    line: int

    def error(self, reason: str) -> PromptError:
        """An error that names this prompt."""
        return PromptError(f"prompt {self.key!r}: {reason}", path=self.path, line=self.line)

    @property
    def fixed(self) -> bool:
        """Whether it says the same to everyone, so that it can be recorded in one piece."""
        return all(isinstance(part, Words) for part in self.parts)

    @property
    def free(self) -> tuple[Slot, ...]:
        """The free texts in it, which are made ahead."""
        return tuple(part for part in self.parts if isinstance(part, Slot) and part.kind in FREE_KINDS)

    @property
    def names(self) -> frozenset[str]:
        """The values it needs."""
        return frozenset(part.name for part in self.parts if not isinstance(part, Words))


Table = Mapping[str, Mapping[str, Prompt]]  # language → key → prompt
IsThere = Callable[[Clip], bool]


def _every_clip(_: Clip) -> bool:
    return True


class PromptBook:
    """Every prompt in every language. All methods raise PromptError naming file, line and key."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._every = frozenset(key for prompts in table.values() for key in prompts)

    @classmethod
    def load(cls, folder: Path = SHIPPED, extra_folder: Path | None = None) -> PromptBook:
        """Read `<language>.yaml` of a folder; those of `extra_folder`, if it exists, add and replace prompts."""
        table: dict[str, dict[str, Prompt]] = {}
        for place in (folder, extra_folder):
            for path in sorted(place.glob("*.yaml")) if place else ():
                table.setdefault(path.stem, {}).update({prompt.key: prompt for prompt in _read(path)})
        if not table:
            raise PromptError("there is no prompt file <language>.yaml here", path=folder)
        return cls(table)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that have a file."""
        return tuple(sorted(self._table))

    def keys(self, language: str) -> frozenset[str]:
        """Every prompt of a language."""
        return frozenset(self._table.get(language, ()))

    def prompt(self, key: str, language: str) -> Prompt:
        """A prompt as it was read."""
        try:
            return self._table[language][key]
        except KeyError:
            place = next(
                (p.path.with_name(f"{language}.yaml") for t in self._table.values() for p in t.values()), None
            )
            raise PromptError(f"prompt {key!r} is missing in language {language!r}", path=place) from None

    # A sentence with free text that is empty, or has no sound yet, is left out: nobody waits for a voice.

    def phrase(
        self,
        key: str,
        language: str,
        values: Mapping[str, object] | None = None,
        is_there: IsThere = _every_clip,
    ) -> Phrase:
        """What to play; nothing when every sentence is left out.

        Args:
            values: by placeholder, e.g. "ticket.status"; or by its first name, e.g. "ticket", as a mapping or an
                object with that attribute.
            is_there: whether the voice has a clip of free text by now.
        """
        prompt = self.prompt(key, language)
        parts = self._heard(prompt, values or {}, is_there)
        return tidy(tuple(item for part in parts for item in self._phrase(prompt, part, values or {})))

    def text(
        self,
        key: str,
        language: str,
        values: Mapping[str, object] | None = None,
        is_there: IsThere = _every_clip,
    ) -> str:
        """What is heard, as people write it. Arguments as for `phrase`."""
        prompt = self.prompt(key, language)
        parts = self._heard(prompt, values or {}, is_there)
        return "".join(self._text(prompt, part, values or {}) for part in parts).strip()

    def clips(self, keys: Iterable[str], language: str) -> frozenset[Clip]:
        """Every clip these prompts can ever need, whatever the values."""
        parts = [(self.prompt(key, language), part) for key in keys for part in self.prompt(key, language).parts]
        return frozenset(clip for prompt, part in parts for clip in self._part_clips(prompt, part))

    def check(self, keys: Collection[str], languages: Collection[str]) -> None:
        """Raise PromptError naming the first prompt that is missing in a language, choices included."""
        for language in languages:
            for key in sorted(keys):
                for part in self.prompt(key, language).parts:
                    if isinstance(part, Choice):
                        self._check_family(self.prompt(key, language), part.family)

    def family(self, name: str) -> frozenset[str]:
        """The keys of a closed vocabulary, e.g. `status_new` … for "status", of all languages together."""
        return frozenset(key for key in self._every if key.startswith(f"{name}_"))

    def _check_family(self, prompt: Prompt, family: str) -> None:
        keys = self.family(family)
        if not keys:
            raise prompt.error(f"no prompt is called {family}_…")
        for key in sorted(keys):
            chosen = self.prompt(key, prompt.language)
            if not chosen.fixed:
                raise chosen.error("it is chosen by a value, so it may hold no placeholder")

    def _heard(self, prompt: Prompt, values: Mapping[str, object], is_there: IsThere) -> tuple[Part, ...]:
        if not prompt.free:
            return prompt.parts
        told = prompt_text.sentences(prompt.parts)
        return tuple(part for one in told if self._is_there(prompt, one, values, is_there) for part in one)

    def _is_there(
        self, prompt: Prompt, parts: Iterable[Part], values: Mapping[str, object], is_there: IsThere
    ) -> bool:
        for part in parts:
            if isinstance(part, Slot) and part.kind in FREE_KINDS:
                clips = [item for item in self._phrase(prompt, part, values) if isinstance(item, Clip)]
                if not (clips and all(map(is_there, clips))):
                    return False
        return True

    def _phrase(self, prompt: Prompt, part: Part, values: Mapping[str, object]) -> Phrase:
        match part:
            case Words(text=text):
                return prompt_text.clips_of(text, prompt.language)
            case Slot(name=name, kind=kind):
                try:
                    return say(_value(prompt, name, values), kind, prompt.language)
                except ValueError as error:
                    raise prompt.error(f"{name}: {error}") from None
            case Choice():
                return self.phrase(self._chosen(prompt, part, values), prompt.language)
            case _:
                assert_never(part)

    def _text(self, prompt: Prompt, part: Part, values: Mapping[str, object]) -> str:
        match part:
            case Words(text=text):
                return shown(text, prompt.language)
            case Slot(name=name, kind=kind):
                try:
                    told = spoken(_value(prompt, name, values), kind, prompt.language)
                    return told.rstrip(_FAMILY_END) if kind in FREE_KINDS else told  # the prompt has its own end
                except ValueError as error:
                    raise prompt.error(f"{name}: {error}") from None
            case Choice():
                return self.text(self._chosen(prompt, part, values), prompt.language).rstrip(_FAMILY_END)
            case _:
                assert_never(part)

    def _part_clips(self, prompt: Prompt, part: Part) -> Iterator[Clip]:
        match part:
            case Words(text=text):
                yield from (item for item in prompt_text.clips_of(text, prompt.language) if isinstance(item, Clip))
            case Slot(kind=kind):
                yield from inventory(prompt.language, kind)
            case Choice(family=family):
                yield from self.clips(self.family(family), prompt.language)
            case _:
                assert_never(part)

    def _chosen(self, prompt: Prompt, choice: Choice, values: Mapping[str, object]) -> str:
        key = f"{choice.family}_{_value(prompt, choice.name, values)}"
        if key not in self._every:
            raise prompt.error(f"{choice.name}: no prompt is called {key!r}")
        return key


def _value(prompt: Prompt, name: str, values: Mapping[str, object]) -> object:
    if name in values:
        return values[name]
    first, *rest = name.split(".")
    value: object = values.get(first)
    for attribute in rest:
        value = value.get(attribute) if isinstance(value, Mapping) else getattr(value, attribute, None)
    if value is None:
        raise prompt.error(f"no value was given for {name!r}")
    return value


def _read(path: Path) -> Iterator[Prompt]:
    root = _compose(path)
    if root is None:
        return
    if not _LANGUAGE.fullmatch(path.stem):
        raise PromptError("a prompt file is called by its language, e.g. fa.yaml", path=path)
    if not isinstance(root, yaml.MappingNode):
        raise PromptError("a prompt file holds lines of key: text", path=path)
    seen: set[str] = set()
    for name, value in root.value:
        prompt = _prompt(path, name, value)
        if prompt.key in seen:
            raise prompt.error("it stands in this file twice")
        seen.add(prompt.key)
        yield prompt


def _compose(path: Path) -> yaml.Node | None:
    """The YAML tree with its lines, which a plain load would lose together with keys given twice."""
    try:
        return yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise PromptError(f"not YAML: {error.problem}", path=path, line=line) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PromptError(f"cannot be read: {error}", path=path) from None


def _prompt(path: Path, name: yaml.Node, value: yaml.Node) -> Prompt:
    line = name.start_mark.line + 1
    if not (isinstance(name, yaml.ScalarNode) and _KEY.fullmatch(name.value)):
        raise PromptError("a key is lower-case letters, digits and _, e.g. ask_tracking", path=path, line=line)
    if not isinstance(value, yaml.ScalarNode):
        raise PromptError(f"prompt {name.value!r}: its text is missing", path=path, line=line)
    try:
        parts = prompt_text.parse(value.value)
    except ValueError as error:
        raise PromptError(f"prompt {name.value!r}: {error}", path=path, line=line) from None
    prompt = Prompt(key=name.value, language=path.stem, parts=parts, path=path, line=line)
    _check_slots(prompt)
    return prompt


def _check_slots(prompt: Prompt) -> None:
    for part in prompt.parts:
        if isinstance(part, Slot):
            try:
                inventory(prompt.language, part.kind)
            except ValueError as error:
                raise prompt.error(str(error)) from None
