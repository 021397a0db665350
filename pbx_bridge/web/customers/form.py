"""What somebody typed of a customer, as it is kept; or what is wrong with it, and where. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from pbx_bridge.store.crm import plain_code
from pbx_bridge.store.customers import Person, Sheet
from pbx_bridge.values import digits, phone
from pbx_bridge.values.hostile import clean

LANGUAGES = ("fa", "en")
LONGEST_NAME, LONGEST_CODE, LONGEST_TIER, LONGEST_AGENT = 120, 40, 40, 15
MOST_PEOPLE = 50
BLANK = 2  # empty lines offered beside those that are filled
_MOST_WAS = 20_000  # letters of what the person saw


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLine:
    """A line of the form. `error`: the key of what is wrong with its number; `other`: the line that has it, too."""

    name: str
    phone: str
    error: str = ""
    other: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form as it was filled in. `errors`: keys of words by field."""

    code: str = ""
    name: str = ""
    language: str = ""
    tier: str = ""
    agent: str = ""
    lines: tuple[PersonLine, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def wrong(self) -> bool:
        """Whether something has to be mended."""
        return bool(self.errors) or any(line.error for line in self.lines)


def read(told: Mapping[str, Sequence[str]], region: str) -> tuple[Form, Sheet]:
    """The form of its fields, each with all its values; and the customer, if nothing is wrong."""
    raw = {name: told.get(name, [""])[0] for name in ("code", "name", "language", "tier", "agent")}
    errors = dict(_errors(raw))
    lines, people = _people(told.get("contact_name", ()), told.get("contact_phone", ()), region)
    form = Form(
        code=clean(raw["code"], LONGEST_CODE + 1),
        name=clean(raw["name"], LONGEST_NAME + 1),
        language=raw["language"] if raw["language"] in LANGUAGES else "",
        tier=clean(raw["tier"], LONGEST_TIER + 1),
        agent=clean(digits.to_ascii(raw["agent"]), LONGEST_AGENT + 1),
        lines=tuple(lines),
        errors=errors,
    )
    sheet = Sheet(
        name=form.name, language=form.language, tier=form.tier, agent=form.agent, people=tuple(sorted(people))
    )
    return form, sheet


def form_of(code: str, sheet: Sheet, written: Mapping[str, str]) -> Form:
    """The form of a customer as they stand; `written`: how each of their numbers is shown."""
    lines = tuple(PersonLine(name=one.name, phone=written[one.phone_e164]) for one in sheet.people)
    return Form(code=code, name=sheet.name, language=sheet.language, tier=sheet.tier, agent=sheet.agent, lines=lines)


def seen(text: str) -> Sheet | None:
    """The customer as the person saw them when they began; None: edited by hand."""
    try:
        return msgspec.json.decode(text[:_MOST_WAS].encode("utf-8", "replace"), type=Sheet)
    except (ValueError, RecursionError):
        return None


def as_seen(sheet: Sheet) -> str:
    """What the form keeps of it."""
    return msgspec.json.encode(sheet).decode()


def _errors(raw: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    found = []
    if not clean(raw["name"]):
        found.append(("name", "customers.error.no_name"))
    for name, most in (
        ("name", LONGEST_NAME),
        ("code", LONGEST_CODE),
        ("tier", LONGEST_TIER),
        ("agent", LONGEST_AGENT),
    ):
        if len(clean(raw[name], most + 1)) > most:
            found.append((name, "customers.error.long"))
    agent = clean(digits.to_ascii(raw["agent"]), LONGEST_AGENT + 1)
    if agent and not (agent.isascii() and agent.isdigit()):
        found.append(("agent", "customers.error.agent"))
    if plain_code(clean(raw["code"])) in ("new", ".", ".."):  # addresses that lead elsewhere
        found.append(("code", "customers.error.code"))
    return found


def _people(names: Sequence[str], phones: Sequence[str], region: str) -> tuple[list[PersonLine], list[Person]]:
    """The lines that are filled in, and those of them that are right."""
    lines: list[PersonLine] = []
    people: dict[str, tuple[int, Person]] = {}
    for raw_name, raw_phone in list(zip(names, phones, strict=False))[:MOST_PEOPLE]:
        name, typed = clean(raw_name, LONGEST_NAME), clean(raw_phone, 60)
        if not name and not typed:
            continue
        number = phone.to_e164(typed, region)
        error = "" if number else f"customers.phone.{phone.why_not(typed, region)}"
        other = 0
        if number and number in people:
            error, other = "customers.phone.twice", people[number][0]
        elif number:
            people[number] = len(lines) + 1, Person(phone_e164=number, name=name)
        lines.append(PersonLine(name=name, phone=typed, error=error, other=other))
    return lines, [person for _, person in people.values()]
