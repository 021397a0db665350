"""The call in an agent's hands: found among live channels, and what AMI is asked to do with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from harness.toy_ami import toy_ami
from made_facts import T0

from pbx_bridge.ami.actions import Actions
from pbx_bridge.ami.agents import AgentTable
from pbx_bridge.ami.channels import ChannelTable
from pbx_bridge.ami.connection import AmiConnection
from pbx_bridge.ami.events import (
    AgentState,
    BridgeEntered,
    BridgeLeft,
    ChannelGone,
    ChannelSeen,
    ChannelsEnd,
    Held,
    Presence,
    SnapshotEnd,
)
from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.dial_rules import DialRules, Refusal
from pbx_bridge.ari_handlers.dialler import Live
from pbx_bridge.ari_handlers.telephone import Denied, Done, House, Telephone, Way
from pbx_bridge.errors import AmiForbidden, AmiUnavailable, AsteriskError
from pbx_bridge.values.number_pattern import NumberPattern
from pbx_bridge.values.number_rules import PLAIN, NumberRule, NumberRules


@dataclass
class Line:
    """Agent 101 talks with a customer; what AMI and ARI were asked to do."""

    asked: list[tuple[str, ...]] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    error: AsteriskError | None = None
    commands: dict[str, str] = field(default_factory=lambda: {"listcommands": "", "queuepause": ""})

    def __post_init__(self) -> None:
        self.live = Live(channels=ChannelTable(lambda: T0), agents=AgentTable(lambda: T0))
        self.live.channels.apply(ChannelsEnd())
        for queue in ("support", "services"):
            self.live.agents.apply(
                AgentState(
                    queue=queue, interface="PJSIP/101", name="101", presence=Presence.IN_CALL, phone="PJSIP/101",
                    paused=False, paused_reason="", calls_taken=0, last_call_at=None,
                )
            )  # fmt: skip
        self.live.agents.apply(SnapshotEnd())

    def channel(self, name: str, phone: str, bridge: str = "", linkedid: str = "c") -> None:
        self.live.channels.apply(
            ChannelSeen(
                channel=name, linkedid=linkedid, name=f"{phone}-0001", number="09121234567", number_name="", exten="",
                at=T0,
            )
        )  # fmt: skip
        if bridge:
            self.live.channels.apply(BridgeEntered(channel=name, linkedid=linkedid, bridge=bridge, at=T0))

    async def send(self, action: str, **fields: str) -> dict[str, str]:
        if action == "ListCommands":
            return self.commands
        self.asked.append((action, *fields.values()))
        if self.error is not None:
            raise self.error
        return {}

    async def channels(self) -> list[wire.Channel]:
        return []

    async def hang_up(self, channel: str) -> None:
        self.hung_up.append(channel)


async def agents() -> Sequence[str]:
    return ("101", "102")


@pytest.fixture
def line() -> Line:
    line = Line()
    line.channel("c", "PJSIP/trunk", "b1")
    line.channel("a", "PJSIP/101", "b1")
    return line


@pytest.fixture
def phones(line: Line) -> Telephone:
    return telephone(line)


def telephone(line: Line, numbers: NumberRules = PLAIN) -> Telephone:
    return Telephone(
        actions=Actions(line.send),
        ari=line,
        live=line.live,
        house=House(queues=("support", "services"), mailbox="600"),
        agents=agents,
        rules=DialRules.parse(["*"], ["+9890*"]),
        numbers=numbers,
    )


@pytest.mark.parametrize(
    ("way", "to", "asked"),
    [
        (Way.BLIND, "102", ("BlindTransfer", "a", "pbxb-hand", "102")),
        (Way.BLIND, "support", ("BlindTransfer", "a", "pbxb-hand-queue", "support")),
        (Way.BLIND, "600", ("BlindTransfer", "a", "pbxb-hand", "600")),
        (Way.BLIND, "۰۹۱۲ ۱۲۳ ۴۵۶۷", ("BlindTransfer", "a", "pbxb-hand", "09121234567")),
        (Way.ATTENDED, "102", ("Atxfer", "a", "pbxb-ask", "102")),
        (Way.ATTENDED, "+4930901820", ("Atxfer", "a", "pbxb-ask", "004930901820")),
    ],
)
async def test_where_a_call_goes(line: Line, phones: Telephone, way: Way, to: str, asked: tuple[str, ...]) -> None:
    assert await phones.hand_on("101", way, to) == Done(channel="a", to=to)
    assert line.asked == [asked]


@pytest.mark.parametrize(("way", "context"), [(Way.BLIND, "pbxb-hand"), (Way.ATTENDED, "pbxb-ask")])
async def test_it_goes_there_as_the_pbx_wants_it_dialled(line: Line, way: Way, context: str) -> None:
    outward = NumberRules(outbound=(NumberRule(match=NumberPattern.parse("*"), put="9"),))
    await telephone(line, outward).hand_on("101", way, "0912 123 4567")
    assert line.asked[0][2:] == (context, "909121234567")


@pytest.mark.parametrize(
    ("to", "refusal"),
    [
        ("", Refusal.TARGET),
        ("103", Refusal.TARGET),
        ("800", Refusal.TARGET),
        ("*72102", Refusal.TARGET),
        ("sales", Refusal.TARGET),
        ("102\r\nAction: Originate", Refusal.TARGET),
        ("102&103", Refusal.TARGET),
        ("T", Refusal.TARGET),
        ("09012345678", Refusal.PATTERN),
        ("101", Refusal.OWN),
    ],
)
@pytest.mark.parametrize("way", Way)
async def test_where_no_call_goes(line: Line, phones: Telephone, way: Way, to: str, refusal: Refusal) -> None:
    assert await phones.hand_on("101", way, to) == Denied(refusal=refusal)
    assert line.asked == []


async def test_nobody_asks_in_a_queue_first(line: Line, phones: Telephone) -> None:
    assert await phones.hand_on("101", Way.ATTENDED, "support") == Denied(refusal=Refusal.TARGET)


async def test_only_their_own_call_and_only_while_it_is_known(line: Line, phones: Telephone) -> None:
    for extension in ("102", "", "trunk"):
        assert isinstance(await phones.hold(extension), Denied), extension
        assert isinstance(await phones.hand_on(extension, Way.BLIND, "101"), Denied), extension
    line.live.channels.stale()
    assert await phones.hold("101") == Denied(refusal=Refusal.NO_CALL)
    assert line.asked == []


async def test_hold_and_resume(line: Line, phones: Telephone) -> None:
    assert await phones.resume("101") == Denied(refusal=Refusal.NO_CALL)
    assert await phones.hold("101") == Done(channel="a")
    assert line.asked == [("PlayDTMF", "a", "D", "true")] * 2
    line.live.channels.apply(Held(channel="a", linkedid="c", held=True, at=T0))
    hand = phones.hands()["101"]
    assert (hand.held, hand.by_page) == (True, True)
    assert await phones.hold("101") == Denied(refusal=Refusal.NO_CALL), "a second click holds nothing twice"
    assert await phones.resume("101") == Done(channel="a")
    line.live.channels.apply(Held(channel="a", linkedid="c", held=False, at=T0))
    assert not phones.hands()["101"].held


async def test_what_the_phone_itself_holds_is_the_phones_to_resume(line: Line, phones: Telephone) -> None:
    line.live.channels.apply(Held(channel="a", linkedid="c", held=True, at=T0))
    hand = phones.hands()["101"]
    assert (hand.held, hand.by_page) == (True, False)
    assert await phones.resume("101") == Denied(refusal=Refusal.NO_CALL)


async def test_a_consultation(line: Line, phones: Telephone) -> None:
    assert await phones.complete("101") == Denied(refusal=Refusal.NO_CALL)
    assert await phones.hand_on("101", Way.ATTENDED, "102") == Done(channel="a", to="102")
    line.live.channels.apply(BridgeLeft(channel="a", bridge="b1"))
    line.channel("l", "Local/102@from-agents", "b2")
    line.live.channels.apply(BridgeEntered(channel="a", linkedid="c", bridge="b2", at=T0))
    assert phones.hands()["101"].consults
    assert await phones.hand_on("101", Way.BLIND, "102") == Denied(refusal=Refusal.NO_CALL)
    assert await phones.hold("101") == Denied(refusal=Refusal.NO_CALL)
    assert await phones.back("101") == Done(channel="a")
    assert line.asked[-1] == ("CancelAtxfer", "a")
    assert await phones.complete("101") == Done(channel="a")
    assert line.hung_up == ["a"]
    line.live.channels.apply(BridgeEntered(channel="a", linkedid="c", bridge="b1", at=T0))
    assert not phones.hands()["101"].consults, "back with the customer"
    line.live.channels.apply(ChannelGone(channel="a"))
    assert phones.hands() == {}, "and nobody else of ours has a call"


async def asks(line: Line, phones: Telephone, linkedid: str = "c") -> None:
    """101 asks 102, who answers; the customer waits."""
    assert await phones.hand_on("101", Way.ATTENDED, "102") == Done(channel="a", to="102")
    line.live.channels.apply(BridgeLeft(channel="a", bridge="b1"))
    line.channel("l1", "Local/102@pbxb-ask", "b2", linkedid)
    line.channel("l2", "Local/102@pbxb-ask", "b3", linkedid)
    line.channel("o", "PJSIP/102", "", linkedid)
    line.live.channels.apply(BridgeEntered(channel="a", linkedid=linkedid, bridge="b2", at=T0))
    phones.touch()
    line.live.channels.apply(BridgeEntered(channel="o", linkedid=linkedid, bridge="b3", at=T0))
    phones.touch()
    assert phones.hands()["101"].consults


async def test_a_question_is_recorded_until_the_caller_is_handed_over(line: Line, phones: Telephone) -> None:
    await asks(line, phones)
    assert line.asked[-1][0] == "Atxfer"
    line.live.channels.apply(ChannelGone(channel="a"))
    phones.touch()
    phones.touch()
    await asyncio.sleep(0)
    assert line.asked[1:] == [("StopMixMonitor", "o")]


async def test_a_question_that_is_taken_back_ends_with_its_channel(line: Line, phones: Telephone) -> None:
    await asks(line, phones)
    for channel in ("o", "l1", "l2"):
        line.live.channels.apply(ChannelGone(channel=channel))
    line.live.channels.apply(BridgeEntered(channel="a", linkedid="c", bridge="b1", at=T0))
    phones.touch()
    line.live.channels.apply(ChannelGone(channel="a"))
    phones.touch()
    await asyncio.sleep(0)
    assert [asked[0] for asked in line.asked] == ["Atxfer"]


async def test_whom_we_called_has_no_other_recording_than_the_questions() -> None:
    line = Line()
    line.channel("a", "PJSIP/101", "b1", "a")
    line.channel("c", "PJSIP/trunk", "b1", "a")
    phones = telephone(line)
    await asks(line, phones, "a")
    line.live.channels.apply(ChannelGone(channel="a"))
    phones.touch()
    await asyncio.sleep(0)
    assert [asked[0] for asked in line.asked] == ["Atxfer"]


async def test_pauses(line: Line, phones: Telephone) -> None:
    assert await phones.pause("101", "ناهار") == Done()
    assert await phones.available("101") == Done()
    assert line.asked == [("QueuePause", "PJSIP/101", "true", "ناهار"), ("QueuePause", "PJSIP/101", "false")]
    assert await phones.pause("102", "") == Denied(refusal=Refusal.NO_PHONE)
    assert await phones.pause("", "") == Denied(refusal=Refusal.NO_PHONE)


@pytest.mark.parametrize(
    ("error", "denied"),
    [
        (AsteriskError("AMI refused PlayDTMF: Permission denied"), Denied(refusal=Refusal.RIGHT, right="call")),
        (AsteriskError("AMI refused PlayDTMF: Channel not found"), Denied(refusal=Refusal.PBX)),
        (AmiUnavailable("cut"), Denied(refusal=Refusal.PBX)),
    ],
)
async def test_what_asterisk_refuses(line: Line, phones: Telephone, error: AsteriskError, denied: Denied) -> None:
    line.error = error
    assert await phones.hold("101") == denied


async def test_which_rights_are_missing(line: Line, phones: Telephone) -> None:
    assert await phones.missing() == ["call"]
    line.commands = {"listcommands": ""}
    assert await phones.missing() == ["call"], "as of a minute ago"


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Actions, list[dict[str, str]]]]:
    async with toy_ami() as ami:
        connection = await AmiConnection.open("127.0.0.1", ami.port, "pbx_bridge", "right")

        async def send(action: str, **fields: str) -> dict[str, str]:
            return await connection.send(action, fields)

        try:
            yield Actions(send), ami.actions
        finally:
            connection.close()
            await asyncio.sleep(0)


@pytest.mark.parametrize("hostile", ["x\r\nAction: Originate", "x\nVariable: a=b", "x\r", "x\0"])
async def test_nothing_injected_reaches_asterisk(hostile: str) -> None:
    async with connected() as (actions, received):
        before = len(received)
        for doing in (
            actions.blind_transfer(hostile, "c", "1"),
            actions.blind_transfer("c", hostile, "1"),
            actions.attended_transfer("c", "x", hostile),
            actions.cancel_transfer(hostile),
            actions.pause("PJSIP/101", hostile),
            actions.available(hostile),
            actions.press(hostile, "D"),
        ):
            with pytest.raises(ValueError, match="line break"):
                await doing
        await actions.available("PJSIP/101")
        assert len(received) == before + 1


async def test_a_right_that_is_missing_is_named() -> None:
    async with toy_ami() as ami:
        ami.refused = {"queuepause", "atxfer"}
        connection = await AmiConnection.open("127.0.0.1", ami.port, "pbx_bridge", "right")

        async def send(action: str, **fields: str) -> dict[str, str]:
            return await connection.send(action, fields)

        with pytest.raises(AmiForbidden, match="agent"):
            await Actions(send).available("x")
        with pytest.raises(AmiForbidden, match="call"):
            await Actions(send).attended_transfer("a", "b", "c")
        connection.close()
