"""A visitor of the site in memory: its parts, a clock that stands still, and a client that can sign in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from demo_history import NOON

from pbx_bridge.calls.call import Call
from pbx_bridge.health import Health, LinkState
from pbx_bridge.web.admin.memory import MemorySessions, MemoryTokens, MemoryUsers
from pbx_bridge.web.admin.site import AccountParts
from pbx_bridge.web.board.ports import BoardParts
from pbx_bridge.web.call.memory import MemorySounds, memory_parts
from pbx_bridge.web.callbacks.ports import CallbackParts
from pbx_bridge.web.contracts.ports import ContractParts
from pbx_bridge.web.customers.memory import memory_customers
from pbx_bridge.web.desk.memory import memory_desk
from pbx_bridge.web.memory import (
    MemoryAgents,
    MemoryAudit,
    MemoryCalls,
    MemoryDesk,
    MemoryDrawing,
    MemoryShortfalls,
)
from pbx_bridge.web.ports import Desk, Shortfalls
from pbx_bridge.web.proxies import Network
from pbx_bridge.web.reports.memory import memory_reports
from pbx_bridge.web.reports.pages import ReportParts
from pbx_bridge.web.site import SiteParts, make_site
from pbx_bridge.web.tickets.memory import MemoryTickets
from pbx_bridge.web.tickets.memory import memory_parts as memory_tickets
from pbx_bridge.web.vitals import NoVitals, Vitals

NAME, PASSWORD = "lead", "a fine password"
TEHRAN = ZoneInfo("Asia/Tehran")
FROM_PAGE = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Parts:
    """What stands behind the site."""

    calls: MemoryCalls = field(default_factory=MemoryCalls)
    users: MemoryUsers = field(default_factory=lambda: MemoryUsers({NAME: PASSWORD}))
    now: datetime = NOON
    sounds: MemorySounds = field(default_factory=MemorySounds)
    agents: MemoryAgents = field(default_factory=MemoryAgents)
    shortfalls: Shortfalls = field(default_factory=MemoryShortfalls)
    desk: Desk = field(default_factory=MemoryDesk)
    drawing: MemoryDrawing = field(default_factory=MemoryDrawing)
    board: BoardParts = field(default_factory=BoardParts)
    vitals: Vitals = field(default_factory=NoVitals)
    sessions: MemorySessions = field(default_factory=MemorySessions)
    tokens: MemoryTokens = field(default_factory=MemoryTokens)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    contracts: ContractParts = field(default_factory=ContractParts)
    callbacks: CallbackParts = field(default_factory=CallbackParts)
    reports: ReportParts = field(default_factory=memory_reports)
    proxies: Sequence[Network] = ()

    def __post_init__(self) -> None:
        self.call = memory_parts(self.sounds, clock=lambda: self.now)
        self.customers = memory_customers(clock=lambda: self.now)
        self.agent_desk = memory_desk(clock=lambda: self.now)
        self.tickets = MemoryTickets(clock=lambda: self.now)
        self.health = Health(clock=lambda: self.now - timedelta(hours=2, minutes=7))
        for name in ("ari", "ami", "spool", "store"):
            self.health.report(name, LinkState.UP)

    def put(self, calls: Iterable[Call]) -> None:
        """Put calls on the record."""
        for call in calls:
            self.calls.put(call)

    def site(self) -> web.Application:
        """The site on these parts."""
        return make_site(
            SiteParts(
                health=self.health,
                calls=self.calls,
                users=self.users,
                session_key=b"k" * 32,
                zone=TEHRAN,
                clock=lambda: self.now,
                call=self.call,
                customers=self.customers,
                agent_desk=self.agent_desk,
                tickets=memory_tickets(self.tickets),
                reports=self.reports,
                contracts=self.contracts,
                callbacks=self.callbacks,
                agents=self.agents,
                shortfalls=self.shortfalls,
                desk=self.desk,
                drawing=self.drawing,
                board=self.board,
                vitals=self.vitals,
                accounts=AccountParts(sessions=self.sessions, tokens=self.tokens),
                audit=self.audit,
                proxies=self.proxies,
            )
        )


class Visitor:
    """Somebody with a browser, in English unless told otherwise."""

    def __init__(self, client: TestClient[web.Request, web.Application], parts: Parts) -> None:
        self.client, self.parts = client, parts
        self.language = "en"

    async def get(self, path: str, **headers: str) -> ClientResponse:
        """GET, redirects not followed."""
        told = {"Accept-Language": self.language, **{k.replace("_", "-"): v for k, v in headers.items()}}
        return await self.client.get(path, headers=told, allow_redirects=False)

    async def post(self, path: str, data: dict[str, str], headers: dict[str, str] | None = None) -> ClientResponse:
        """POST as the site's own form does it, unless told otherwise."""
        told = {"Accept-Language": self.language, **(FROM_PAGE if headers is None else headers)}
        return await self.client.post(path, data=data, headers=told, allow_redirects=False)

    async def sign_in(self, name: str = NAME, password: str = PASSWORD, **fields: str) -> ClientResponse:
        """Send the sign-in form."""
        return await self.post("/sign-in", {"name": name, "password": password, **fields})

    async def page(self, path: str, status: int = 200) -> str:
        """The text of a page that must have this status."""
        answer = await self.get(path)
        assert answer.status == status, (path, answer.status)
        return await answer.text()


@asynccontextmanager
async def visiting(parts: Parts | None = None, *, signed_in: bool = True) -> AsyncIterator[Visitor]:
    """A site that runs, and its visitor."""
    parts = parts or Parts()
    async with TestClient(TestServer(parts.site(), access_log=None)) as client:
        visitor = Visitor(client, parts)
        if signed_in:
            assert (await visitor.sign_in()).status == 303
        yield visitor


def query(**fields: Any) -> str:
    """The address of a search of the history."""
    from urllib.parse import urlencode

    return f"/calls?{urlencode({name.rstrip('_'): value for name, value in fields.items()})}"
