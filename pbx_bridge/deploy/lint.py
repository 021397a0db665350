"""Our linter of a configuration that is to come: what the doctor would find, and steps that lead nowhere.

It judges the files alone, so nothing runs and nothing is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pbx_bridge.deploy.changes import Change
from pbx_bridge.deploy.folder import Folder
from pbx_bridge.doctor.checks.dialplan import CONTEXTS
from pbx_bridge.doctor.checks.recorded import cel_difference
from pbx_bridge.doctor.conf import Conf, parse
from pbx_bridge.doctor.plan_of_calls import Dialplan, from_conf

_STEP = re.compile(r"(?:\?|:|^)([A-Za-z][\w-]*),([^,:?)]+),\w+")
_OURS = ("pbxb-", "from-agents")
_OUT = re.compile(r"outbound|outrt-", re.I)


def faults(folder: Folder, changes: Sequence[Change], *, app: str, spool: str) -> tuple[str, ...]:
    """What would be wrong once these changes are written; empty: nothing that the files show."""
    after = _After(folder, changes)
    plan = from_conf(after.conf("extensions.conf"))
    found = [*_missing(plan), *_no_timer(plan, app), *_nowhere(plan), *_ways_out(plan)]
    if different := cel_difference(after.conf("cel_custom.conf"), spool):
        found.append(different)
    return tuple(dict.fromkeys(found))


class _After:
    """The folder as it will be."""

    def __init__(self, folder: Folder, changes: Sequence[Change]) -> None:
        self._folder = folder
        self._texts = {change.name: change.after for change in changes}

    def conf(self, name: str) -> Conf:
        return parse(self._text(name), self._read)

    def _text(self, name: str) -> str:
        if name in self._texts:
            return (self._texts[name] or b"").decode("utf-8", "surrogateescape")
        return self._folder.text(name) or ""

    def _read(self, pattern: str) -> list[str]:
        here = self._folder.named(pattern)
        new = [name for name in self._texts if name == pattern and name not in here]
        return [self._text(name) for name in (*here, *new)]


def _missing(plan: Dialplan) -> Iterator[str]:
    missing = [name for name in CONTEXTS if name not in plan.contexts]
    if missing:
        yield f"the dialplan would lack {', '.join(missing)}"


def _no_timer(plan: Dialplan, app: str) -> Iterator[str]:
    found = False
    for context, exten, place, line in plan.lines("Stasis"):
        if line.data.split(",")[0].strip() != app:
            continue
        found = True
        extensions = plan.contexts[context].extensions
        timed = any("TIMEOUT(absolute)=" in one.data for one in extensions[exten][:place])
        if not timed or "T" not in extensions:
            yield f"{exten}@{context} would lead to Stasis() without a dead-man timer"
    if not found:
        yield f"nothing would lead to Stasis({app})"


def _nowhere(plan: Dialplan) -> Iterator[str]:
    """Steps of our own contexts to contexts that are not there."""
    for app in ("Goto", "GotoIf", "Gosub"):
        for context, exten, _, line in plan.lines(app):
            for target in _STEP.finditer(line.data) if context.startswith(_OURS) else ():
                if target[1] not in plan.contexts and not target[1].startswith("$"):
                    yield f"{exten}@{context} would lead to the context {target[1]}, which is not there"


def _ways_out(plan: Dialplan) -> Iterator[str]:
    """No context of ours that callers come through includes one that dials out."""
    for context in plan.contexts:
        if context.startswith("pbxb-"):
            for other in sorted(plan.included(context)):
                if _OUT.search(other) or other == "from-internal":
                    yield f"{context} would include {other}: callers could dial out"
