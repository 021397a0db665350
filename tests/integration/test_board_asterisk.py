"""The live board on a real Asterisk: a caller in the menu, in the queue, with an agent who is paused and back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from harness.own_flow import agent
from harness.system import SystemUnderTest, running_system, talking
from private_pbx import PbxUnderTest

from bench.pieces import changes
from pbx_bridge.ami.connection import AmiConnection
from pbx_bridge.pbx.phone import Ring
from pbx_bridge.store import open_store

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

CALLER = "09121112222"
ACCOUNT = ("lead", "a fine password")
FLOW = """
flow: board
languages: [en]
start: menu
person: person
filler: one_moment
nodes:
  menu: {kind: menu, prompt: menu, keys: {"1": person}, wrong: menu_wrong, too_many: person, wait: 60}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""
MEMBERSHIPS = (  # of 111 in the scenes' queues; some lead to the phone by other ways
    *((queue, "PJSIP/111") for queue in ("support", "services", "all1", "line1")),
    ("local1", "Local/111@pbxb-forward"),
    ("localn1", "Local/111@pbxb-forward/n"),
)
SLOWEST_S = 1.0  # on a machine that does other things beside; docs/pages.md tells what it takes on a quiet one


@pytest.fixture
async def house(scene_house: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """The scenes' Asterisk, and a daemon whose callers meet that flow."""
    async with running_system(scene_house) as system:
        async with open_store(system.store, folding=False) as store:
            await store.users.create(*ACCOUNT, "lead")
        (system.home / "board.yaml").write_text(FLOW, encoding="utf-8")
        await system.command("flow", "deploy", str(system.home / "board.yaml"))
        yield system


class Watched:
    """A board as a browser has it, fed by the stream; and when Asterisk told what."""

    def __init__(self) -> None:
        self.pieces: dict[str, str] = {}
        self.happened: dict[str, float] = {}
        self._changed = asyncio.Event()

    async def read(self, lines: aiohttp.StreamReader) -> None:
        """Follow the stream."""
        async for change in changes(lines):
            self.pieces = {key: piece.replace("\u00a0", " ") for key, piece in change.onto(self.pieces).items()}
            self._changed.set()

    async def hear(self, ami: AmiConnection) -> None:
        """Note when Asterisk told each event last, by its own clock."""
        while (event := await ami.event()) is not None:
            if "timestamp" in event:
                self.happened[event["event"]] = float(event["timestamp"])

    async def until(self, wanted: Callable[[Watched], bool], what: str, after: str = "") -> float:
        """Wait until the board stands so; seconds since Asterisk told the event `after`."""
        try:
            async with asyncio.timeout(20):
                while not wanted(self):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"waited for {what}; the board: {self.pieces}") from None
        if not after:
            return 0.0
        took = time.time() - self.happened[after]
        print(f"{what}: {took * 1000:.0f} ms after {after}")
        return took

    def calls(self, *texts: str) -> bool:
        """Whether one call tells all of that."""
        return any(name[:2] == "c-" and all(text in piece for text in texts) for name, piece in self.pieces.items())

    def agent(self, extension: str, *texts: str) -> bool:
        """Whether the card of an agent tells all of that."""
        cards = [piece for name, piece in self.pieces.items() if name[:2] == "a-" and f">{extension}<" in piece]
        return any(all(text in piece for text in texts) for piece in cards)


@asynccontextmanager
async def watching(house: SystemUnderTest) -> AsyncIterator[Watched]:
    """A lead before the board."""
    board = Watched()
    jar = aiohttp.CookieJar(unsafe=True)
    headers = {"Accept-Language": "en"}
    async with aiohttp.ClientSession(house.page_url, cookie_jar=jar, headers=headers) as web:
        answer = await web.post("/sign-in", data=dict(zip(("name", "password"), ACCOUNT, strict=True)))
        assert answer.status == 200, await answer.text()
        ami = await AmiConnection.open("127.0.0.1", house.pbx.ports.ami, "pbx_bridge", house.pbx.secrets.ami)
        page = await (await web.get("/board")).text()
        assert "Live board" in page
        stream = await web.get("/board/events", params={"mark": ""})
        tasks = [asyncio.create_task(board.read(stream.content)), asyncio.create_task(board.hear(ami))]
        try:
            yield board
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            stream.close()
            ami.close()


async def test_a_call_as_the_board_tells_it(house: SystemUnderTest) -> None:
    times: list[float] = []
    async with watching(house) as board:
        await board.until(lambda b: b.agent("111", "Not reachable"), "an agent without a phone")
        async with agent(house, "111", Ring()) as desk:
            await board.until(lambda b: b.agent("111", "Free"), "an agent with one")
            async with house.caller(CALLER) as caller:
                at_menu = await board.until(lambda b: b.calls("0912 111 2222", "In the menu", "menu: «"), "the menu")
                assert at_menu == 0.0
                await caller.hears("menu")
                await caller.press("1")
                waits = await board.until(
                    lambda b: b.calls("Waiting in support", "place 1"), "the queue", "QueueCallerJoin"
                )
                rings = await board.until(
                    lambda b: b.agent("111", "Ringing", "0912 111 2222"), "the agent's phone", "DialBegin"
                )
                ringing = await desk.rung()
                talk = board.until(
                    lambda b: b.calls("Talking with") and b.agent("111", "Talking", "0912 111 2222"),
                    "the talk",
                    "BridgeEnter",
                )
                ringing.answer()
                talks, _ = await asyncio.gather(talk, talking(caller.call))
                await board.until(lambda b: b.calls('href="/calls/'), "the call on record")
                await caller.call.hang_up()
            ended = await board.until(lambda b: not b.calls(), "the end", "Hangup")
            await board.until(lambda b: b.agent("111", "Wrapping up"), "the wrap-up")
            await board.until(lambda b: b.agent("111", "Free"), "the end of the wrap-up")
            times += [waits, rings, talks, ended]
    assert max(times) < SLOWEST_S, times


async def test_a_pause_and_its_reason(house: SystemUnderTest) -> None:
    async with watching(house) as board, agent(house, "111", Ring()):
        await board.until(lambda b: b.agent("111", "Free"), "an agent")
        for queue, way in MEMBERSHIPS:
            await board.until(lambda b: b.agent("111", "Free"), "an agent who is not paused in every queue")
            await asyncio.to_thread(house.pbx.rx, f"queue pause member {way} queue {queue} reason lunch")
        took = await board.until(lambda b: b.agent("111", "Paused", "Lunch"), "the pause", "QueueMemberPause")
        for queue, way in MEMBERSHIPS:
            await asyncio.to_thread(house.pbx.rx, f"queue unpause member {way} queue {queue}")
        await board.until(lambda b: b.agent("111", "Free") and not b.agent("111", "Lunch"), "the end of the pause")
    assert took < SLOWEST_S


async def test_a_daemon_that_comes_back_reads_what_stands(house: SystemUnderTest) -> None:
    async with agent(house, "111", Ring()) as desk, house.caller(CALLER) as caller:
        await caller.hears("menu")
        await caller.press("1")
        ringing = await desk.rung()
        house.kill_daemon()
        await house.start_daemon()
        async with watching(house) as board:
            await board.until(lambda b: b.calls("Waiting in support", "place 1", "111"), "the queue")
            await board.until(lambda b: b.agent("111", "Ringing"), "the agent's phone")
            ringing.answer()
            await talking(caller.call)
            await board.until(lambda b: b.calls("Talking with"), "the talk")
            await caller.call.hang_up()
            await board.until(lambda b: not b.calls(), "the end")
