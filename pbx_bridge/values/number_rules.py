"""What a house does to numbers: how its trunks write their callers, how the PBX wants numbers dialled, whose flow a
number of ours leads to. Pure.

    trunk ─► incoming ─► the number as we keep it ─► outgoing ─► what the PBX dials ─► dialled_back ─► the same

Rules are ordered, and the first that matches counts. What no rule matches stays as it came, but for local numbers,
which say nothing without their area: phone.to_e164 reads all other forms by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pbx_bridge.values import own_number, phone
from pbx_bridge.values.number_pattern import NumberPattern

_LONGEST = 15  # digits of any number in the world; what is dialled may have a prefix besides
_LONGEST_DIALLED = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRule:
    """One rule: of a number that matches, take off so many characters in front, then put others there.

    Attributes:
        trunk: the only trunk whose callers it is for; empty: any.
        withheld: who calls with such a number wants none to be known: a trunk's own, shown for all of them.
    """

    match: NumberPattern
    strip: int = 0
    put: str = ""
    trunk: str = ""
    withheld: bool = False

    def applies(self, number: str, trunk: str) -> bool:
        """Whether it is for this number of that trunk's."""
        return self.trunk in ("", trunk) and self.match.matches(number)

    def made(self, number: str) -> str:
        """What becomes of a number that matches; empty of one that is withheld."""
        return "" if self.withheld else self.put + number[self.strip :]

    def shadows(self, later: NumberRule) -> bool:
        """Whether a later rule never comes to a number, because this one has it."""
        return self.trunk in ("", later.trunk) and self.match.covers(later.match)

    def __str__(self) -> str:
        what = "withheld" if self.withheld else f"take off {self.strip}, put {self.put or 'nothing'}"
        return f"{self.match.text}: {what}" + (f" (trunk {self.trunk})" if self.trunk else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRules:
    """All rules of a house. Made by `checked`; without any, numbers stay as they come.

    Attributes:
        inbound: of callers' numbers, matched as the trunk writes them, without what stands between digits.
        outbound: of numbers that we dial: a pattern with + matches E.164, any other the form people dial here.
        flows: numbers of ours, each in all its forms, and the name of the flow that answers there; a single number
            counts before the block that it lies in.
    """

    inbound: tuple[NumberRule, ...] = ()
    outbound: tuple[NumberRule, ...] = ()
    flows: tuple[tuple[tuple[NumberPattern, ...], str], ...] = ()
    region: str = "IR"

    def incoming(self, number: str, trunk: str = "") -> str:
        """A caller's number as we keep it; empty when it is withheld."""
        if phone.is_withheld(number, self.region):
            return ""
        rule = self.rule_in(number, trunk)
        return (phone.with_area(number, self.region) or number) if rule is None else rule.made(phone.bare(number))

    def rule_in(self, number: str, trunk: str) -> NumberRule | None:
        """The rule for a caller's number; None: it stays as it came."""
        plain = phone.bare(number)
        rules = self.inbound if _is_number(plain) else ()
        return next((rule for rule in rules if rule.applies(plain, trunk)), None)

    def outgoing(self, number: str) -> str:
        """What the PBX is told to dial for a number outside; extensions and short numbers stay."""
        rule, form = self.rule_out(number)
        return number if rule is None else rule.made(form)

    def rule_out(self, number: str) -> tuple[NumberRule | None, str]:
        """The rule for a number to dial, and the form in which it matched."""
        if len(number) < phone.SHORTEST_OUTSIDE or not _is_number(number):
            return None, number
        e164 = phone.to_e164(number, self.region)
        dialled = number if e164 is None else phone.dialled(e164, self.region)
        for rule in self.outbound:
            form = (e164 or number) if rule.match.text.startswith("+") else dialled
            if rule.applies(form, ""):
                return rule, form
        return None, number

    def dialled_back(self, dialled: str) -> str:
        """The number that is reached by dialling this on a phone of ours; the same where no rule made it."""
        made = [number for rule in self.outbound if (number := self._made_of(rule, dialled))]
        known = (number for number in made if phone.to_e164(number, self.region))
        return next(known, made[0] if made else phone.with_area(dialled, self.region) or dialled)

    def _made_of(self, rule: NumberRule, dialled: str) -> str:
        """The number of which a rule makes this; empty if it makes it of none."""
        if not dialled.startswith(rule.put) or not _is_number(dialled):
            return ""
        number = rule.match.core[: rule.strip] + dialled[len(rule.put) :]
        return number if rule.match.matches(number) and self.outgoing(number) == dialled else ""

    def flow_of(self, called: str) -> str:
        """The name of the flow that answers a number of ours; empty: the one for all the others."""
        plain = phone.bare(called) if self.flows else ""
        return next((name for matches, name in self.flows if any(match.matches(plain) for match in matches)), "")

    @property
    def changes_any(self) -> bool:
        """Whether a number may become another at all."""
        return bool(self.inbound or self.outbound or phone.area_code(self.region))

    @property
    def flow_names(self) -> tuple[str, ...]:
        """Every flow that some number leads to, besides the one for all the others."""
        return tuple(dict.fromkeys(name for _, name in self.flows))


PLAIN = NumberRules()
"""No rules at all."""


def _is_number(plain: str) -> bool:
    figures = plain.removeprefix("+")
    return figures.isascii() and figures.isdigit()


# --- checking -------------------------------------------------------------------------------------------------------


def checked(
    inbound: Sequence[NumberRule],
    outbound: Sequence[NumberRule],
    flows: Mapping[str, str],
    *,
    trunks: Sequence[str],
    region: str,
    ways_out: Sequence[str] = (),
) -> tuple[NumberRules | None, list[str]]:
    """The rules, and what is wrong with them, each with its place; with anything wrong there are none.

    Args:
        flows: the name of a flow by a number of ours, or with X at its end by a block of them.
        trunks: those that there are.
        ways_out: with what a number must begin to be let out by our own dialplan; none: by another's, unknown.
    """
    wrong = [
        *(f"numbers.inbound {place}: {why}" for place, why in _wrong_in(inbound, trunks, region)),
        *(f"numbers.outbound {place}: {why}" for place, why in _wrong_out(outbound, ways_out)),
    ]
    ours = sorted(flows.items(), key=lambda told: told[0].count("X"))
    matched = tuple((_all_forms(number, region), name) for number, name in ours)
    rules = NumberRules(inbound=tuple(inbound), outbound=tuple(outbound), flows=matched, region=region)
    return (None if wrong else rules), wrong


def _all_forms(number: str, region: str) -> tuple[NumberPattern, ...]:
    return tuple(map(NumberPattern.parse, own_number.forms(number, region)))


def _wrong_in(rules: Sequence[NumberRule], trunks: Sequence[str], region: str) -> Iterator[tuple[str, str]]:
    for number, rule in enumerate(rules, start=1):
        place = f"{number} ({rule.match.text})"
        if rule.trunk and rule.trunk not in trunks:
            yield place, f"there is no trunk {rule.trunk!r}; there are: {', '.join(trunks) or 'none'}"
        if rule.withheld and (rule.strip or rule.put):
            yield place, "a withheld number is not changed: leave out strip and put"
        elif not rule.withheld and (why := _no_number(rule, region)):
            yield place, why
        yield from _shadowed(rules, number, rule, place)


def _wrong_out(rules: Sequence[NumberRule], ways_out: Sequence[str]) -> Iterator[tuple[str, str]]:
    for number, rule in enumerate(rules, start=1):
        place = f"{number} ({rule.match.text})"
        if why := _not_taken_off(rule):
            yield place, why
        elif "X" in rule.match.core[: rule.strip]:
            yield (
                place,
                "what is taken off is written out, without X: else the record cannot tell who was called",
            )
        elif len(rule.put) + len(rule.match.core) - rule.strip > _LONGEST_DIALLED:
            yield place, f"what is dialled has at most {_LONGEST_DIALLED} digits"
        elif ways_out and (made := rule.put + rule.match.core[rule.strip :]) and not made.startswith(tuple(ways_out)):
            yield place, f"our own dialplan sends out what begins with {' or '.join(ways_out)}, and not {made}"
        yield from _shadowed(rules, number, rule, place)


def _shadowed(rules: Sequence[NumberRule], number: int, rule: NumberRule, place: str) -> Iterator[tuple[str, str]]:
    for earlier, other in enumerate(rules[: number - 1], start=1):
        if other.shadows(rule):
            yield place, f"it can never match: rule {earlier} ({other.match.text}) has every such number before it"
            return


def _not_taken_off(rule: NumberRule) -> str:
    if rule.strip > len(rule.match.core):
        return f"it takes off {rule.strip} of {len(rule.match.core)} characters that are known to be there"
    if not rule.match.core and not rule.match.is_open:
        return "it matches nothing"
    return ""


def _no_number(rule: NumberRule, region: str) -> str:
    """Why what a rule makes of a caller's number can be no number outside; empty if it can."""
    if why := _not_taken_off(rule):
        return why
    rest = rule.match.core[rule.strip :]
    made = rule.put + rest
    if "+" in made[1:]:
        return f"what it makes, {made}, has a + in the middle"
    figures = len(made.removeprefix("+"))
    if figures > _LONGEST:
        return f"what it makes, {made}, has {figures} digits: no number has more than {_LONGEST}"
    if rule.match.is_open:
        return ""
    if figures < phone.SHORTEST_OUTSIDE:
        return f"what it makes, {made}, is no number outside: it has less than {phone.SHORTEST_OUTSIDE} digits"
    sample = made.replace("X", "5")
    why = "" if phone.to_e164(sample, region) else phone.why_not(sample, region)
    return f"what it makes, {made}, is no number: {_WHY[why]}" if why in _WHY else ""


_WHY = {"long": "it is too long", "short": "it is too short", "country": "there is no such country code"}
