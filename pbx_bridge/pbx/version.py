"""Asterisk's version, and what it can: every difference between versions that we mind stands in `GATES`.

A setting that a version does not know can keep a whole module from loading. The first releases are those of
Asterisk's own change logs; what was tried on real ones is told in docs/pbx.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_VERSION = re.compile(r"Asterisk (?:certified[/-])?(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """An Asterisk version, comparable."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


OLDEST, NEWEST = Version(16, 0), Version(23, 0)  # branches looked into; the first without which nothing is promised


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a version can, by the names of `GATES`."""

    event_filter: bool
    overload_trigger: bool
    keys_received: bool
    playback_failed: bool
    queue_priority: bool
    orders_at_once: bool
    filter_by_name: bool
    rest_over_websocket: bool
    ari_user_acl: bool
    http_restrictions: bool
    cel_fields: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Something that not every version can.

    Attributes:
        what: it can, as Asterisk calls it.
        since: the first minor release by branch; a branch newer than all of these has it, any other has it not.
        without: what is done, and what is worse, where it is missing.
        felt: callers, agents or leads notice; else only a file looks otherwise, or a request goes another way.
    """

    what: str
    since: Mapping[int, int]
    without: str
    felt: bool = False


GATES: Mapping[str, Gate] = {
    "event_filter": Gate(
        what="ARI sends an application only the events it names",
        since={16: 3},
        without="every event of our callers comes and is thrown away here: more CPU for each call",
    ),
    "overload_trigger": Gate(
        what="`taskprocessor_overload_trigger` in pjsip.conf",
        since={16: 3},
        without="the line is left out; a reader of ARI that stands still can stop new calls on the whole PBX",
        felt=True,
    ),
    "keys_received": Gate(
        what="AMI's PlayDTMF with `Receive`",
        since={16: 7, 17: 1},
        without="agents hold on their phones: the page's hold is refused",
        felt=True,
    ),
    "playback_failed": Gate(
        what="ARI tells of a prompt that could not be played",
        since={16: 20, 18: 6},
        without="a prompt whose file is missing counts as heard, and the record tells of no trouble",
        felt=True,
    ),
    "queue_priority": Gate(
        what="AMI's list of a queue names each caller's priority",
        since={16: 24, 18: 10, 19: 2},
        without="after a restart of the daemon, callers are told their place as if nobody waiting had priority",
        felt=True,
    ),
    "orders_at_once": Gate(
        what="a channel in Stasis wakes up for what ARI asks of it",
        since={18: 21, 20: 6, 21: 1},
        without="a prompt begins with the caller's next packet, or 0.2 s later where none comes",
    ),
    "filter_by_name": Gate(
        what="AMI's `eventfilter(name())`",
        since={20: 11, 21: 6, 22: 1},
        without="the same events by a pattern, which costs Asterisk more CPU",
    ),
    "rest_over_websocket": Gate(
        what="ARI's requests over its websocket",
        since={20: 14, 21: 9, 22: 4},
        without="every request goes over HTTP",
    ),
    "ari_user_acl": Gate(
        what="`permit` and `deny` of an ARI user",
        since={20: 19, 22: 9, 23: 3},
        without="left out, as ARI would not load with them: keep HTTP on loopback, or behind a firewall",
    ),
    "http_restrictions": Gate(
        what="sections of `type = restriction` in http.conf",
        since={20: 19, 22: 9, 23: 3},
        without="left out: our ARI user could load modules and change the configuration",
    ),
    "cel_fields": Gate(
        what="cel_custom and cdr_custom by lists of fields",
        since={20: 19, 22: 9, 23: 3},
        without="the same 19 columns by variables; a user event then stands under its own name",
    ),
}


def parse_version(text: str) -> Version | None:
    """The version in what `asterisk -V` prints; None when there is none to be seen (a development build)."""
    found = _VERSION.search(text)
    return Version(int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def features_of(version: Version) -> Features:
    """What this version can."""
    return Features(**{name: _has(version, gate.since) for name, gate in GATES.items()})


def rest_over_websocket(told: str) -> bool:
    """Whether the Asterisk that tells this version over ARI takes requests there; of an unknown one nothing is asked.

    Over HTTP all of them take the same requests.
    """
    version = parse_version(f"Asterisk {told}")
    return version is not None and features_of(version).rest_over_websocket


def keys_received(told: str) -> bool:
    """Whether the Asterisk that tells this version over AMI can be given keys as if a phone had sent them."""
    version = parse_version(f"Asterisk {told}")
    return version is None or features_of(version).keys_received


def lacking(version: Version) -> tuple[Gate, ...]:
    """What people notice that this version cannot."""
    return tuple(gate for gate in GATES.values() if gate.felt and not _has(version, gate.since))


def _has(version: Version, since: Mapping[int, int]) -> bool:
    if version.major in since:
        return version.minor >= since[version.major]
    return version.major > max(since)
