"""The dialplan: our contexts, the dead-man timer before every Stasis(), and no way from a caller to the outside."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pbx_bridge.doctor.finding import Severity, check, listed, seen
from pbx_bridge.doctor.gathered import Gathered, need
from pbx_bridge.doctor.plan_of_calls import Dialplan, Line

# Where the daemon sends callers, and what serves them without it.
CONTEXTS = (
    "pbxb-queue",
    "pbxb-voicemail",
    "pbxb-message",
    "pbxb-dial",
    "pbxb-transfer",
    "pbxb-return",
    "pbxb-alone",
    "pbxb-fallback",
    "pbxb-nobody",
    "pbxb-record",
    "pbxb-hand",
    "pbxb-hand-queue",
    "pbxb-ask",
    "pbxb-hold",
)
_OUTBOUND = {"from-internal", "outbound-allroutes"}  # FreePBX's and Issabel's, which dial by macros
_OUT = re.compile(r"\w+/(?:[\w-]+/[^@]*EXTEN|[^@]*EXTEN[^@]*@)")


@check(
    "dialplan-contexts-missing",
    Severity.FAULT,
    why="The daemon sends callers there by name: what is missing is where they are cut off.",
    mend="`pbx-bridge pbx deploy` lays our contexts into the dialplan, and has it read again.",
)
def dialplan_contexts_missing(g: Gathered) -> str:
    missing = [name for name in CONTEXTS if name not in seen(g.dialplan).contexts]
    return f"the dialplan lacks {listed(missing, 14)}" if missing else ""


@check(
    "dialplan-no-way-in",
    Severity.FAULT,
    why="No caller reaches the menu.",
    mend="Lead the inbound numbers to Stasis() with our application's name.",
)
def dialplan_no_way_in(g: Gathered) -> str:
    plan = seen(g.dialplan)
    return "" if any(_ours(plan, g.ours.app)) else f"nothing leads to Stasis({g.ours.app})"


@check(
    "dialplan-no-dead-man",
    Severity.DANGER,
    why="When the daemon freezes, callers who come by that way hear silence for ever; nothing else notices.",
    mend="Set(TIMEOUT(absolute)=10) before Stasis(), and in the same context an extension T that leads to the queue.",
)
def dialplan_no_dead_man(g: Gathered) -> str:
    plan = seen(g.dialplan)
    bare = []
    for context, exten, place, _ in _ours(plan, g.ours.app):
        extensions = plan.contexts[context].extensions
        timed = any(_sets_timer(line) for line in extensions[exten][:place])
        if not timed or "T" not in extensions:
            bare.append(f"{exten}@{context}")
    return f"no dead-man timer before Stasis() in {listed(bare)}" if bare else ""


@check(
    "dialplan-inbound-reaches-out",
    Severity.DANGER,
    why="Callers from outside can place calls to anywhere, at your cost.",
    mend="Take the include out of the inbound context.",
)
def dialplan_inbound_reaches_out(g: Gathered) -> str:
    plan = seen(g.dialplan)
    inbound = dict.fromkeys(name for name, _, _, line in _ours(plan, g.ours.app) if _is_inbound(line))
    need(bool(inbound), "no context leads callers to us")
    outbound = _OUTBOUND | {context for context, _, _, line in plan.lines("Dial") if _goes_out(line)}
    reached = [f"{name} includes {out}" for name in inbound for out in sorted(plan.included(name) & outbound)]
    return listed(reached)


def _ours(plan: Dialplan, app: str) -> Iterator[tuple[str, str, int, Line]]:
    # While somebody listens Asterisk itself has a context stasis-APP, which no caller comes into from outside.
    calls = (found for found in plan.lines("Stasis") if found[0] != f"stasis-{app}")
    return (found for found in calls if found[3].data.split(",")[0].strip() == app)


def _is_inbound(line: Line) -> bool:
    return [word.strip() for word in line.data.split(",")][1:2] == ["in"]


def _sets_timer(line: Line) -> bool:
    return line.app.lower() == "set" and line.data.replace(" ", "").startswith("TIMEOUT(absolute)=")


def _goes_out(line: Line) -> bool:
    """A number that was dialled, at a trunk: `PJSIP/…@trunk`, `SIP/trunk/…`, `DAHDI/g0/…`."""
    return _OUT.match(line.data) is not None
