"""The site: its parts, its routes and the order in which a request passes through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from aiohttp import web

from pbx_bridge.health import Clock, Health, utc_now
from pbx_bridge.store.users import Role
from pbx_bridge.web import (
    assets,
    flow_page,
    guard,
    health_page,
    keys,
    language,
    live,
    memory,
    navigation,
    openapi,
    pages,
    permits,
    ports,
    problems,
    proxies,
    sign_in,
    status_page,
)
from pbx_bridge.web.admin import ports as account_ports
from pbx_bridge.web.admin import site as admin_site
from pbx_bridge.web.admin.site import AccountParts
from pbx_bridge.web.board import page as board_page
from pbx_bridge.web.board.ports import BoardParts
from pbx_bridge.web.call import site as call_site
from pbx_bridge.web.call.memory import memory_parts
from pbx_bridge.web.call.ports import CallParts
from pbx_bridge.web.callbacks import site as callbacks_site
from pbx_bridge.web.callbacks.ports import CallbackParts
from pbx_bridge.web.contracts import site as contracts_site
from pbx_bridge.web.contracts.ports import ContractParts
from pbx_bridge.web.customers import site as customers_site
from pbx_bridge.web.customers.memory import memory_customers
from pbx_bridge.web.customers.ports import CustomerParts
from pbx_bridge.web.desk import site as desk_site
from pbx_bridge.web.desk.memory import memory_desk
from pbx_bridge.web.desk.ports import DeskParts
from pbx_bridge.web.dial import site as dial_site
from pbx_bridge.web.dial.ports import DialParts
from pbx_bridge.web.history import export_page, list_page, views_page
from pbx_bridge.web.history import memory as history_memory
from pbx_bridge.web.history import ports as history_ports
from pbx_bridge.web.metrics import page as metrics_page
from pbx_bridge.web.metrics.page import MetricsParts
from pbx_bridge.web.reports import pages as reports_pages
from pbx_bridge.web.reports.memory import memory_reports
from pbx_bridge.web.reports.pages import ReportParts
from pbx_bridge.web.tickets import site as tickets_site
from pbx_bridge.web.tickets.memory import memory_parts as memory_tickets
from pbx_bridge.web.tickets.ports import TicketParts
from pbx_bridge.web.vitals import NoVitals, Vitals

MAX_BODY = 64 * 1024  # bytes; the only form is the sign-in


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteParts:
    """What the site is made of.

    Attributes:
        health: how the links stand.
        calls: the call history.
        users: who may sign in.
        call: what stands behind the page of one call.
        agents: who answers which extension.
        shortfalls: what the record may lack.
        desk: what callers left for people to do.
        drawing: the flow that callers meet, as a picture.
        board: what is heard live.
        agent_desk: what stands behind an agent's own page.
        vitals: what the status page tells beside the links.
        audit: who did or saw what.
        views: searches of the history that people saved.
        accounts: what sign-in and the admin pages are made of.
        reports: what was counted, and what went wrong.
        customers: who is served, and everybody's phone book.
        dial: telephones.
        contracts: contracts and their renewals.
        callbacks: callbacks and follow-ups.
        tickets: what stands behind the pages of tickets and complaints.
        session_key: 32 secret bytes that encrypt what a browser carries to an identity provider and back.
        zone: whose days and hours are shown.
        region: whose phone numbers are shown in national form.
        clock: the wall clock, aware UTC.
        unmasked: the roles that see whole phone numbers.
        metrics: what `/metrics` tells, and whom.
        proxies: the networks whose word counts on whom they speak for.
    """

    health: Health
    calls: ports.Calls
    users: account_ports.Users
    session_key: bytes
    zone: ZoneInfo
    region: str = "IR"
    clock: Clock = utc_now
    metrics: MetricsParts = field(default_factory=MetricsParts)
    proxies: Sequence[proxies.Network] = ()
    unmasked: frozenset[Role] = permits.UNMASKED
    agents: ports.Agents = field(default_factory=memory.MemoryAgents)
    call: CallParts = field(default_factory=memory_parts)
    shortfalls: ports.Shortfalls = field(default_factory=memory.MemoryShortfalls)
    desk: ports.Desk = field(default_factory=memory.MemoryDesk)
    drawing: ports.Drawing = field(default_factory=memory.MemoryDrawing)
    board: BoardParts = field(default_factory=BoardParts)
    agent_desk: DeskParts = field(default_factory=memory_desk)
    vitals: Vitals = field(default_factory=NoVitals)
    audit: ports.Audit = field(default_factory=memory.MemoryAudit)
    views: history_ports.Views = field(default_factory=history_memory.MemoryViews)
    accounts: AccountParts = field(default_factory=AccountParts)
    reports: ReportParts = field(default_factory=memory_reports)
    customers: CustomerParts = field(default_factory=memory_customers)
    tickets: TicketParts = field(default_factory=memory_tickets)
    dial: DialParts = field(default_factory=DialParts)
    contracts: ContractParts = field(default_factory=ContractParts)
    callbacks: CallbackParts = field(default_factory=CallbackParts)


def make_site(parts: SiteParts) -> web.Application:
    """The application, ready to be served. Raises ValueError for a session key that is not 32 bytes."""
    app = web.Application(client_max_size=MAX_BODY)
    app[keys.HEALTH], app[keys.CALLS], app[keys.USERS] = parts.health, parts.calls, parts.users
    app[keys.AGENTS] = parts.agents
    app[keys.ZONE], app[keys.REGION], app[keys.CLOCK] = parts.zone, parts.region, parts.clock
    app[keys.UNMASKED] = parts.unmasked
    app[keys.SHORTFALLS] = parts.shortfalls
    app[keys.FLOW], app[keys.DESK] = parts.drawing, parts.desk
    app[keys.AUDIT] = parts.audit
    app[keys.VIEWS] = parts.views
    app[keys.STOPPING] = asyncio.Event()
    app[keys.LIVE] = live.LiveCalls(parts.calls)
    app.on_response_prepare.append(guard.harden)
    app.middlewares.append(proxies.believing(parts.proxies))  # before anybody asks where a request comes from
    # Outermost first: whatever is raised further in becomes a page in the viewer's language.
    app.middlewares.extend([problems.explain, guard.refuse_cross_site, language.switch])
    sign_in.install(app)
    app.middlewares.append(guard.require_sign_in)
    files = assets.load()
    pages.install(app, files)
    app.add_routes([*assets.routes(files), *health_page.ROUTES, *sign_in.ROUTES])
    app[keys.VITALS] = parts.vitals
    metrics_page.install(app, parts.metrics, parts.board.feed)
    board_page.install(app, parts.board, parts.calls)
    app.add_routes(board_page.ROUTES)
    app.add_routes([*status_page.ROUTES, *flow_page.ROUTES])
    app.add_routes([*list_page.ROUTES, *export_page.ROUTES, *views_page.ROUTES])
    call_site.install(app, parts.call)
    customers_site.install(app, parts.customers)
    contracts_site.install(app, parts.contracts)
    callbacks_site.install(app, parts.callbacks)
    desk_site.install(app, parts.agent_desk, parts.board.feed)
    admin_site.install(app, parts.accounts, parts.session_key)
    reports_pages.install(app, parts.reports)
    tickets_site.install(app, parts.tickets)
    dial_site.install(app, parts.dial)
    openapi.install(app)
    guard.check_marks(app)
    navigation.install(app)
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
