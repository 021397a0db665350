"""Twenty agents with phones and desks, many callers at once, and the daemon killed in the middle of it.

Each agent greets whoever rings by the name on their card, writes a note, and is done with the call when the caller
has hung up. Afterwards there is one record of each call, with its agent, its customer, its note and its reason.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from typing import Any

import aiohttp
from harness.own_flow import agent
from harness.system import SystemUnderTest, running_system, talking
from private_pbx import PbxUnderTest, private_pbx

from bench.pieces import changes
from pbx_bridge.health import utc_now
from pbx_bridge.pbx.phone import Phone, PhoneCall, Ring
from pbx_bridge.store import CallRow, Role, Store, open_store
from pbx_bridge.store.sessions import Session
from pbx_bridge.store.tokens import hash_of
from pbx_bridge.web.sessions import cookie_name

AGENTS = tuple(str(number) for number in range(201, 221))
TALK_S = 1.0
PATIENCE_S = 150.0
FLOW = """
flow: crowd
languages: [en]
start: who
person: person
filler: one_moment
nodes:
  who: {kind: caller, found: person, unknown: person, unavailable: person}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""
_LAST_THREE = re.compile(r"[0-9]{3}(?=@)")
_TURN = re.compile(r'name="turn" value="([0-9]+)"')
_HEADERS = {"Accept": "application/json", "Sec-Fetch-Site": "same-origin"}


@contextmanager
def crowded_pbx() -> Iterator[PbxUnderTest]:
    """An Asterisk with twenty agents."""
    with private_pbx(AGENTS, systemname="crowd", wrap_up_s=0) as pbx:
        pbx.start()
        yield pbx


def number_of(place: int) -> str:
    return f"0912555{place:04d}"


def code_of(place: int) -> str:
    return f"K{place:03d}"


@asynccontextmanager
async def a_house(crowded: PbxUnderTest, callers: int) -> AsyncIterator[SystemUnderTest]:
    """A daemon that knows every caller, and a flow that leads to the queue."""
    async with running_system(crowded) as system:
        await system.import_crm(
            customers="\n".join(
                ["code,name,language,tier", *(f"{code_of(n)},Customer {n:03d},en,silver" for n in range(callers))]
            ),
            contacts="\n".join(
                ["customer_code,name,phone", *(f"{code_of(n)},Ann {n:03d},{number_of(n)}" for n in range(callers))]
            ),
        )
        (system.home / "crowd.yaml").write_text(FLOW, encoding="utf-8")
        await system.command("flow", "deploy", str(system.home / "crowd.yaml"))
        yield system


class Crowd:
    """What all of them have done so far."""

    def __init__(self, callers: int) -> None:
        self.wrapped: dict[str, str] = {}  # call_id: agent
        self.greeted = {place: asyncio.Event() for place in range(callers)}
        self.changed = asyncio.Event()

    def wrapped_up(self, call_id: str, extension: str) -> None:
        assert call_id not in self.wrapped, f"{call_id} was wrapped up twice"
        self.wrapped[call_id] = extension
        self.changed.set()

    async def until(self, count: int) -> None:
        while len(self.wrapped) < count:
            self.changed.clear()
            await self.changed.wait()


class Desk:
    """One agent before their desk: its stream, over every loss of the daemon."""

    def __init__(self, web: aiohttp.ClientSession, extension: str) -> None:
        self.web, self.extension = web, extension
        self.pieces: dict[str, str] = {}
        self._changed = asyncio.Event()

    async def follow(self) -> None:
        while True:
            with suppress(aiohttp.ClientError, ConnectionError):
                async with self.web.get("/desk/events", timeout=aiohttp.ClientTimeout(total=None)) as stream:
                    if stream.status == 200:
                        await self._read(stream.content)
            await asyncio.sleep(0.3)  # as EventSource does, which waits for some seconds

    async def _read(self, lines: aiohttp.StreamReader) -> None:
        async for change in changes(lines):
            self.pieces = change.onto(self.pieces)
            self._changed.set()

    async def card(self, customer: str, stages: str) -> tuple[str, str]:
        """The call_id on the card of a customer, once it stands so; and the turn of its note, if there is one."""
        wanted = re.compile(rf'<article id="d-([^"]+)"[^>]*data-stage="(?:{stages})".*{customer}', re.DOTALL)
        try:
            async with asyncio.timeout(60):
                while True:
                    for piece in self.pieces.values():
                        if found := wanted.search(piece):
                            turn = _TURN.search(piece)
                            return found[1], turn[1] if turn else ""
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            shown = [re.sub(r"<[^>]+>|\s+", " ", piece)[:200] for piece in self.pieces.values()]
            raise AssertionError(f"{self.extension} waited for the card of {customer} ({stages}): {shown}") from None

    async def send(self, path: str, **fields: str) -> None:
        """A form of the desk, sent again while nobody answers, as the page does."""
        async with asyncio.timeout(60):
            while True:
                with suppress(aiohttp.ClientError, ConnectionError):
                    async with self.web.post(path, data=fields, headers=_HEADERS) as answer:
                        told = await answer.text()
                        if answer.status < 500:
                            assert answer.status == 200, told
                            return
                await asyncio.sleep(0.3)


@asynccontextmanager
async def at_the_desk(house: SystemUnderTest, extension: str) -> AsyncIterator[Desk]:
    secret = f"session-of-{extension}"
    async with open_store(house.store, folding=False) as store:
        user = await store.users.admit(f"a{extension}", Role.AGENT, f"crowd {extension}")  # a password takes long
        await store.users.change(replace(user, extension=extension))
        now = utc_now()
        await store.sessions.add(
            Session(id_hash=hash_of(secret), user=user.name, began=now, seen=now, address="", agent="test")
        )
    cookies = {"Cookie": f"{cookie_name(https=False)}={secret}", "Accept-Language": "en"}
    async with aiohttp.ClientSession(house.page_url, headers=cookies) as web:
        desk = Desk(web, extension)
        following = asyncio.create_task(desk.follow())
        try:
            yield desk
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def work(phone: Phone, desk: Desk, crowd: Crowd) -> None:
    """Answer whoever rings, until cancelled."""
    while True:
        call = await phone.rung(timeout_s=PATIENCE_S)
        customer = f"Customer {_LAST_THREE.findall(call.far.uri)[0]}"
        call_id, _ = await desk.card(customer, "ring|talk")
        call.answer()
        await talking(call)
        await desk.card(customer, "talk")  # over the daemon's absence: the caller stays on the line
        crowd.greeted[int(customer[-3:])].set()
        await call.ended(timeout_s=60)
        _, turn = await desk.card(customer, "ended")
        note = f"spoke with {customer}"
        await desk.send("/desk/wrap-up", call=call_id, do="done", note=note, turn=turn, reason="order")
        crowd.wrapped_up(call_id, desk.extension)


async def one_caller(house: SystemUnderTest, place: int, crowd: Crowd) -> None:
    async with Phone(from_number=number_of(place), display_name=f"crowd {place:03d}") as phone:
        call: PhoneCall = await phone.dial(f"sip:100@{house.sip}")
        await call.answered(timeout_s=20)
        await crowd.greeted[place].wait()
        await asyncio.sleep(TALK_S)  # a talk
        await call.hang_up()


async def unless_one_fails(awaited: Coroutine[Any, Any, None], others: Sequence[asyncio.Task[None]]) -> None:
    """Wait for it; raises at once what one of the others does."""
    wanted = asyncio.create_task(awaited)
    try:
        async with asyncio.timeout(PATIENCE_S):
            going: set[asyncio.Task[None]] = {wanted, *others}
            while not wanted.done():
                done, going = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
    finally:
        wanted.cancel()


async def on_record(store: Store) -> list[CallRow]:
    """Every call, once all are on record as ended."""
    async with asyncio.timeout(20):
        while True:
            rows = [row async for row in store.calls.since()]
            if all(row.call.outcome is not None for row in rows):
                return rows
            await asyncio.sleep(0.1)


async def play(house: SystemUnderTest, count: int) -> None:
    """So many callers at once; fails where a call is not on record as it was."""
    crowd = Crowd(count)
    async with AsyncExitStack() as stack:
        workers = []
        for extension in AGENTS:
            phone = await stack.enter_async_context(agent(house, extension, Ring()))
            desk = await stack.enter_async_context(at_the_desk(house, extension))
            workers.append(asyncio.create_task(work(phone, desk, crowd)))
        callers = [asyncio.create_task(one_caller(house, place, crowd)) for place in range(count)]
        try:
            await unless_one_fails(crowd.until(count // 4), (*workers, *callers))
            house.kill_daemon()
            await house.start_daemon()
            await unless_one_fails(crowd.until(count), (*workers, *callers))
        finally:
            print(f"greeted {sum(map(asyncio.Event.is_set, crowd.greeted.values()))}, done with {len(crowd.wrapped)}")
            for task in (*workers, *callers):
                task.cancel()
            await asyncio.gather(*workers, *callers, return_exceptions=True)

    async with open_store(house.store, folding=False) as store:
        rows = await on_record(store)
        notes = {row.call.call_id: await store.notes.notes(row.call.call_id) for row in rows}
        told = {row.call.call_id: await store.wrap_ups.of_call(row.call.call_id) for row in rows}
    calls = {row.call.call_id: row.call for row in rows}
    assert sorted(call.caller_name for call in calls.values()) == [f"crowd {place:03d}" for place in range(count)]
    assert {call_id: call.agents for call_id, call in calls.items()} == {
        call_id: (extension,) for call_id, extension in crowd.wrapped.items()
    }
    for call_id, call in calls.items():
        assert call.customer_code == code_of(int(call.caller_name[-3:]))
        assert [note.text for note in notes[call_id]] == [f"spoke with Customer {call.caller_name[-3:]}"]
        assert [(one.user, one.reason) for one in told[call_id]] == [(f"a{crowd.wrapped[call_id]}", "order")]
