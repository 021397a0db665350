"""`/complaints`: their clock, the nearest deadline first: acknowledged, answered, closed, and who is told next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from pbx_bridge.calls import escalation
from pbx_bridge.calls.escalation import Rung
from pbx_bridge.store.complaints_list import STATES, ComplaintKey, ComplaintLine
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import pages
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.tickets import ticket_page
from pbx_bridge.web.tickets.people import may_see
from pbx_bridge.web.tickets.ports import PARTS, TicketParts
from pbx_bridge.web.tickets.promises import deadline
from pbx_bridge.web.viewer import Viewer

PAGE = 40
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One complaint as shown. `left`: of its next deadline; `at`, `next`: who was told, and who is told next."""

    line: ComplaintLine
    late: bool
    left: str
    at: Rung | None
    next: Rung | None


@needs(Permission.SEE_CUSTOMERS)
async def show(request: web.Request) -> web.Response:
    """GET /complaints."""
    parts, who = request.app[PARTS], pages.viewer(request)
    state = request.query.get("state", "open")
    state = state if state in STATES else "open"
    reason = clean(request.query.get("reason", ""), _LONGEST_REASON)
    after = ComplaintKey.parse(request.query.get("after", "")[:60])
    found = await parts.complaint_pages.page(state, reason=reason, after=after, limit=PAGE + 1)
    lines = [one for one in found[:PAGE] if await may_see(request, one.complaint.customer_code, one.assigned_to)]
    rows = [_row(line, parts, who) for line in lines]
    query = {"state": state} | ({"reason": reason} if reason else {})
    after_these = {**query, "after": str(ComplaintKey.of(found[PAGE - 1]))} if len(found) > PAGE else {}
    context = {
        "rows": rows,
        "state": state,
        "reason": reason,
        "tabs_": [(f"/complaints?{urlencode({**query, 'state': one})}", one) for one in STATES],
        "reasons": _reasons(parts.rules.reasons, reason),
        "older": f"/complaints?{urlencode(after_these)}" if after_these else "",
        "newest": f"/complaints?{urlencode(query)}" if after else "",
    }
    return pages.page(request, "tickets/complaints.html", context)


def _reasons(known: Sequence[str], asked: str) -> Sequence[str]:
    return known if asked in ("", *known) else [*known, asked]


def _row(line: ComplaintLine, parts: TicketParts, who: Viewer) -> Row:
    complaint = line.complaint
    rungs = escalation.rungs(parts.rules.levels, complaint.received_at)
    level = ticket_page.reached(complaint, parts, who.now)
    return Row(
        line=line,
        late=complaint.is_late(who.now),
        left=deadline(complaint, who),
        at=rungs[level - 1] if level else None,
        next=None if complaint.answered_at else ticket_page.next_rung(rungs, level),
    )


ROUTES = [web.get("/complaints", show)]
