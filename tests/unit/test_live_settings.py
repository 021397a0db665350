"""Which settings a running daemon takes up: the table in the code and the one in the docs, and what comes of both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.config import Settings, change
from pbx_bridge.config.live import is_live
from pbx_bridge.config.sections import Section

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"
OTHERS: dict[str, dict[str, Any]] = {
    "web": {"port": 8099, "idle_hours": 1.0, "metrics_for": ["10.0.0.0/8"], "host": "::1"},
    "log": {"level": "debug", "form": "json"},
    "desk": {"reasons": ["x"]},
    "pbx": {"mailbox": "699"},
    "recordings": {"keep_days": {"default": 1}, "inbound": False},
    "spool": {"keep_days": 1},
    "numbers": {"trunks": ["a"]},
}
SETTINGS = [f"{section}.{name}" for section, told in OTHERS.items() for name in told]


def names() -> Iterator[str]:
    for name, info in Settings.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, Section):
            yield from (f"{name}.{field}" for field in section.model_fields)
        else:
            yield name


def told(chosen: set[str]) -> Settings:
    sections: dict[str, dict[str, Any]] = {}
    for name in chosen:
        section, _, field = name.partition(".")
        sections.setdefault(section, {})[field] = OTHERS[section][field]
    return Settings(**sections)  # type: ignore[arg-type]


@given(before=st.sets(st.sampled_from(SETTINGS)), after=st.sets(st.sampled_from(SETTINGS)))
def test_what_can_change_does_and_the_rest_is_named(before: set[str], after: set[str]) -> None:
    changed = change(told(before), told(after))
    differing = before ^ after
    assert set(changed.taken) == {name for name in differing if is_live(name)}
    assert set(changed.waiting) == differing - set(changed.taken)
    again = change(changed.settings, told(after))
    assert (again.taken, again.waiting) == ((), changed.waiting), "what waits is named each time"
    assert change(changed.settings, told(before)).settings == told(before)


def test_the_docs_tell_which() -> None:
    text = DOCS.read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (`[^|]*) \| ([^|]*) \|$", text[text.index("Taken up while it runs") :].partition("\n\nAll")[0], re.M
    )
    listed: set[str] = set()
    for sections, what in rows:
        for section in re.findall(r"`(\w+)`", sections):
            every = {name for name in names() if name.startswith(f"{section}.")}
            named = {f"{section}.{field}" for field in re.findall(r"`(\w+)`", what)}
            listed |= every - named if what.startswith("all") else named
    assert listed == {name for name in names() if is_live(name)}


@pytest.mark.parametrize("name", ["ari.url", "store.path", "pbx.systemname", "receive.nodes", "zone", "home"])
def test_where_things_are_waits_for_a_restart(name: str) -> None:
    assert name in set(names())
    assert not is_live(name)
