"""What becomes of a number, step by step, for a person who wonders. Pure: it asks the rules what they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pbx_bridge.values import phone
from pbx_bridge.values.number_rules import NumberRule, NumberRules

_NO_NUMBER = {
    "empty": "nothing stands there",
    "letters": "it has letters",
    "short": "it is too short: an extension, or a service",
    "long": "it is too long",
    "country": "there is no such country code",
    "unknown": "no country has such a number",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberStep:
    """One step. `what`: its name; `told`: what it made, or why it made nothing."""

    what: str
    told: str


def steps_in(rules: NumberRules, number: str, trunk: str) -> tuple[str, Sequence[NumberStep]]:
    """A caller's number as we keep it, empty when it is withheld; and how it came to that."""
    return rules.incoming(number, trunk), list(_steps_in(rules, number, trunk))


def steps_out(rules: NumberRules, number: str) -> tuple[str, Sequence[NumberStep]]:
    """What the PBX is told to dial for a number as people dial it; and how it came to that."""
    return rules.outgoing(number), list(_steps_out(rules, number))


def normalised(number: str, region: str) -> NumberStep:
    """The step to E.164."""
    known = phone.to_e164(number, region)
    reason = _NO_NUMBER[phone.why_not(number, region)]
    return NumberStep(what="e.164", told=known or f"none: {reason}")


def _steps_in(rules: NumberRules, number: str, trunk: str) -> Iterator[NumberStep]:
    plain = phone.bare(number)
    yield NumberStep(what="read as", told=plain)
    if phone.is_withheld(number, rules.region):
        yield NumberStep(what="withheld", told="the caller shows no number: nobody is looked up, none is called back")
        return
    found = rules.rule_in(number, trunk)
    for place, rule in enumerate(rules.inbound, start=1):
        yield NumberStep(what=f"inbound {place}", told=_judged(rule, rule is found, plain, trunk))
        if rule is found:
            break
    if not rules.incoming(number, trunk):
        yield NumberStep(what="withheld", told="this number stands for callers who show none")
        return
    yield normalised(rules.incoming(number, trunk), rules.region)


def _steps_out(rules: NumberRules, number: str) -> Iterator[NumberStep]:
    yield normalised(number, rules.region)
    if len(number) < phone.SHORTEST_OUTSIDE:
        yield NumberStep(what="short", told="extensions and short numbers are dialled as they are")
        return
    found, form = rules.rule_out(number)
    for place, rule in enumerate(rules.outbound, start=1):
        yield NumberStep(what=f"outbound {place}", told=_judged(rule, rule is found, form, ""))
        if rule is found:
            break


def _judged(rule: NumberRule, applies: bool, number: str, trunk: str) -> str:
    if applies:
        return f"{rule} -> {rule.made(number) or 'withheld'}"
    if rule.trunk not in ("", trunk):
        return f"{rule}: another trunk's"
    return f"{rule}: does not match"
