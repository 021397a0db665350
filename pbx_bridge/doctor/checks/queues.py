"""The queues that the flow hands callers to, and whether anybody is there to answer."""

from __future__ import annotations

from pbx_bridge.doctor.finding import Severity, check, listed, seen
from pbx_bridge.doctor.gathered import Gathered


@check(
    "queue-missing",
    Severity.DANGER,
    why="Callers whom the flow sends there are told that nobody is there.",
    mend="Add the queue to queues.conf, or name another in the flow.",
)
def queue_missing(g: Gathered) -> str:
    known = seen(seen(g.ami).queues)
    missing = sorted(seen(g.ours.queues) - set(known))
    return f"the PBX has no queue {listed(missing)}" if missing else ""


@check(
    "queue-without-members",
    Severity.FAULT,
    why="Callers wait there in vain, or are turned away at once.",
    mend="Add member lines in queues.conf, or have agents sign in.",
)
def queue_without_members(g: Gathered) -> str:
    queues, wanted = seen(seen(g.ami).queues), seen(g.ours.queues)
    empty = sorted(name for name in wanted & set(queues) if not queues[name])
    return f"queue {listed(empty)} has no members" if empty else ""


@check(
    "queue-nobody-reachable",
    Severity.FAULT,
    why="No phone would ring: callers are told that nobody is there.",
    mend="Register the agents' phones (`pbx-bridge agents`); outside office hours this may be as it should be.",
)
def queue_nobody_reachable(g: Gathered) -> str:
    queues, wanted = seen(seen(g.ami).queues), seen(g.ours.queues)
    told = [name for name in wanted & set(queues) if queues[name] and not any(m.reachable for m in queues[name])]
    return f"no member of queue {listed(sorted(told))} can be reached" if told else ""


@check(
    "agents-unregistered",
    Severity.ADVICE,
    why="These agents get no calls while the others get theirs.",
    mend="Register their phones; whoever is off duty may be passed over.",
)
def agents_unregistered(g: Gathered) -> str:
    endpoints, queues = seen(g.ari).endpoints, seen(seen(g.ami).queues)
    members = sorted({member.interface for members in queues.values() for member in members})
    away = [name for name in members if endpoints.get(name, "") == "offline"]
    return f"not registered: {listed(away)}" if len(away) < len(members) and away else ""  # all: said of the queues
