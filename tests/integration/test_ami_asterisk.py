"""The AMI link on a real Asterisk: agents' presence, waiting callers, holds, a reload, a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from private_pbx import PbxUnderTest

from pbx_bridge.ami.connection import AmiConnection
from pbx_bridge.ami.events import AgentState, AmiEvent, Held, Presence, SnapshotEnd
from pbx_bridge.ami.link import AmiLink, Login, Pace
from pbx_bridge.errors import AmiRefused, AsteriskError
from pbx_bridge.health import Health, LinkState
from pbx_bridge.pbx.phone import Answer, Phone, Ring

pytestmark = pytest.mark.asterisk

_PACE = Pace(ping=1.0, deadline=3.0, first=0.05, longest=0.3, jitter=0.05, steady=0.5)


class Watched:
    """A running link, and what it told."""

    def __init__(self, pbx: PbxUnderTest) -> None:
        self.events: asyncio.Queue[AmiEvent] = asyncio.Queue()
        self.health = Health(("ami",))
        login = Login(host=pbx.plan.host, port=pbx.ports.ami, user=pbx.plan.ami_user, secret=pbx.secrets.ami)
        self.link = AmiLink(login, self.health, self.events.put_nowait, _PACE)

    async def until(self, wanted: Callable[[AmiEvent], bool], timeout_s: float = 10.0) -> AmiEvent:
        """The next event of which that is true."""
        async with asyncio.timeout(timeout_s):
            while not wanted(event := await self.events.get()):
                pass
        return event

    async def presence(self, interface: str, *presences: Presence) -> None:
        """Wait until an agent is in one of these states in every queue."""
        async with asyncio.timeout(10):
            while True:
                states = [a.presence for a in self.link.agents.agents() if a.interface == interface]
                if states and set(states) <= set(presences):
                    return
                await self.events.get()


@pytest.fixture
async def watched(pbx: PbxUnderTest) -> AsyncIterator[Watched]:
    watched = Watched(pbx)
    task = asyncio.create_task(watched.link.run(), name="ami")
    await watched.until(_is_snapshot)
    yield watched
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _is_snapshot(event: AmiEvent) -> bool:
    return isinstance(event, SnapshotEnd)


async def test_it_knows_every_member_of_every_queue(pbx: PbxUnderTest, watched: Watched) -> None:
    members = {(a.queue, a.interface) for a in watched.link.agents.agents()}
    assert members == {(q, f"PJSIP/{a}") for q in pbx.plan.queues for a in pbx.plan.agents}
    assert watched.health.links()[0].state is LinkState.UP
    assert (await watched.link.send("Ping"))["ping"] == "Pong"


async def test_an_agents_presence_follows_their_phone(pbx: PbxUnderTest, watched: Watched) -> None:
    sip = f"sip:127.0.0.1:{pbx.ports.sip}"
    async with Phone(from_number="101", on_invite=Ring()) as agent, Phone(from_number="102") as other:
        await watched.presence("PJSIP/101", Presence.UNAVAILABLE)
        await agent.register(sip, pbx.secrets.agents["101"])
        await other.register(sip, pbx.secrets.agents["102"])
        await watched.presence("PJSIP/101", Presence.IDLE)
        call = await other.dial(f"sip:101@127.0.0.1:{pbx.ports.sip}")
        rung = await agent.rung()
        await watched.presence("PJSIP/101", Presence.RINGING)
        rung.answer()
        await call.answered()
        await watched.presence("PJSIP/101", Presence.IN_CALL)
        await call.hang_up()
        await rung.ended(5)
        await watched.presence("PJSIP/101", Presence.IDLE)
    await watched.presence("PJSIP/101", Presence.UNAVAILABLE)


async def test_hold_and_resume_are_told_with_their_time(pbx: PbxUnderTest, watched: Watched) -> None:
    sip = f"sip:127.0.0.1:{pbx.ports.sip}"
    async with Phone(from_number="101", on_invite=Answer()) as agent, Phone(from_number="102") as other:
        await agent.register(sip, pbx.secrets.agents["101"])
        await other.register(sip, pbx.secrets.agents["102"])
        await other.call(f"sip:101@127.0.0.1:{pbx.ports.sip}")
        call = await agent.rung()
        await call.answered()
        await call.hold()
        held = await watched.until(lambda e: isinstance(e, Held) and e.held)
        await call.resume()
        resumed = await watched.until(lambda e: isinstance(e, Held) and not e.held)
    assert isinstance(held, Held)
    assert isinstance(resumed, Held)
    assert held.channel == resumed.channel
    assert held.linkedid
    assert held.at is not None
    assert resumed.at is not None
    assert held.at < resumed.at


async def test_a_reload_of_the_queues_brings_a_fresh_table(pbx: PbxUnderTest, watched: Watched) -> None:
    pbx.rx("module reload app_queue.so")
    await watched.until(_is_snapshot)
    assert len(watched.link.agents.agents("support")) == len(pbx.plan.agents)


async def test_an_asterisk_that_was_killed_is_noticed_and_found_again(pbx: PbxUnderTest, watched: Watched) -> None:
    pbx.kill()
    async with asyncio.timeout(10):
        while watched.health.links()[0].state is not LinkState.DOWN:  # noqa: ASYNC110 - health tells no changes
            await asyncio.sleep(0.01)
    assert not watched.link.agents.fresh
    pbx.start()  # not in a thread: Asterisk ends with the thread that started it
    await watched.until(_is_snapshot, 30)
    assert watched.health.links()[0].state is LinkState.UP
    assert any(isinstance(a, AgentState) for a in watched.link.agents.agents())


async def test_a_frozen_asterisk_is_noticed_by_its_silence(pbx: PbxUnderTest, watched: Watched) -> None:
    pbx.freeze()
    try:
        async with asyncio.timeout(15):
            while watched.health.links()[0].state is not LinkState.DOWN:  # noqa: ASYNC110 - health tells no changes
                await asyncio.sleep(0.01)
    finally:
        pbx.thaw()
    await watched.until(_is_snapshot, 30)


async def test_what_we_may_not_do_is_refused_and_a_wrong_password_is_told(
    pbx: PbxUnderTest, watched: Watched
) -> None:
    with pytest.raises(AsteriskError):
        await watched.link.send("Originate", Channel="Local/100@from-trunk", Application="Wait", Data="1")
    with pytest.raises(AmiRefused):
        await AmiConnection.open("127.0.0.1", pbx.ports.ami, pbx.plan.ami_user, "wrong")
