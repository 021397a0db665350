"""Who a ticket may be given to, and who may see it."""

from __future__ import annotations

from aiohttp import web

from pbx_bridge.web import keys
from pbx_bridge.web.customers import seen
from pbx_bridge.web.permits import Permission, may


async def may_see(request: web.Request, customer_code: str, assigned_to: str) -> bool:
    """Whether whoever asks may see a ticket: it is theirs, or its customer is one they may see. Raises StoreError."""
    return assigned_to == request[keys.USER].name or await seen.may_see(request, customer_code)


async def assignees(request: web.Request) -> list[str]:
    """Everybody who may sign in and handle tickets, by name. Raises StoreError."""
    users = await request.app[keys.USERS].list()
    return sorted(user.name for user in users if not user.disabled and may(user.role, Permission.HANDLE))
