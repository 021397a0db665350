"""`numbers`: the rules of the house, and what becomes of a number."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from pbx_bridge.cli.base import cli, place_of
from pbx_bridge.config import Settings, load
from pbx_bridge.errors import BridgeError, InputError, StoreError

if TYPE_CHECKING:
    from pbx_bridge.values.number_rules import NumberRules

_LINE = "{:<12} {}"


@cli.group()
def numbers() -> None:
    """Telephone numbers: the house's rules, and what becomes of one (docs/numbers.md)."""


@numbers.command("list")
def numbers_list() -> None:
    """The rules of the settings in their order, and which flow answers which number of ours.

    Exit status: 0, or 1 when a rule is wrong; the place and the reason of each are told.

    \b
    Example:
      pbx-bridge numbers list
    """
    settings = load()
    rules = settings.number_rules()
    _say("region", settings.region)
    for way, some in (("inbound", rules.inbound), ("outbound", rules.outbound)):
        for place, rule in enumerate(some, start=1):
            _say(f"{way} {place}", str(rule))
    for number, told in settings.pbx.numbers.items():
        _say("ours", f"{number} -> {_answers(settings, settings.line_of(told.flow))}")
    _say("ours", f"every other -> {_answers(settings, '')}")


@numbers.command("try", context_settings={"ignore_unknown_options": True})
@click.argument("number")
@click.option("--trunk", default="", metavar="NAME", help="The trunk that tells it of its caller.")
@click.option("--out", "outward", is_flag=True, help="As an agent dials it from the pages.")
def numbers_try(number: str, trunk: str, outward: bool) -> None:
    """What becomes of a number, step by step: as a caller's, and as one of ours; with --out when it is dialled.

    Nothing is called, and nothing is written. A caller's number is looked up in the store, if there is one.
    Exit status: 0; 1 when it may not be dialled, when there is no such trunk, or when a rule is wrong.

    \b
    Example:
      pbx-bridge numbers try 00989121234567 --trunk provider
    """
    settings = load()
    rules = settings.number_rules()
    if not outward:
        _check_trunk(settings, trunk)
    _say("given", number)
    if not outward:
        _inward(settings, rules, number, trunk)
    elif trunk:
        raise InputError("--trunk goes with a caller's number: which trunk dials is for the PBX to choose")
    else:
        _outward(settings, rules, number)


def _inward(settings: Settings, rules: NumberRules, number: str, trunk: str) -> None:
    from pbx_bridge.values import phone
    from pbx_bridge.values.number_steps import steps_in

    kept, steps = steps_in(rules, number, trunk)
    for step in steps:
        _say(step.what, step.told)
    if kept:
        _say("shown", _shown(settings, kept))
        known = phone.to_e164(kept, rules.region)
        _say("customer", asyncio.run(_customers(settings, known)) if known else "none: it is no number outside")
    _say("as ours", f"answered by {_answers(settings, rules.flow_of(number))}")


def _outward(settings: Settings, rules: NumberRules, number: str) -> None:
    from pbx_bridge.app_phones import dial_rules
    from pbx_bridge.ari_handlers.originate import dialable
    from pbx_bridge.health import utc_now
    from pbx_bridge.values.number_steps import steps_out

    dialled = dialable(number, rules.region)
    _say("read as", dialled)
    made, steps = steps_out(rules, dialled)
    for step in steps:
        _say(step.what, step.told)
    _say("shown", _shown(settings, dialled))
    _say("dialled", made)
    _say("on record", _shown(settings, rules.dialled_back(made)))
    refusal = dial_rules(settings).refusal(dialled, utc_now())
    if refusal is not None:
        why = {"pattern": "desk.dial_allow and desk.dial_deny do not let it be called", "hours": "not at this hour"}
        raise BridgeError(f"{number}: {why.get(refusal.value, refusal.value)}")


def _check_trunk(settings: Settings, trunk: str) -> None:
    known = settings.trunk_names
    if trunk and trunk not in known:
        there = ", ".join(known) or "none"
        raise InputError(f"there is no trunk {trunk!r} in pbx.trunks or numbers.trunks; there are: {there}")


def _answers(settings: Settings, line: str) -> str:
    """The flow of a line, and where it comes from."""
    from pbx_bridge.ivr.releases import Releases

    current = Releases(settings.home / "flows").current(line)
    if current is None:
        return f"flow {settings.flow_of_line(line)}"
    return f"flow {current.flow}, release {current.version}"


def _shown(settings: Settings, number: str) -> str:
    """As the pages show it in both languages."""
    from zoneinfo import ZoneInfo

    from pbx_bridge.web.show import Language, Show

    zone = ZoneInfo(settings.zone)
    shows = (Show(language=one, zone=zone, region=settings.region) for one in Language)
    return "  ".join(dict.fromkeys(show.phone(number) for show in shows))


async def _customers(settings: Settings, number: str) -> str:
    try:
        async with place_of(settings).open_existing() as store:
            found = await store.finder.find(number, whole_numbers=True)
    except StoreError as error:
        return f"not looked up: {error}"
    return _named((hit.code, hit.name) for hit in found.hits) or "none has this number"


def _named(customers: Iterable[tuple[str, str]]) -> str:
    from pbx_bridge.values.hostile import clean

    return ", ".join(f"{code} {clean(name, 60)}" for code, name in customers)


def _say(what: str, told: str) -> None:
    from pbx_bridge.values.hostile import on_terminal

    click.echo(_LINE.format(what, on_terminal(told)).rstrip())
