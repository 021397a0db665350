"""Asterisk's version, and what of our configuration it understands."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERSION = re.compile(r"Asterisk (?:certified[/-])?(\d+)\.(\d+)(?:\.(\d+))?")

# The first minor release of each branch that has a feature; a branch not named here and newer than all has it.
_SPRING_2026 = {20: 19, 22: 9, 23: 3}
_FILTER_BY_NAME = {20: 11, 21: 6, 22: 1}


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """An Asterisk version, comparable."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a version understands. A line it does not know can keep a whole module from loading.

    Attributes:
        ari_user_acl: permit/deny per ARI user; an older res_ari refuses to load because of it.
        http_restrictions: sections of type restriction in http.conf.
        cel_fields: cel_custom and cdr_custom by field lists.
        filter_by_name: AMI filters by event name, cheaper than by pattern.
    """

    ari_user_acl: bool
    http_restrictions: bool
    cel_fields: bool
    filter_by_name: bool


def parse_version(text: str) -> Version | None:
    """The version in what `asterisk -V` prints; None when there is none to be seen (a development build)."""
    found = _VERSION.search(text)
    return Version(int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def features_of(version: Version) -> Features:
    """What this version understands."""
    spring_2026 = _has(version, _SPRING_2026)
    return Features(
        ari_user_acl=spring_2026,
        http_restrictions=spring_2026,
        cel_fields=spring_2026,
        filter_by_name=_has(version, _FILTER_BY_NAME),
    )


def _has(version: Version, since: dict[int, int]) -> bool:
    if version.major in since:
        return version.minor >= since[version.major]
    return version.major > max(since)
