"""The channels as AMI tells of them: who is with whom, and which belong to one call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.ami.agents import AgentTable
from pbx_bridge.ami.channels import Channel, ChannelTable, groups
from pbx_bridge.ami.events import (
    AmiEvent,
    BridgeEntered,
    BridgeLeft,
    CallerJoined,
    CallerLeft,
    ChannelGone,
    ChannelSeen,
    ChannelsEnd,
    Dialled,
    Held,
    Parked,
    SnapshotEnd,
    decode,
)

NOW = datetime(2026, 11, 21, 8, 42, 10, tzinfo=UTC)


def seen(channel: str, *, name: str = "", linkedid: str = "", listed: bool = False, **told: object) -> ChannelSeen:
    fields = {"number": "", "number_name": "", "exten": "", "at": None if listed else NOW, **told}
    return ChannelSeen(
        channel=channel,
        linkedid=linkedid or channel,
        name=name or f"PJSIP/{channel}-01",
        listed=listed,
        **fields,  # type: ignore[arg-type]
    )


def entered(channel: str, bridge: str, linkedid: str = "", at: datetime = NOW) -> BridgeEntered:
    return BridgeEntered(channel=channel, linkedid=linkedid, bridge=bridge, at=at)


def table(*events: AmiEvent) -> ChannelTable:
    made = ChannelTable(clock=lambda: NOW)
    for event in events:
        made.apply(event)
    return made


def test_a_phone_rings_until_it_is_bridged() -> None:
    ringing = table(seen("a"), seen("b", linkedid="a"), Dialled(channel="a", dialled="b", at=NOW))
    assert [one.rings_since for one in ringing.all()] == [None, NOW]
    ringing.apply(entered("b", "x", "a"))
    ringing.apply(entered("a", "x", "a"))
    assert [(one.bridge, one.bridged_at, one.rings_since) for one in ringing.all()] == [("x", NOW, None)] * 2
    assert [[one.channel for one in group] for group in ringing.groups()] == [["a", "b"]]


def test_hold_and_park_end_with_the_bridge() -> None:
    held = table(seen("a"), entered("a", "x"), Held(channel="a", linkedid="a", held=True, at=NOW))
    held.apply(Parked(channel="a", slot="701", at=NOW))
    assert [(one.held, one.parked) for one in held.all()] == [(True, "701")]
    held.apply(BridgeLeft(channel="a", bridge="x"))
    assert [(one.held, one.parked, one.bridge) for one in held.all()] == [(False, "", "")]


def test_a_leave_told_after_the_next_bridge_was_entered_takes_nobody_out_of_it() -> None:
    moved = table(seen("a"), entered("a", "x"), entered("a", "y"), BridgeLeft(channel="a", bridge="x"))
    assert [one.bridge for one in moved.all()] == ["y"]


def test_a_snapshot_drops_who_is_gone_and_keeps_the_times_it_does_not_tell() -> None:
    known = table(seen("a"), entered("a", "x"), seen("old"))
    known.expect_snapshot()
    for listed in (seen("a", listed=True, bridge="x", age_s=9), seen("new", listed=True, age_s=60, ringing=True)):
        known.apply(listed)
    assert not known.fresh
    known.apply(ChannelsEnd())
    assert known.fresh
    assert {one.channel: one.began_at for one in known.all()} == {"a": NOW, "new": NOW - timedelta(seconds=60)}
    assert {one.channel: one.bridged_at for one in known.all()} == {"a": NOW, "new": None}
    known.stale()
    assert not known.fresh


def test_a_list_mends_what_was_missed() -> None:
    missed = table(seen("a"), Dialled(channel="z", dialled="a", at=NOW))
    missed.expect_snapshot()
    missed.apply(seen("a", listed=True, bridge="x"))
    assert [(one.bridge, one.bridged_at, one.rings_since) for one in missed.all()] == [("x", NOW, None)]


def test_of_a_channel_nobody_saw_nothing_is_told() -> None:
    unknown = table()
    for event in (ChannelGone(channel="a"), entered("a", "x"), Dialled(channel="a", dialled="b", at=NOW)):
        assert unknown.apply(event) is False
    assert unknown.all() == []


def plain(channel: str, linkedid: str, bridge: str) -> Channel:
    return Channel(
        channel=channel,
        linkedid=linkedid,
        phone="PJSIP/1",
        number="",
        number_name="",
        exten="",
        began_at=NOW,
        bridge=bridge,
    )


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", "x", "y", "z"])), max_size=12))
def test_a_group_is_all_that_share_a_linkedid_or_a_bridge_and_nothing_else(told: list[tuple[str, str]]) -> None:
    channels = [plain(f"{number}", linkedid, bridge) for number, (linkedid, bridge) in enumerate(told)]
    found = groups(channels)
    assert sorted(one.channel for group in found for one in group) == sorted(one.channel for one in channels)
    keys = [
        {f"l{one.linkedid}" for one in group} | {f"b{one.bridge}" for one in group if one.bridge} for group in found
    ]
    for number, these in enumerate(keys):
        assert all(not these & others for others in keys[number + 1 :])


@given(
    st.lists(
        st.one_of(
            st.builds(seen, st.sampled_from("abc"), listed=st.booleans()),
            st.builds(entered, st.sampled_from("abc"), st.sampled_from("xy")),
            st.builds(BridgeLeft, channel=st.sampled_from("abc"), bridge=st.sampled_from("xy")),
            st.builds(ChannelGone, channel=st.sampled_from("abc")),
            st.builds(Dialled, channel=st.sampled_from("abc"), dialled=st.sampled_from("abc"), at=st.just(NOW)),
            st.just(ChannelsEnd()),
        ),
        max_size=40,
    )
)
def test_after_any_events_a_snapshot_says_what_is_there(events: list[AmiEvent]) -> None:
    any_table = table(*events)
    any_table.expect_snapshot()
    any_table.apply(seen("b", listed=True, bridge="x"))
    any_table.apply(seen("q", listed=True))
    any_table.apply(ChannelsEnd())
    assert [(one.channel, one.bridge) for one in sorted(any_table.all(), key=lambda one: one.channel)] == [
        ("b", "x"),
        ("q", ""),
    ]


# --- the places in a queue ---------------------------------------------------------------------------------------


def joined(channel: str, position: int) -> CallerJoined:
    return CallerJoined(queue="support", channel=channel, position=position, caller="", caller_name="", at=NOW)


def places(agents: AgentTable) -> dict[str, int]:
    return {one.channel: one.position for one in agents.waiting("support")}


def test_places_move_as_others_come_before_and_leave() -> None:
    agents = AgentTable(clock=lambda: NOW)
    for event in (joined("a", 1), joined("b", 2), joined("vip", 1)):
        agents.apply(event)
    assert places(agents) == {"vip": 1, "a": 2, "b": 3}
    agents.apply(CallerLeft(queue="support", channel="a", at=NOW))
    agents.apply(CallerLeft(queue="support", channel="nobody", at=NOW))
    assert places(agents) == {"vip": 1, "b": 2}


def test_a_list_tells_how_long_they_wait_and_drops_who_left() -> None:
    agents = AgentTable(clock=lambda: NOW)
    agents.apply(joined("a", 1))
    agents.apply(joined("gone", 2))
    agents.expect_snapshot()
    listed = {"event": "QueueEntry", "queue": "support", "uniqueid": "new", "position": "1", "wait": "90"}
    for told in (listed, {**listed, "uniqueid": "a", "position": "2", "wait": "3"}):
        event = decode(told)
        assert event is not None
        agents.apply(event)
    agents.apply(SnapshotEnd())
    assert [(one.channel, one.position, one.at) for one in agents.waiting()] == [
        ("new", 1, NOW - timedelta(seconds=90)),
        ("a", 2, NOW),
    ]


# --- what AMI says of channels -----------------------------------------------------------------------------------


def test_the_events_of_a_real_asterisk_are_read() -> None:
    new = decode(
        {
            "event": "Newchannel",
            "timestamp": "1795346631.319142",
            "channel": "PJSIP/trunk-00000000",
            "calleridnum": "09121112222",
            "calleridname": "test",
            "exten": "100",
            "uniqueid": "pbx1-1.0",
            "linkedid": "pbx1-1.0",
        }
    )
    assert isinstance(new, ChannelSeen)
    assert (new.number, new.exten, new.listed, new.at) == (
        "09121112222",
        "100",
        False,
        datetime(2026, 11, 22, 11, 23, 51, 319142, tzinfo=UTC),
    )
    row = decode({"event": "CoreShowChannel", "uniqueid": "a", "channelstate": "5", "duration": "01:02:03"})
    assert isinstance(row, ChannelSeen)
    assert (row.ringing, row.age_s, row.linkedid, row.listed) == (True, 3723, "", True)
    assert decode({"event": "DialBegin", "uniqueid": "a", "destuniqueid": "b"}) == Dialled(
        channel="a", dialled="b", at=None
    )
    assert decode({"event": "Hangup", "uniqueid": "a"}) == ChannelGone(channel="a")
    left = {"event": "BridgeLeave", "uniqueid": "a", "bridgeuniqueid": "x"}
    assert decode(left) == BridgeLeft(channel="a", bridge="x")
    assert decode({**left, "event": "BridgeEnter"}) == BridgeEntered(channel="a", linkedid="", bridge="x", at=None)
    assert decode({"event": "CoreShowChannelsComplete"}) == ChannelsEnd()


@given(st.sampled_from(["Newchannel", "CoreShowChannel", "DialBegin", "BridgeEnter", "BridgeLeave", "Hangup"]))
def test_a_broken_event_is_none_of_ours(name: str) -> None:
    assert decode({"event": name, "duration": "x:y:z"}) is None
