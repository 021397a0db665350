"""Facts with the numbers of people outside as we keep them: what trunks write and what is dialled follows the house's
rules. Done before the fold, so that everything on record tells one number; the journal keeps what came. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import assert_never

import msgspec

from pbx_bridge.calls.facts import CdrRow, CelRow, Fact
from pbx_bridge.calls.timeline import peer_name
from pbx_bridge.values.number_rules import NumberRules
from pbx_bridge.values.phone import SHORTEST_OUTSIDE

_DIALS = re.compile(r"(?<=/)\+?\d+(?=@)")  # PJSIP/909121234567@trunk


def trunk_of(channel_name: str) -> str:
    """The trunk of which this is a channel, `trunk` of PJSIP/trunk-0000002a; empty of a phone of ours."""
    peer = peer_name(channel_name)
    ours = peer.isdigit() and len(peer) < SHORTEST_OUTSIDE
    return "" if ours or channel_name.startswith("Local/") else peer


def number_of_channel(rules: NumberRules, channel_name: str, number: str) -> str:
    """The number that a channel shows, as we keep it."""
    trunk = trunk_of(channel_name)
    return rules.incoming(number, trunk) if trunk else number


def as_told(facts: Iterable[Fact], rules: NumberRules) -> Sequence[Fact]:
    """The facts of a call by the rules of numbers."""
    told = tuple(facts)
    if not rules.changes_any:
        return told
    return tuple(_told(fact, rules) for fact in told)


def _told(fact: Fact, rules: NumberRules) -> Fact:
    if not isinstance(fact, CelRow | CdrRow):
        return fact
    if trunk := trunk_of(fact.channel_name):
        return _from_trunk(fact, trunk, rules)
    return _by_ours(fact, rules)


def _from_trunk(fact: CelRow | CdrRow, trunk: str, rules: NumberRules) -> Fact:
    match fact:
        case CelRow():
            return msgspec.structs.replace(fact, num=rules.incoming(fact.num, trunk))
        case CdrRow():
            return replace(fact, src=rules.incoming(fact.src, trunk))
        case _:
            assert_never(fact)


def _by_ours(fact: CelRow | CdrRow, rules: NumberRules) -> Fact:
    app_data = _DIALS.sub(lambda found: rules.dialled_back(found[0]), fact.app_data)
    match fact:
        case CelRow():
            exten, dnid = rules.dialled_back(fact.exten), rules.dialled_back(fact.dnid)
            return msgspec.structs.replace(fact, exten=exten, dnid=dnid, app_data=app_data)
        case CdrRow():
            return replace(fact, dst=rules.dialled_back(fact.dst), app_data=app_data)
        case _:
            assert_never(fact)
