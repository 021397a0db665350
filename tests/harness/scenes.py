"""A stage for call scenarios: a real Asterisk of the shipped configuration, phones, and what it wrote of one scene.

    async def script(stage: Stage) -> dict[str, Any]:
        caller = await stage.call("all")
        agent, at = await stage.answer(1)

Several scenes play at once: each has agents, queues and callers of its own, and its rows are found by what they share
(the ids that also join the facts of a call). Times are measured at the phones, by one clock, never read from rows.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from private_pbx import PbxUnderTest

from harness.scene_lab import PEOPLE, STAGES, number_of
from harness.scene_trace import Trace, cdr_of, closure, line_count, rows_of
from pbx_bridge.calls.fact_text import cel_fact, queue_fact
from pbx_bridge.calls.keys import keys_of
from pbx_bridge.errors import PhoneError
from pbx_bridge.pbx.phone import Phone, PhoneCall, Ring

LIVE_EVENTS = ("Hold", "Unhold", "ParkedCall")
_POLL_S = 0.03


@dataclass(kw_only=True)
class World:
    """Everybody outside: one SIP peer, whose calls are told apart by the number dialled."""

    phone: Phone
    _calls: dict[str, PhoneCall] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        """Sort incoming calls; a task."""
        while True:
            call = await self.phone.incoming.get()
            self._calls[call.dialog.user] = call
            self._changed.set()

    async def rung(self, number: str, timeout_s: float = 10.0) -> PhoneCall:
        """The call to that number, ringing."""
        async with asyncio.timeout(timeout_s):
            while number not in self._calls:
                self._changed.clear()
                await self._changed.wait()
        return self._calls.pop(number)


@dataclass(kw_only=True)
class Live:
    """What only AMI tells: hold, unhold, a park's slot; with the time it was heard."""

    events: list[dict[str, Any]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Keep events; a task."""
        message: dict[str, str] = {}
        while line := await reader.readline():
            name, colon, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(": ")
            if colon:
                message[name] = value
            elif message:
                self._take(message)
                message = {}

    def _take(self, message: dict[str, str]) -> None:
        if message.get("Event") not in LIVE_EVENTS:
            return
        parked = message["Event"] == "ParkedCall"
        kept = {"uniqueid": message["ParkeeUniqueid" if parked else "Uniqueid"]}
        if parked:
            kept |= {"slot": message["ParkingSpace"], "parker": message.get("ParkerDialString", "")}
        self.events.append({"t": round(time.time(), 6), "event": message["Event"], **kept})
        self._changed.set()

    async def until(self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = 10.0) -> dict[str, Any]:
        """The first event of which that is true."""
        async with asyncio.timeout(timeout_s):
            while not (found := [event for event in self.events if wanted(event)]):
                self._changed.clear()
                await self._changed.wait()
        return found[0]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A scenario: its script plays it and gives the record as a person would tell it (see tests/captures).

    `present` are the agents whose phones are registered, `rows` texts that must stand in what Asterisk wrote.
    """

    name: str
    script: Callable[[Stage], Awaitable[dict[str, Any]]]
    present: tuple[int, ...] = PEOPLE
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Played:
    """A scene that was played."""

    name: str
    expected: dict[str, Any]
    trace: Trace


@dataclass(kw_only=True)
class Stage:
    """One scene's place: its agents' phones are registered and ring until the scene says what they do."""

    number: int
    theatre: Theatre
    agents: Sequence[Phone]
    caller_number: str
    name: str
    stack: AsyncExitStack

    @property
    def server(self) -> str:
        """Asterisk's SIP address."""
        return self.theatre.server

    @property
    def world(self) -> World:
        """Everybody outside who is called."""
        return self.theatre.world

    def ext(self, person: int) -> str:
        """An agent's extension, counted from 1."""
        return f"1{self.number}{person}"

    def called(self, what: str) -> str:
        """The number that does what `what` says."""
        return number_of(self.number, what)

    @staticmethod
    def now() -> float:
        """Seconds on the scene's clock."""
        return time.monotonic()

    async def call(self, what: str) -> PhoneCall:
        """A call from outside to one of the stage's numbers."""
        phone = Phone(from_number=self.caller_number, display_name=self.name)
        await self.stack.enter_async_context(phone)
        return await phone.dial(f"sip:{self.called(what)}@{self.server}")

    async def dial(self, person: int, number: str) -> PhoneCall:
        """A call by an agent."""
        return await self.agents[person - 1].dial(f"sip:{number}@{self.server}")

    async def rung(self, person: int, timeout_s: float = 10.0) -> PhoneCall:
        """The call that now rings at an agent's."""
        return await self.agents[person - 1].rung(timeout_s)

    async def answer(self, person: int, after_s: float = 0.4) -> tuple[PhoneCall, float]:
        """Wait until it rings at an agent's, let it ring a moment, answer; the call and when it was answered."""
        call = await self.rung(person)
        await asyncio.sleep(after_s)
        call.answer()
        at = self.now()
        await audible(call)
        return call, at

    async def blind(self, call: PhoneCall, number: str) -> float:
        """Send the far end of a call to a number, and leave; when that was."""
        status = await call.transfer(f"sip:{number}@{self.server}")
        at = self.now()  # Asterisk accepts what it has done
        assert status == 202, status
        await left(call)
        return at

    async def attended(self, call: PhoneCall, consultation: PhoneCall, number: str) -> float:
        """Connect the far ends of two calls, and leave both; when that was."""
        status = await call.transfer(f"sip:{number}@{self.server}?Replaces={consultation.dialog.replaces}")
        at = self.now()
        assert status == 202, status
        await left(call)
        await left(consultation)
        return at

    async def hang_up(self, call: PhoneCall) -> float:
        """Hang up; when that was."""
        at = self.now()
        await call.hang_up()
        return at

    async def parked(self) -> str:
        """The slot in which this stage's caller was parked, as AMI tells it."""
        agents = tuple(f"PJSIP/{self.ext(person)}" for person in PEOPLE)
        told = await self.theatre.live.until(
            lambda event: event["event"] == "ParkedCall" and event["parker"] in agents and event["t"] > self._begun
        )
        return str(told["slot"])

    _begun: float = field(default_factory=time.time)


async def audible(call: PhoneCall, timeout_s: float = 10.0) -> None:
    """Wait until an answered call brings audio: it is bridged."""
    await call.answered(timeout_s)
    wanted = call.heard.packets + 3
    async with asyncio.timeout(timeout_s):
        while call.heard.packets < wanted:  # noqa: ASYNC110 - audio tells nobody
            await asyncio.sleep(_POLL_S)


async def left(call: PhoneCall) -> None:
    """A call that was transferred: Asterisk may end it at once, else the phone does."""
    with suppress(PhoneError):
        await call.ended(0.2)
    await call.hang_up()


@dataclass(kw_only=True)
class Theatre:
    """The running Asterisk with its stages."""

    pbx: PbxUnderTest
    world: World
    live: Live
    _free: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    _callers: int = 0
    _application: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def server(self) -> str:
        """Asterisk's SIP address."""
        return f"127.0.0.1:{self.pbx.ports.sip}"

    async def play(self, scene: Scene) -> Played:
        """Play one scene on a free stage; what was written of it, and what it must be told as."""
        number = await self._free.get()
        self._callers += 1
        caller = f"0912{1000000 + self._callers}"
        since = (line_count(self.pbx.paths.cel), line_count(self.pbx.paths.queue_log))
        try:
            async with AsyncExitStack() as stack:
                phones = [await self._agent(stack, f"1{number}{p}", p in scene.present) for p in PEOPLE]
                await self._idle([f"1{number}{person}" for person in scene.present])
                stage = Stage(
                    number=number,
                    theatre=self,
                    agents=phones,
                    caller_number=caller,
                    name=scene.name.replace("_", " "),
                    stack=stack,
                )
                expected = await scene.script(stage)
            trace = await self._written(number, caller, since)
            return Played(name=scene.name, expected=expected, trace=trace)
        finally:
            self._free.put_nowait(number)

    async def _idle(self, extensions: Sequence[str], timeout_s: float = 10.0) -> None:
        """Wait until the queues know that these phones are there and free: they are told so a moment later."""
        async with asyncio.timeout(timeout_s):
            while extensions:
                told = (await asyncio.to_thread(self.pbx.rx, "queue show")).splitlines()
                members = [line for line in told if any(f"/{extension})" in line for extension in extensions)]
                if members and all("Not in use" in line for line in members):
                    return
                await asyncio.sleep(_POLL_S)

    async def database(self, *words: str) -> None:
        """A console command on Asterisk's own database, where forwards are kept."""
        await asyncio.to_thread(self.pbx.rx, " ".join(("database", *words)))

    @asynccontextmanager
    async def application(self) -> AsyncIterator[None]:
        """A Stasis application that does nothing: to the caller, a greeting that says nothing.

        One scene after the other: there can be one of a name, and whoever leaves first would end it for all.
        """
        plan = self.pbx.plan
        token = base64.b64encode(f"{plan.ari_user}:{self.pbx.secrets.ari}".encode()).decode()
        where, sign = f"http://{plan.host}:{self.pbx.ports.ari}", {"Authorization": f"Basic {token}"}
        async with (
            self._application,
            aiohttp.ClientSession(where, headers=sign) as session,
            session.ws_connect("/ari/events", params={"app": plan.app}),
        ):
            yield

    async def _agent(self, stack: AsyncExitStack, extension: str, present: bool) -> Phone:
        phone = await stack.enter_async_context(Phone(from_number=extension, on_invite=Ring()))
        if present:
            await phone.register(f"sip:{self.server}", self.pbx.secrets.agents[extension])
        return phone

    async def _written(self, stage: int, caller: str, since: tuple[int, int], timeout_s: float = 15.0) -> Trace:
        """What was written of a scene since then, once all its channels have ended."""
        marks = (caller, *(f"PJSIP/1{stage}{person}-" for person in PEOPLE))
        trace = self._trace(marks, since)
        try:
            async with asyncio.timeout(timeout_s):
                while not trace.whole:
                    await asyncio.sleep(_POLL_S)
                    trace = self._trace(marks, since)
        except TimeoutError:
            raise AssertionError("the scene's channels did not all end:\n" + "\n".join(trace.cel)) from None
        return trace

    def _trace(self, marks: Sequence[str], since: tuple[int, int]) -> Trace:
        cel = rows_of(self.pbx.paths.cel, since[0], cel_fact)
        queue = rows_of(self.pbx.paths.queue_log, since[1], queue_fact)
        keys = closure([*cel, *queue], marks)
        return Trace(
            cel=[text for text, fact in cel if keys_of(fact) & keys],
            queue_log=[text for text, fact in queue if keys_of(fact) & keys],
            cdr=cdr_of(self.pbx.paths.log / "cdr-custom" / "cdr.csv", keys),
            live=[event for event in self.live.events if event["uniqueid"] in keys],
        )


@asynccontextmanager
async def theatre(pbx: PbxUnderTest) -> AsyncIterator[Theatre]:
    """People around a running Asterisk that `scene_pbx` laid."""
    async with AsyncExitStack() as stack:
        host, _, port = pbx.plan.trunk.partition(":")
        phone = Phone(local_host=host, local_port=int(port), from_number="world", on_invite=Ring())
        world = World(phone=await stack.enter_async_context(phone))
        live = Live()
        reader, writer = await asyncio.open_connection(pbx.plan.host, pbx.ports.ami)
        stack.callback(writer.close)
        writer.write(f"Action: Login\r\nUsername: {pbx.plan.ami_user}\r\nSecret: {pbx.secrets.ami}\r\n\r\n".encode())
        tasks = [asyncio.create_task(world.listen()), asyncio.create_task(live.listen(reader))]
        for task in tasks:
            stack.callback(task.cancel)
        house = Theatre(pbx=pbx, world=world, live=live)
        for stage in STAGES:
            house._free.put_nowait(stage)
        yield house
