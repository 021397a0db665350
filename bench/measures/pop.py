"""From a phone that begins to ring to the caller's card: the moment Asterisk tells of the ring, by its own clock, to
the bytes of the card, with the customer's file in it, at each of a hundred agents' desks. Calls come one at a time;
half of the desks are of the phone that rings, so a ring paints many more of them than in a house with a desk a phone.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

import aiohttp

from bench.customers import Customer
from bench.figure import CannotMeasure, Figure
from bench.pieces import changes
from bench.system import System
from pbx_bridge.ami.connection import AmiConnection
from pbx_bridge.errors import PhoneError
from pbx_bridge.health import utc_now
from pbx_bridge.pbx.phone import Phone, Ring
from pbx_bridge.store import Role, open_store
from pbx_bridge.store.sessions import Session
from pbx_bridge.store.tokens import hash_of
from pbx_bridge.web.sessions import cookie_name

NAMES = ("pop_ms",)

DESKS = 100
AGENTS = ("101", "102")

_CALLS, _QUICK_CALLS = 25, 6
_SHOWN_S = 10.0
_SHARE = 0.99
_FLOW = """
flow: straight
languages: [en]
start: person
person: person
filler: one_moment
nodes:
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""
_SHIPPED = "support"


class _Screen:
    """What one agent's desk shows, and when each of its pieces came."""

    def __init__(self, extension: str) -> None:
        self.extension = extension
        self.pieces: dict[str, str] = {}
        self.came: dict[str, float] = {}

    async def follow(self, stream: aiohttp.StreamReader, changed: asyncio.Event) -> None:
        """Read the stream until it ends."""
        async for change in changes(stream):
            at, before = time.time(), self.pieces
            self.pieces = change.onto(before)
            self.came |= {name: at for name, html in self.pieces.items() if html != before.get(name)}
            changed.set()

    def shown_at(self, mark: str) -> float | None:
        """When a card that holds this came; None: there is none."""
        cards = (name for name, html in self.pieces.items() if 'data-stage="ring"' in html and mark in html)
        return next((self.came[name] for name in cards), None)


async def measure(system: System, quick: bool) -> Sequence[Figure]:
    """Calls that ring and are given up, watched on every desk."""
    count = _QUICK_CALLS if quick else _CALLS
    system.say(f"{count} calls that ring, watched on {DESKS} desks")
    took: list[float] = []
    async with _flow(system), _phones(system), _desks(system) as desks:
        for number in range(count):
            took += await _one(system, desks, system.people[number % len(system.people)])
    took.sort()
    note = (
        f"p99 of {len(took)} cards, {count} rings on {DESKS} desks, from Asterisk's DialBegin to the bytes of the "
        f"card with the customer in it; median {took[len(took) // 2]:.0f} ms, slowest {took[-1]:.0f}"
    )
    value = took[min(len(took) - 1, int(len(took) * _SHARE))]
    return (Figure(name=NAMES[0], value=value, unit="ms", goal=500, note=note),)


class _Desks:
    """All desks, and when Asterisk last told of a ring."""

    def __init__(self, screens: Sequence[_Screen]) -> None:
        self.screens, self.changed = screens, asyncio.Event()
        self.rang_at = 0.0

    async def hear(self, ami: AmiConnection) -> None:
        """Note when Asterisk told of a ring last, by its own clock."""
        while (event := await ami.event()) is not None:
            if event.get("event") == "DialBegin" and "timestamp" in event:
                self.rang_at = float(event["timestamp"])

    async def cards(self, mark: str) -> Sequence[float]:
        """Milliseconds from the ring until each desk of the phone that rings had the card. Raises CannotMeasure."""
        try:
            async with asyncio.timeout(_SHOWN_S):
                while not (done := self._of_one_phone(mark)):
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise CannotMeasure(f"a card was not on every desk {_SHOWN_S:g} s after the ring") from None
        return [(at - self.rang_at) * 1000 for at in done]

    def _of_one_phone(self, mark: str) -> Sequence[float]:
        for extension in AGENTS:
            shown = [screen.shown_at(mark) for screen in self.screens if screen.extension == extension]
            times = [at for at in shown if at is not None]
            if len(times) == len(shown):
                return times
        return ()

    async def until_gone(self, mark: str) -> None:
        """Wait until no desk shows it. Raises CannotMeasure."""
        try:
            async with asyncio.timeout(_SHOWN_S):
                while any(screen.shown_at(mark) for screen in self.screens):
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise CannotMeasure(f"a card stood {_SHOWN_S:g} s after the caller was gone") from None


async def _one(system: System, desks: _Desks, who: Customer) -> Sequence[float]:
    mark = f'href="/customers/{who.code}"'
    try:
        async with Phone(from_number=who.phone, display_name="Bench") as phone:
            call = await phone.call(f"sip:100@127.0.0.1:{system.sip_port}")
            took = await desks.cards(mark)
            await call.hang_up()
    except PhoneError as error:
        raise CannotMeasure(f"a call failed: {error}") from error
    await desks.until_gone(mark)
    return took


@asynccontextmanager
async def _flow(system: System) -> AsyncIterator[None]:
    """Callers go straight to the queue; afterwards they meet the shipped flow again."""
    path = system.running.home / "straight.yaml"
    path.write_text(_FLOW, encoding="utf-8")
    await system.running.command("flow", "deploy", str(path))
    try:
        yield
    finally:
        await system.running.command("flow", "deploy", _SHIPPED)


@asynccontextmanager
async def _phones(system: System) -> AsyncIterator[None]:
    """The agents' phones, which ring and are not answered."""
    async with AsyncExitStack() as stack:
        for number in AGENTS:
            phone = await stack.enter_async_context(Phone(from_number=number, on_invite=Ring()))
            await phone.register(f"sip:127.0.0.1:{system.sip_port}", system.pbx.secrets.agents[number])
        yield


@asynccontextmanager
async def _desks(system: System) -> AsyncIterator[_Desks]:
    extensions = [AGENTS[number % len(AGENTS)] for number in range(DESKS)]
    cookies = await _accounts(system, extensions)
    ami = await AmiConnection.open("127.0.0.1", system.pbx.ports.ami, "pbx_bridge", system.pbx.secrets.ami)
    async with AsyncExitStack() as stack:
        desks = _Desks([_Screen(extension) for extension in extensions])
        tasks = [asyncio.create_task(desks.hear(ami))]
        for screen, cookie in zip(desks.screens, cookies, strict=True):
            session = await stack.enter_async_context(
                aiohttp.ClientSession(system.url, headers={"Cookie": cookie, "Accept": "text/event-stream"})
            )
            stream = await session.get("/desk/events", timeout=aiohttp.ClientTimeout(total=None), read_bufsize=2**22)
            if stream.status != 200:
                raise CannotMeasure(f"a desk's stream: HTTP {stream.status}")
            tasks.append(asyncio.create_task(screen.follow(stream.content, desks.changed)))
        try:
            yield desks
        finally:
            for task in tasks:
                task.cancel()
            with suppress(aiohttp.ClientError):
                await asyncio.gather(*tasks, return_exceptions=True)
            ami.close()


async def _accounts(system: System, extensions: Sequence[str]) -> Sequence[str]:
    """An agent for each extension, signed in: their cookies. Passwords would take a second each."""
    cookies: list[str] = []
    async with open_store(system.running.store, folding=False) as store:
        for number, extension in enumerate(extensions):
            user = await store.users.admit(f"desk{number}", Role.AGENT, f"bench {number}")
            await store.users.change(replace(user, extension=extension))
            secret, now = secrets.token_urlsafe(32), utc_now()
            session = Session(id_hash=hash_of(secret), user=user.name, began=now, seen=now, address="", agent="bench")
            await store.sessions.add(session)
            cookies.append(f"{cookie_name(https=False)}={secret}")
    return cookies
