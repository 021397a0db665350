"""Every report by its name, in the order in which they are offered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from pbx_bridge.web.reports import desks, kept, menus, trouble, volume
from pbx_bridge.web.reports.report import Desk, Report

Maker = Callable[[Desk], Awaitable[Report]]

REPORTS: Mapping[str, Maker] = {
    "hours": volume.hours,
    "outcomes": volume.outcomes,
    "self-service": volume.self_service,
    "funnel": menus.funnel,
    "queues": desks.queues,
    "agents": desks.agents,
    "first-contact": menus.first_contact,
    "promises": kept.promises,
    "complaints": trouble.complaints,
    "moments": trouble.wrongs,
}
