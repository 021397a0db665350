"""What is left of a fact once a person is taken out of it: when, how and how long, but not who. Pure.

A number becomes NUMBER, wherever it stands and however it was written; a name becomes MARK. Both fold as a number and
a name do, so the call keeps its direction, its outcome and its times. What a fact is known by (its file, its place,
its channel) stays: the same row read again is the same fact, and brings nothing back.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, assert_never

from pbx_bridge.calls.fact_text import Undecodable, decode
from pbx_bridge.calls.facts import CelRow, Fact, FactKind, RawFact, Step, StepKind
from pbx_bridge.values import phone
from pbx_bridge.values.digits import to_ascii
from pbx_bridge.values.hostile import encodable

NUMBER = "0000000000"  # shown as a number that was withheld; long enough to be somebody outside
MARK = "[erased]"

_RUN = re.compile(r"\+?\d{7,}")
_QUOTE = '"'
_SHORTEST_NAME = 3  # letters of a name that is looked for within a text; a shorter one is met in any
# Of a CEL row: where a name stands, where a text of the dialplan stands, and what only tells times and places.
_NAME, _APP, _APP_DATA, _USER_FIELD, _EXTRA = 3, 11, 12, 17, 18
_FIXED = frozenset({0, 1, 2, 9, 11, 14, 15})
_STRUCTURE = frozenset({"Dial", "Queue", "Goto", "Stasis", "Gosub"})  # what the fold reads names of places from
_FREE = frozenset({"text", "tracking_number", "customer_code", "code", "message"})  # of steps: emptied
_ID = frozenset({"playback", "prompt", "recording"})  # of steps: names of ours
_CDR_FIXED = frozenset({"uniqueid", "linkedid", "answered_us", "ended_us", "disposition", "context", "app"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is taken out.

    Attributes:
        numbers: theirs, E.164.
        names: what they are called, as it was written.
        texts: other texts that stand for them where a number stands, such as a SIP user's name.
        region: as in values/phone.py.
    """

    numbers: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    region: str = "IR"

    def also(self, *, numbers: Iterable[str] = (), names: Iterable[str] = (), texts: Iterable[str] = ()) -> Person:
        """The same person, with more that they are known by."""
        return replace(
            self,
            numbers=self.numbers.union(numbers),
            names=self.names.union(name for name in names if name.strip() and name != MARK),
            texts=self.texts.union(text for text in texts if text.strip() and text != NUMBER),
        )

    def calling(self, number: str) -> Person:
        """The same person on a call from, or to, what is told as its number. Words such as `s`, and extensions, are
        nobody's alone.
        """
        if known := phone.to_e164(number, self.region):
            return self.also(numbers=[known])
        plain = number.strip()
        figures = sum(char.isdigit() for char in plain)
        is_name = len(plain) >= _SHORTEST_NAME and any(char.isalpha() for char in plain)
        if phone.is_withheld(plain, self.region) or not (is_name or figures >= phone.SHORTEST_OUTSIDE):
            return self
        return self.also(texts=[plain])

    @property
    def tails(self) -> frozenset[str]:
        """Digits of which some stand wherever one of the numbers does."""
        return frozenset(_tail(number, self.region) for number in self.numbers)

    def is_theirs(self, number: str) -> bool:
        """A text that stands where a number does means them."""
        plain = number.strip()
        return plain in self.texts or (_RUN.fullmatch(to_ascii(plain)) is not None and self._has(to_ascii(plain)))

    def number(self, text: str) -> str:
        """A text that may be a number, or hold one, without theirs."""
        return NUMBER if text.strip() in self.texts else self.without_numbers(text)

    def without_numbers(self, text: str) -> str:
        """A text without their numbers."""
        return _RUN.sub(lambda found: NUMBER if self._has(to_ascii(found[0])) else found[0], text)

    def text(self, text: str) -> str:
        """A text for people without their numbers and names."""
        for name in sorted(self.names, key=len, reverse=True):
            if text == name or len(name) >= _SHORTEST_NAME:
                text = text.replace(name, MARK)
        return self.without_numbers(text)

    def _has(self, digits: str) -> bool:
        if phone.to_e164(digits, self.region) in self.numbers:
            return True
        # Behind whatever a trunk or a house puts before it: 9 for a line, 00 and the country.
        return any(digits.endswith(phone.significant(number)) for number in self.numbers)


def _tail(number: str, region: str) -> str:
    """The number without country and area: people of one area leave both out."""
    significant, area = phone.significant(number), phone.area_code(region)
    return significant.removeprefix(area) if area else significant


def names_in(facts: Iterable[Fact], person: Person) -> set[str]:
    """What a call's facts call the person: beside their number, and by the customers' list."""
    found: set[str] = set()
    for fact in facts:
        match fact:
            case CelRow(num=num, name=name) if name and person.is_theirs(num):
                found.add(name)
            case Step(kind=StepKind.CUSTOMER, data={"name": str(name)}) if name:
                found.add(name)
            case _:
                pass
    return found


def erased(raw: RawFact, person: Person) -> RawFact:
    """The fact without the person, and without what anybody keyed or was told on their call."""
    change = _by_kind(raw.kind)
    try:
        decode(raw)
        body = change(raw.body, person)
    except (Undecodable, ValueError, csv.Error):  # kept as it came: at least no number of theirs
        body = person.without_numbers(raw.body)
    return raw if body == raw.body else replace(raw, body=body, told=None)


def _by_kind(kind: FactKind) -> Callable[[str, Person], str]:
    match kind:
        case FactKind.CEL:
            return _cel
        case FactKind.QUEUE:
            return _queue
        case FactKind.STEP:
            return _step
        case FactKind.LIVE:
            return _live
        case FactKind.CDR:
            return _cdr
        case FactKind.BOOT:
            return lambda body, _: body
        case _:
            assert_never(kind)


def _cel(body: str, person: Person) -> str:
    fields = next(csv.reader([body], strict=True))
    told = [text if at in _FIXED else _cel_field(at, text, fields, person) for at, text in enumerate(fields)]
    if told == fields:
        return body
    return ",".join(f'"{field.replace(_QUOTE, _QUOTE * 2)}"' for field in told)


def _cel_field(at: int, text: str, fields: list[str], person: Person) -> str:
    if not text:
        return text
    if at == _NAME:
        theirs = any(person.is_theirs(number) for number in fields[4:6])
        return MARK if theirs or text in person.names else person.number(text)
    if at == _USER_FIELD or (at == _APP_DATA and fields[_APP] not in _STRUCTURE):
        return person.text(text)
    if at == _EXTRA:
        return _json(text, person.without_numbers)
    return person.number(text)


def _queue(body: str, person: Person) -> str:
    first, parts = body.split("|", 5)[:5], body.split("|")[5:]
    return "|".join([*first, *map(person.number, parts)])


def _step(body: str, person: Person) -> str:
    told = json.loads(body)
    told["data"] = {name: _step_value(told["kind"], name, value, person) for name, value in told["data"].items()}
    return _dumped(told)


def _step_value(kind: str, name: str, value: Any, person: Person) -> Any:
    if name == "keys" and isinstance(value, str):
        return "*" * len(value)  # as a secret's are written
    if name in _FREE and isinstance(value, str):
        return ""
    if name == "name" and kind == StepKind.CUSTOMER and value:
        return MARK
    return value if name in _ID else _walked(value, person.text)


def _live(body: str, person: Person) -> str:
    told = json.loads(body)
    told["data"] = _walked(told["data"], person.number)
    return _dumped(told)


def _cdr(body: str, person: Person) -> str:
    told: Mapping[str, Any] = json.loads(body)
    changed = {
        name: value if name in _CDR_FIXED or not isinstance(value, str) else _cdr_text(name, value, person)
        for name, value in told.items()
    }
    if person.is_theirs(told["src"]) and told["clid"]:
        changed["clid"] = f'"{MARK}" <{NUMBER}>'
    return _dumped(changed, sort_keys=True)


def _cdr_text(name: str, text: str, person: Person) -> str:
    return person.text(text) if name in ("clid", "user_field") else person.number(text)


def _json(text: str, change: Callable[[str], str]) -> str:
    """A text that should be JSON with its texts changed; one that is none is changed as it stands."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return change(text)
    changed = _walked(told, change)
    return text if changed == told else _dumped(changed)


def _walked(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case list():
            return [_walked(one, change) for one in value]
        case dict():
            return {change(name): _walked(one, change) for name, one in value.items()}
        case int() if abs(value) >= 10**6 and change(str(value)) != str(value):
            return NUMBER
        case _:
            return value


def _dumped(value: Any, *, sort_keys: bool = False) -> str:
    dumps = partial(json.dumps, value, separators=(",", ":"), sort_keys=sort_keys)
    text = dumps(ensure_ascii=False)
    # Half a character, from a caller: no database takes it as it is.
    return text if text.isascii() or _is_whole(text) else dumps()


def _is_whole(text: str) -> bool:
    return text == encodable(text)
