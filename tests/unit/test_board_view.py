"""What the board shows, from what was heard and what is on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from demo_history import NOON
from hypothesis import given
from hypothesis import strategies as st
from live_line import NODE, LiveLine
from plain_call import plain_call

from pbx_bridge.ami.events import ChannelSeen, Dialled, Held, Parked, Presence
from pbx_bridge.calls.call import Call, Direction, Segment, SegmentKind, call_id
from pbx_bridge.calls.targets import Targets
from pbx_bridge.health import Link, LinkState
from pbx_bridge.web.board.crew import view_of
from pbx_bridge.web.board.levels import levels_of
from pbx_bridge.web.board.model import Doing, Heard, Level, LiveAgent, LiveCall, State, View
from pbx_bridge.web.board.ports import Parts
from pbx_bridge.web.board.troubles import troubles_of


def view(line: LiveLine, *calls: Call, blind: bool = False, **told: object) -> View:
    feed = line.feed
    heard = Heard(
        now=line.now,
        node=NODE,
        groups=None if blind else feed.channels.groups(),
        waiting=feed.agents.waiting(),
        members=feed.agents.agents(),
        standings=feed.standings,
        calls=calls,
        names={"101": "زهرا کریمی"},
        wrap_up_s=5,
    )
    return view_of(replace(heard, **told))  # type: ignore[arg-type]


def only(calls: Sequence[LiveCall]) -> LiveCall:
    (call,) = calls
    return call


def agent(shown: View, extension: str = "101") -> LiveAgent:
    return next(one for one in shown.agents if one.extension == extension)


def on_record(root: str = "1.1", **told: object) -> Call:
    call = plain_call(NOON, root=root, call_id=call_id(NODE, root), ended_at=None, outcome=None)
    return replace(call, **told)  # type: ignore[arg-type]


def test_a_call_from_its_first_ring_to_its_end() -> None:
    line = LiveLine()
    line.member("101")
    line.calls("1.1")
    call = only(view(line).calls)
    assert (call.key, call.doing, call.caller, call.recorded) == (
        call_id(NODE, "1.1"),
        Doing.OTHER,
        "09121234567",
        False,
    )
    line.later(1)
    line.in_menu("1.1", "menu", customer="آریا صنعت")
    call = only(view(line).calls)
    assert (call.doing, call.at, call.name, call.since) == (Doing.MENU, ("v1", "menu"), "آریا صنعت", line.now)
    line.later(5)
    line.waits_in("1.1")
    call = only(view(line).calls)
    assert (call.doing, call.queue, call.place, call.since, call.others) == (Doing.QUEUE, "support", 1, line.now, ())
    assert agent(view(line)).state is State.FREE
    line.later(1)
    phone = line.rings("1.1", "101")
    assert only(view(line).calls).others == ("101",)
    ringing = agent(view(line))
    assert (ringing.state, ringing.other, ringing.since) == (State.RING, "09121234567", line.now)
    line.later(4)
    line.talks("1.1", phone)
    call, talking = only(view(line).calls), agent(view(line))
    assert (call.doing, call.others, call.since) == (Doing.TALK, ("101",), line.now)
    assert (talking.state, talking.other, talking.since) == (State.TALK, "09121234567", line.now)
    assert talking.name == "زهرا کریمی"
    line.tell(Held(channel=phone, linkedid="1.1", held=True, at=line.now))
    assert (only(view(line).calls).doing, agent(view(line)).state) == (Doing.HOLD, State.HOLD)
    line.hangs_up("1.1", phone)
    assert view(line).calls == ()


def test_an_agent_who_calls_out_is_told_with_the_number() -> None:
    line = LiveLine()
    line.member("101")
    line.tell(
        seen("1.1", "PJSIP/101-01", "101", exten="09121112222"),
        seen("1.2", "PJSIP/trunk-02", "09121112222"),
        Dialled(channel="1.1", dialled="1.2", at=line.now),
    )
    call = only(view(line).calls)
    assert (call.doing, call.others, call.direction) == (Doing.RING, ("09121112222",), Direction.INTERNAL)
    assert (call.caller, call.called) == ("101", "09121112222")
    assert agent(view(line)).state is State.BUSY
    line.talks("1.1", "1.2")
    assert (agent(view(line)).state, agent(view(line)).other) == (State.TALK, "09121112222")


def seen(channel: str, name: str, number: str, exten: str = "") -> ChannelSeen:
    return ChannelSeen(
        channel=channel, linkedid="1.1", name=name, number=number, number_name="", exten=exten, at=NOON
    )


def test_a_parked_caller_is_in_their_slot() -> None:
    line = LiveLine()
    line.calls("1.1")
    line.tell(Parked(channel="1.1", slot="701", at=line.now))
    call = only(view(line).calls)
    assert (call.doing, call.others) == (Doing.PARK, ("701",))


def test_the_record_gives_the_name_and_the_page() -> None:
    line = LiveLine()
    line.calls("1.1")
    call = only(view(line, on_record(caller_name="فولاد", caller="09121234567")).calls)
    assert (call.recorded, call.name, call.direction) == (True, "فولاد", Direction.INBOUND)


def test_a_call_whose_channels_are_gone_is_over_though_the_record_says_it_goes_on() -> None:
    line = LiveLine()
    assert view(line, on_record()).calls == ()
    elsewhere = on_record(node="pbx2")
    assert [call.key for call in view(line, elsewhere).calls] == [elsewhere.call_id]


def test_a_call_goes_on_when_who_began_it_has_left() -> None:
    line = LiveLine()
    line.calls("1.1")
    phone = line.rings("1.1", "101")
    other = line.rings("1.1", "102")
    line.talks(phone, other)
    line.hangs_up("1.1")
    call = only(view(line, on_record()).calls)
    assert (call.recorded, call.doing) == (True, Doing.TALK)


def test_while_ami_is_away_the_record_and_the_runs_tell() -> None:
    line = LiveLine()
    line.in_menu("1.2", "ask_tracking")
    waits = Segment(kind=SegmentKind.WAIT, started_at=NOON, ended_at=None, party="support")
    shown = view(line, on_record(segments=(waits,)), blind=True)
    assert {(call.doing, call.queue, call.at) for call in shown.calls} == {
        (Doing.MENU, "", ("v1", "ask_tracking")),
        (Doing.QUEUE, "support", ("", "")),
    }


@pytest.mark.parametrize(
    ("presence", "told", "state"),
    [
        (Presence.IDLE, {}, State.FREE),
        (Presence.UNAVAILABLE, {}, State.AWAY),
        (Presence.UNAVAILABLE, {"paused": True}, State.AWAY),
        (Presence.RINGING, {}, State.RING),
        (Presence.IN_CALL, {}, State.BUSY),
        (Presence.IDLE, {"paused": True, "paused_reason": "lunch", "paused_at": NOON}, State.PAUSED),
        (Presence.IDLE, {"last_call_at": NOON - timedelta(seconds=4)}, State.WRAP_UP),
        (Presence.IDLE, {"last_call_at": NOON - timedelta(seconds=5)}, State.FREE),
        (Presence.IDLE, {"last_call_at": NOON - timedelta(seconds=20), "wrap_up_s": 30}, State.WRAP_UP),
    ],
)
def test_what_an_agent_does(presence: Presence, told: dict[str, object], state: State) -> None:
    line = LiveLine()
    line.member("101", presence, **told)
    shown = agent(view(line))
    assert (shown.state, shown.reason) == (state, told.get("paused_reason", ""))


def test_paused_in_one_queue_of_two_is_free_in_the_other() -> None:
    line = LiveLine()
    line.member("101", paused=True)
    line.member("101", queue="services")
    shown = view(line)
    assert (agent(shown).state, agent(shown).paused, agent(shown).queues) == (
        State.FREE,
        True,
        ("services", "support"),
    )
    assert {queue.name: (queue.free, queue.there) for queue in shown.queues} == {
        "services": (1, 1),
        "support": (0, 0),
    }


def test_an_agent_whom_no_queue_knows_is_told_of() -> None:
    assert agent(view(LiveLine())).state is State.NO_QUEUE


def test_a_queue_against_its_target() -> None:
    line = LiveLine()
    line.member("101")
    line.member("102", Presence.UNAVAILABLE)
    line.waits_in("1.1")
    line.later(7)
    line.waits_in("1.2", position=2)
    (queue,) = view(line, levels={"support": Level(in_time=8, all=10)}).queues
    assert (queue.waiting, queue.first_at, queue.free, queue.there, queue.members) == (2, NOON, 1, 1, 2)
    assert queue.level == Level(in_time=8, all=10)


def test_the_level_counts_who_was_answered_in_time_of_all_who_wanted_to_be() -> None:
    waits: Parts = {
        ("support", "answered", "0"): (7, 0),
        ("support", "answered", "15"): (1, 0),
        ("support", "answered", "20"): (1, 0),
        ("support", "abandoned", "5"): (2, 0),
        ("support", "key", "5"): (50, 0),
        ("services", "timeout", "120"): (1, 0),
        ("", "answered", "0"): (3, 0),
    }
    found = levels_of(waits, Targets(seconds=20))
    assert found == {"support": Level(in_time=8, all=11), "services": Level(in_time=0, all=1)}
    # What took 15 to 20 seconds may have taken more than 19.
    assert levels_of(waits, Targets(seconds=19))["support"].in_time == 7


def test_each_queue_has_its_own_target() -> None:
    waits: Parts = {(queue, "answered", "30"): (1, 0) for queue in ("support", "services")}
    found = levels_of(waits, Targets(seconds=20, within_s={"services": 60}))
    assert found == {"support": Level(in_time=0, all=1), "services": Level(in_time=1, all=1)}


def test_blind_or_behind_is_told_since_when() -> None:
    def link(name: str, state: LinkState, lag_s: float | None = None) -> Link:
        return Link(name=name, state=state, since=NOON, lag_s=lag_s)

    up = [link(name, LinkState.UP) for name in ("ari", "ami", "spool", "store")]
    assert troubles_of(up, ami_fresh=True, channels_fresh=True, unknown_since=None) == ()
    bad = [link("ari", LinkState.DOWN), link("ami", LinkState.DOWN), link("spool", LinkState.DEGRADED, 61.4)]
    found = troubles_of(bad, ami_fresh=False, channels_fresh=False, unknown_since=None)
    assert [(one.kind, one.since, one.lag_s) for one in found] == [
        ("ami", NOON, 0),
        ("ari", NOON, 0),
        ("behind", NOON, 60),
    ]
    refused = troubles_of(up, ami_fresh=True, channels_fresh=False, unknown_since=None)
    assert [one.kind for one in refused] == ["channels"]
    assert [one.kind for one in troubles_of(up, ami_fresh=True, channels_fresh=True, unknown_since=NOON)] == ["store"]


_STEPS = st.lists(
    st.tuples(st.sampled_from(["calls", "menu", "waits", "rings", "talks", "gone", "lost"]), st.sampled_from("123")),
    max_size=30,
)


@given(_STEPS)
def test_whatever_happens_each_live_call_is_shown_once(steps: list[tuple[str, str]]) -> None:
    line = LiveLine()
    line.member("101")
    line.connect()
    for what, name in steps:
        channel = f"1.{name}"
        match what:
            case "calls":
                line.calls(channel)
            case "menu":
                line.in_menu(channel, "menu")
            case "waits":
                line.waits_in(channel)
            case "rings":
                line.rings(channel, "101")
            case "talks":
                line.talks(channel, f"{channel}-101")
            case "gone":
                line.hangs_up(channel, f"{channel}-101")
            case _:
                line.lose()
        for blind in (False, True):
            shown = view(line, on_record("1.1"), on_record("1.9", node="pbx2"), blind=blind)
            keys = [call.key for call in shown.calls]
            assert len(keys) == len(set(keys))
        groups = len(line.feed.channels.groups())
        assert len(view(line, on_record("1.1")).calls) == groups
