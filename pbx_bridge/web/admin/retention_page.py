"""`/admin/retention`: what is kept how long, who sees numbers, and when sessions end, as the settings say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from pbx_bridge.store.users import Role
from pbx_bridge.web import keys, pages
from pbx_bridge.web.permits import Permission, needs

RETENTION: web.AppKey[Retention] = web.AppKey("retention")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Days that things are kept; 0: for ever.

    Attributes:
        recordings: by the outcome of their call; `default` for those not named.
        messages: messages that callers recorded.
        audit: lines of the audit log.
        spool: the PBX's own files that were read and set aside.
    """

    recordings: Mapping[str, int] = field(default_factory=dict)
    messages: int = 0
    audit: int = 0
    spool: int = 0


@needs(Permission.ADMIN)
async def show(request: web.Request) -> web.StreamResponse:
    """GET /admin/retention."""
    ends = request.app[keys.SIGN_INS].ends
    context = {
        "retention": request.app[RETENTION],
        "roles": list(Role),
        "unmasked": request.app[keys.UNMASKED],
        "idle": ends.idle,
        "absolute": ends.absolute,
    }
    return pages.page(request, "admin/retention.html", context)


ROUTES = [web.get("/admin/retention", show)]
