"""Which facts belong together: the keys of a fact, within one node. Facts that share a key are of one call.

Keys are uniqueids and linkedids as Asterisk gives them, and `bridge:<id>` for a bridge people talk in. A linkedid
alone is not enough: it can end, or never merge, while the call goes on, so shared bridges and the ids a transfer
names join as well. A holding bridge joins nobody: strangers wait in it side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pbx_bridge.calls.facts import Boot, CdrRow, CelRow, Fact, Live, LiveKind, QueueEvent, Step

NO_CHANNEL = frozenset({"", "N/A", "NONE", "MANAGER", "REALTIME"})  # as queue_log and transfers write it
HOLDING = "holding_bridge"  # the technology of a bridge in which nobody hears another


def keys_of(fact: Fact) -> frozenset[str]:
    """The keys that join this fact to others of its node; empty for what is of no call (a boot, a pause)."""
    match fact:
        case CelRow():
            keys = frozenset((fact.uniqueid, fact.linkedid))
            if fact.extra:
                keys = keys.union(_named_in(fact.extra))
            return keys - NO_CHANNEL
        case QueueEvent() | Step() | Live():
            return frozenset((fact.uniqueid,)) - NO_CHANNEL
        case CdrRow():
            return frozenset((fact.uniqueid, fact.linkedid)) - NO_CHANNEL
        case Boot():
            return frozenset()


def is_closing(fact: Fact) -> bool:
    """A cheap hint: this fact may be the last of its call."""
    match fact:
        case CelRow():
            return fact.event in ("CHAN_END", "LINKEDID_END")
        case Live():
            return fact.event is LiveKind.GONE
        case CdrRow():
            return True
        case QueueEvent() | Step() | Boot():
            return False


def _named_in(extra: Mapping[str, Any]) -> Iterator[str]:
    # bridge_id, bridge1_id, bridge2_id; channel2_uniqueid, transferee_channel_uniqueid, local_two_uniqueid …
    holding = extra.get("bridge_technology") == HOLDING
    for name, value in extra.items():
        if not isinstance(value, str) or value in NO_CHANNEL:
            continue
        if name.endswith("uniqueid"):
            yield value
        elif name.startswith("bridge") and name.endswith("_id") and not holding:
            yield f"bridge:{value}"
