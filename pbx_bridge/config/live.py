"""What of the settings a running daemon can take up, and what waits for its next start. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pbx_bridge.config.sections import Section
from pbx_bridge.config.settings import Settings

_ALL = ("*",)
# Section by section: which of its settings. Whatever is not named here is read at the start alone: where things are
# and who is connected to them, what Asterisk's own configuration is made of, what past calls were counted by.
_LIVE: Mapping[str, tuple[str, ...]] = {
    "numbers": _ALL,
    "deploy": _ALL,  # of commands; the daemon does not look at it
    "spool": ("rotate_mb", "keep_days"),
    "web": (
        "idle_hours",
        "session_hours",
        "numbers_for",
        "audit_days",
        "metrics_for",
        "passwords",
        "oidc",
        "proxies",
        "certificate",
        "key",
    ),
    "recordings": ("keep_days",),
    "messages": ("keep_days",),
    "reports": ("answer_percent", "answer_within_s"),
    "promises": _ALL,
    "contracts": _ALL,
    "customers": _ALL,
    "callbacks": _ALL,
    "desk": _ALL,
    "log": ("level",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a reading of the settings brings to a daemon.

    Attributes:
        settings: what counts from now on: those told, but as at the start what needs a restart.
        taken: the names of settings that count now and were others before.
        waiting: the names of those that need a restart.
    """

    settings: Settings
    taken: tuple[str, ...]
    waiting: tuple[str, ...]


def change(now: Settings, told: Settings) -> Change:
    """What becomes of the settings that count now when others are told."""
    taken = {name: part for name in _LIVE if (part := _taken(now, told, name)) != getattr(now, name)}
    settings = now.model_copy(update=taken)
    return Change(settings=settings, taken=tuple(_others(now, settings)), waiting=tuple(_others(settings, told)))


def is_live(name: str) -> bool:
    """Whether a running daemon takes a setting up, by its name in the file: `web.port`."""
    section, _, field = name.partition(".")
    known = _LIVE.get(section, ())
    return known == _ALL or field in known


def _taken(now: Settings, told: Settings, name: str) -> Section:
    part: Section = getattr(told, name)
    if _LIVE[name] == _ALL:
        return part
    before: Section = getattr(now, name)
    return before.model_copy(update={field: getattr(part, field) for field in _LIVE[name]})


def _others(one: Settings, two: Settings) -> Iterator[str]:
    """The names of the settings that differ."""
    for name in type(one).model_fields:
        here, there = getattr(one, name), getattr(two, name)
        if not isinstance(here, Section):
            yield from (name,) if here != there else ()
        else:
            fields = type(here).model_fields
            yield from (f"{name}.{field}" for field in fields if getattr(here, field) != getattr(there, field))
