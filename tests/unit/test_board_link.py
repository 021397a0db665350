"""What the AMI link reads for the board: after each connect, once in a while, and as far as it may."""

from __future__ import annotations

from dataclasses import replace

from harness.toy_ami import ToyAmi, toy_ami
from test_ami_link import _PACE, running

from pbx_bridge.ami.events import ChannelSeen, ChannelsEnd, SnapshotEnd
from pbx_bridge.health import LinkState

_ROW = {"Channel": "PJSIP/101-01", "Uniqueid": "1.1", "Linkedid": "1.1", "Duration": "00:00:09"}


async def test_the_channels_are_read_with_the_queues() -> None:
    async with toy_ami(ToyAmi(channels=[_ROW])) as ami, running(ami.port) as watched:
        assert isinstance(await watched.until(ChannelSeen), ChannelSeen)
        await watched.until(ChannelsEnd)
        await watched.until(SnapshotEnd)
        assert watched.state[0] is LinkState.UP
        assert [one.phone for one in watched.link.channels.all()] == ["PJSIP/101"]
        assert watched.link.channels.fresh


async def test_after_a_cut_nothing_is_believed_until_it_is_read_again() -> None:
    async with toy_ami(ToyAmi(channels=[_ROW])) as ami, running(ami.port) as watched:
        await watched.until(SnapshotEnd)
        ami.booted = False
        ami.channels.clear()
        ami.cut()
        await watched.until_state(LinkState.DEGRADED)
        assert (watched.link.agents.fresh, watched.link.channels.fresh) == (False, False)
        assert len(watched.link.channels.all()) == 1  # as it was: for who shows it as old
        ami.tell(event="FullyBooted")
        await watched.until(SnapshotEnd)
        assert watched.link.channels.all() == []


async def test_all_is_asked_for_again_once_in_a_while() -> None:
    pace = replace(_PACE, again=0.05)
    async with toy_ami() as ami, running(ami.port, pace=pace):
        await ami.got("QueueStatus", times=3)
        await ami.got("CoreShowChannels", times=3)


async def test_a_pbx_that_does_not_show_its_channels_still_tells_of_its_queues() -> None:
    async with toy_ami(ToyAmi(refused={"coreshowchannels"})) as ami, running(ami.port) as watched:
        await watched.until(SnapshotEnd)
        assert watched.state[0] is LinkState.UP
        assert (watched.link.agents.fresh, watched.link.channels.fresh) == (True, False)
