"""The AMI link against a toy server that misbehaves: each fault of panoramisk, and each of the network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from harness.toy_ami import END, ToyAmi, encode, toy_ami
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from pbx_bridge.ami.connection import AmiConnection
from pbx_bridge.ami.events import (
    AgentState,
    AmiEvent,
    CallerJoined,
    ChannelsEnd,
    FullyBooted,
    ShuttingDown,
    SnapshotEnd,
)
from pbx_bridge.ami.link import AmiLink, Login, Pace
from pbx_bridge.errors import AmiRefused, AmiUnavailable, AsteriskError
from pbx_bridge.health import Health, LinkState

_PACE = Pace(deadline=0.3, ping=0.1, first=0.01, longest=0.05, jitter=0.01, refused=0.05, steady=0.05)
_MEMBER = {"Queue": "support", "Name": "Agent 101", "Location": "PJSIP/101", "Status": "1"}


class Watched:
    """A running link, and what it told."""

    def __init__(self, port: int, secret: str, pace: Pace) -> None:
        self.events: asyncio.Queue[AmiEvent] = asyncio.Queue()
        self.health = Health(("ami",))
        login = Login(host="127.0.0.1", port=port, user="pbx_bridge", secret=secret)
        self.link = AmiLink(login, self.health, self.events.put_nowait, pace)

    @property
    def state(self) -> tuple[LinkState, str]:
        """How the link says it stands."""
        (link,) = self.health.links()
        return link.state, link.detail

    async def until(self, kind: type[AmiEvent]) -> AmiEvent:
        """The next event of that kind."""
        async with asyncio.timeout(10):
            while not isinstance(event := await self.events.get(), kind):
                pass
        return event

    async def until_state(self, state: LinkState, detail: str = "") -> None:
        """Wait for a state of the link; health tells no changes, so it is polled."""
        async with asyncio.timeout(10):
            while self.state[0] is not state or detail not in self.state[1]:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(port: int, secret: str = "right", pace: Pace = _PACE) -> AsyncIterator[Watched]:
    watched = Watched(port, secret, pace)
    task = asyncio.create_task(watched.link.run(), name="ami")
    try:
        yield watched
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_it_connects_takes_a_snapshot_and_says_so() -> None:
    async with toy_ami(ToyAmi(members=[_MEMBER])) as ami, running(ami.port) as watched:
        await watched.until(FullyBooted)
        await watched.until(SnapshotEnd)
        assert watched.state == (LinkState.UP, "")
        assert [a.interface for a in watched.link.agents.agents("support")] == ["PJSIP/101"]
        assert watched.link.agents.fresh


async def test_a_letter_split_between_two_segments_is_kept() -> None:
    name = "علی\u200cرضا"
    event = encode({"Event": "QueueCallerJoin", "Queue": "support", "Uniqueid": "1.1", "CallerIDName": name})
    async with toy_ami() as ami, running(ami.port) as watched:
        await watched.until(SnapshotEnd)
        for byte in event:
            ami.raw(bytes([byte]))
            await ami.drain()
            await asyncio.sleep(0)
        joined = await watched.until(CallerJoined)
        assert isinstance(joined, CallerJoined)
        assert joined.caller_name == name


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 40), max_size=30))
def test_events_come_in_order_however_the_bytes_are_cut(cuts: list[int]) -> None:
    asyncio.run(_in_order(cuts))


async def _in_order(cuts: list[int]) -> None:
    names = [f"نام {number}" for number in range(6)]
    data = b"".join(
        encode({"Event": "QueueCallerJoin", "Queue": "q", "Uniqueid": "1", "CallerIDName": name}) for name in names
    )
    async with toy_ami() as ami:
        connection = await AmiConnection.open("127.0.0.1", ami.port, "pbx_bridge", "right")
        for cut in cuts:
            ami.raw(data[:cut])
            await ami.drain()
            await asyncio.sleep(0)
            data = data[cut:]
        ami.raw(data)
        told = [await connection.event() for _ in range(len(names) + 1)]
        connection.close()
        assert [event["calleridname"] for event in told[1:] if event] == names


async def test_an_unanswered_action_fails_with_the_connection_and_is_never_sent_again() -> None:
    async with toy_ami(ToyAmi(mute={"originate"})) as ami, running(ami.port) as watched:
        await watched.until(SnapshotEnd)
        asked = asyncio.create_task(watched.link.send("Originate", 5.0, Channel="PJSIP/101"))
        await ami.got("Originate")
        ami.cut()
        with pytest.raises(AmiUnavailable, match="lost"):
            await asked
        await watched.until(SnapshotEnd)  # it came back
        await watched.link.send("Ping")
        assert len(await ami.got("Originate")) == 1
        assert ami.logins == 2


async def test_an_action_without_answer_ends_at_its_deadline() -> None:
    async with toy_ami(ToyAmi(mute={"originate"})) as ami, running(ami.port) as watched:
        await watched.until(SnapshotEnd)
        with pytest.raises(AmiUnavailable, match="in time"):
            await watched.link.send("Originate", 0.05)


async def test_a_far_end_that_answers_no_ping_is_left() -> None:
    async with toy_ami(ToyAmi(mute={"ping"})) as ami, running(ami.port) as watched:
        await watched.until(SnapshotEnd)
        await ami.got("Ping")
        await watched.until_state(LinkState.DOWN, "lost")
        assert not watched.link.agents.fresh
        ami.mute.clear()
        while not watched.link.agents.fresh:
            await watched.until(SnapshotEnd)


async def test_a_wrong_secret_is_said_and_tried_slowly() -> None:
    async with toy_ami() as ami, running(ami.port, "wrong-secret") as watched:
        await watched.until_state(LinkState.DOWN, "wrong password for user pbx_bridge")
        await ami.got("Login", times=2)
        with pytest.raises(AmiRefused, match="wrong user or password") as caught:
            await AmiConnection.open("127.0.0.1", ami.port, "pbx_bridge", "guess")
        assert "guess" not in str(caught.value)
        ami.secret = "wrong-secret"
        await watched.until(SnapshotEnd)
        assert watched.state[0] is LinkState.UP


async def test_a_refusal_that_will_pass_is_no_wrong_password() -> None:
    slow = Pace(deadline=1.0, first=0.01, longest=0.05, jitter=0.01, refused=60.0)
    async with toy_ami() as ami, running(ami.port, "not yet", slow) as watched:
        ami.refusal = "Asterisk is shutting down"
        await ami.got("Login", times=3)
        assert "shutting down" in watched.state[1]


async def test_it_waits_for_an_asterisk_that_is_not_there_yet() -> None:
    async with toy_ami() as free:
        port = free.port
    with capture_logs() as logged:
        async with running(port) as watched:
            await watched.until_state(LinkState.DOWN, f"no AMI at 127.0.0.1:{port}")
            with pytest.raises(AmiUnavailable):
                await watched.link.send("Ping")
            await asyncio.sleep(10 * _PACE.longest)  # nobody tells of a try in vain
            async with toy_ami(port=port):
                await watched.until(SnapshotEnd)
                assert watched.state[0] is LinkState.UP
    told = [entry["event"] for entry in logged if entry["event"].startswith("ami_")]
    assert told == ["ami_down", "ami_connected"], "each try fails alike: told once"


async def test_before_asterisk_has_booted_the_link_is_not_called_up() -> None:
    async with toy_ami(ToyAmi(booted=False)) as ami, running(ami.port) as watched:
        await watched.until_state(LinkState.DEGRADED, "booted")
        ami.tell(event="FullyBooted", uptime="0")
        await watched.until(SnapshotEnd)
        assert watched.state[0] is LinkState.UP


async def test_a_shutdown_is_told_before_the_connection_goes() -> None:
    async with toy_ami() as ami, running(ami.port) as watched:
        await watched.until(SnapshotEnd)
        ami.tell(event="Shutdown", shutdown="Cleanly", restart="False")
        assert await watched.until(ShuttingDown) == ShuttingDown(restart=False)


async def test_a_reload_brings_a_new_snapshot() -> None:
    async with toy_ami(ToyAmi(members=[_MEMBER])) as ami, running(ami.port) as watched:
        await watched.until(SnapshotEnd)
        ami.members = []
        ami.tell(event="Reload", module="app_queue", status="0")
        await watched.until(SnapshotEnd)
        assert watched.link.agents.agents() == ()


async def test_a_live_event_that_is_older_than_the_snapshot_does_not_win() -> None:
    async with toy_ami() as ami, running(ami.port) as watched:
        await watched.until(SnapshotEnd)
        stale = {"Event": "QueueMemberStatus", "Queue": "support", "Interface": "PJSIP/101", "Status": "5"}
        ami.members = [_MEMBER]
        ami.raw(encode({"Event": "Reload", "Module": "all"}) + encode(stale))
        await watched.until(AgentState)
        await watched.until(SnapshotEnd)
        assert [int(a.presence) for a in watched.link.agents.agents()] == [1]


async def test_a_fault_in_a_consumer_costs_one_event_only() -> None:
    seen: list[AmiEvent] = []

    def fail_once(event: AmiEvent) -> None:
        seen.append(event)
        if len(seen) == 1:
            raise RuntimeError("ours")

    async with toy_ami() as ami:
        login = Login(host="127.0.0.1", port=ami.port, user="pbx_bridge", secret="right")
        link = AmiLink(login, Health(("ami",)), fail_once, _PACE)
        task = asyncio.create_task(link.run(), name="ami")
        await ami.got("Ping")
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert [type(event) for event in seen] == [FullyBooted, ChannelsEnd, SnapshotEnd]
    assert ami.logins == 1


async def test_an_answer_that_looks_like_a_list_ends_and_an_error_is_raised() -> None:
    async with toy_ami() as ami, running(ami.port) as watched:
        await watched.until(SnapshotEnd)
        assert (await watched.link.send("QueueAdd", Queue="q", Interface="PJSIP/1"))["response"] == "Success"
        with pytest.raises(AsteriskError, match="Permission denied"):
            await watched.link.send("Refuse")


@pytest.mark.parametrize("value", ["a\r\nAction: Originate", "a\nb", "a\0b", "\ud800"])
async def test_a_value_cannot_smuggle_an_action(value: str) -> None:
    async with toy_ami() as ami, running(ami.port) as watched:
        await watched.until(SnapshotEnd)
        with pytest.raises(ValueError, match=r"line break|surrogates"):
            await watched.link.send("QueuePause", Interface=value)
        await watched.link.send("Ping")
        assert not [a for a in ami.actions if a["Action"] in ("QueuePause", "Originate")]


async def test_an_endless_message_ends_the_connection_not_the_memory() -> None:
    async with toy_ami() as ami:
        connection = await AmiConnection.open("127.0.0.1", ami.port, "pbx_bridge", "right")
        assert (await connection.event() or {})["event"] == "FullyBooted"
        for _ in range(40):
            ami.raw(b"x" * 65536)
            with suppress(ConnectionError):
                await ami.drain()
        assert await connection.event() is None
        with pytest.raises(AmiUnavailable, match="closed"):
            await connection.send("Ping")


async def test_a_flood_of_events_slows_the_socket_and_loses_none() -> None:
    async with toy_ami() as ami:
        connection = await AmiConnection.open("127.0.0.1", ami.port, "pbx_bridge", "right")
        assert (await connection.event() or {})["event"] == "FullyBooted"
        count = 20_000
        for start in range(0, count, 1000):
            ami.raw(b"".join(b"Event: E\r\nNumber: %d" % n + END for n in range(start, start + 1000)))
        numbers = [int((await connection.event() or {})["number"]) for _ in range(count)]
        connection.close()
        assert numbers == list(range(count))
