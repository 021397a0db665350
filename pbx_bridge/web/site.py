"""The site: its parts, its routes and the order in which a request passes through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from aiohttp import web

from pbx_bridge.health import Clock, Health, Meter, Tally, utc_now
from pbx_bridge.web import (
    assets,
    call_page,
    calls_page,
    flow_page,
    guard,
    health_page,
    keys,
    language,
    live,
    memory,
    metrics_page,
    pages,
    ports,
    problems,
    sign_in,
    status_page,
)

MAX_BODY = 64 * 1024  # bytes; the only form is the sign-in


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteParts:
    """What the site is made of.

    Attributes:
        health: how the links stand.
        calls: the call history.
        users: who may sign in.
        recordings: what became of the recordings of calls.
        agents: who answers which extension.
        shortfalls: what the record may lack.
        desk: what callers left for people to do.
        drawing: the flow that callers meet, as a picture.
        session_key: 32 secret bytes that encrypt the session cookie.
        zone: whose days and hours are shown.
        region: whose phone numbers are shown in national form.
        clock: the wall clock, aware UTC.
        meters: what `/metrics` tells besides the links.
    """

    health: Health
    calls: ports.Calls
    users: ports.Users
    session_key: bytes
    zone: ZoneInfo
    region: str = "IR"
    clock: Clock = utc_now
    meters: tuple[Meter | Tally, ...] = ()
    agents: ports.Agents = field(default_factory=memory.MemoryAgents)
    recordings: ports.Recordings = field(default_factory=memory.MemoryRecordings)
    shortfalls: ports.Shortfalls = field(default_factory=memory.MemoryShortfalls)
    desk: ports.Desk = field(default_factory=memory.MemoryDesk)
    drawing: ports.Drawing = field(default_factory=memory.MemoryDrawing)


def make_site(parts: SiteParts) -> web.Application:
    """The application, ready to be served. Raises ValueError for a session key that is not 32 bytes."""
    app = web.Application(client_max_size=MAX_BODY)
    app[keys.HEALTH], app[keys.CALLS], app[keys.USERS] = parts.health, parts.calls, parts.users
    app[keys.RECORDINGS], app[keys.AGENTS] = parts.recordings, parts.agents
    app[keys.ZONE], app[keys.REGION], app[keys.CLOCK] = parts.zone, parts.region, parts.clock
    app[keys.METERS], app[keys.SHORTFALLS] = parts.meters, parts.shortfalls
    app[keys.FLOW], app[keys.DESK] = parts.drawing, parts.desk
    app[keys.STOPPING] = asyncio.Event()
    app[keys.LIVE] = live.LiveCalls(parts.calls)
    app.on_response_prepare.append(guard.harden)
    # Outermost first: whatever is raised further in becomes a page in the viewer's language.
    app.middlewares.extend([problems.explain, guard.refuse_cross_site, language.switch])
    sign_in.install(app, parts.session_key)
    app.middlewares.append(guard.require_sign_in)
    files = assets.load()
    pages.install(app, files)
    app.add_routes([*assets.routes(files), *health_page.ROUTES, *metrics_page.ROUTES, *sign_in.ROUTES])
    app.add_routes([*status_page.ROUTES, *calls_page.ROUTES, *call_page.ROUTES, *flow_page.ROUTES])
    guard.check_marks(app)
    app.cleanup_ctx.append(_follow_calls)
    app.on_shutdown.append(_end_streams)
    return app


async def _follow_calls(app: web.Application) -> AsyncIterator[None]:
    async with live.following(app[keys.LIVE]):
        yield


async def _end_streams(app: web.Application) -> None:
    # Before the server waits for its handlers: an open stream would hold it up to its time limit.
    app[keys.LIVE].close()
    app[keys.STOPPING].set()
