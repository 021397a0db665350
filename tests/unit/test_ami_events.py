"""AMI's messages as values, and the table they feed."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.ami.agents import AgentTable
from pbx_bridge.ami.events import (
    AgentRemoved,
    AgentState,
    CallerJoined,
    CallerLeft,
    FullyBooted,
    Held,
    Presence,
    Reloaded,
    ShuttingDown,
    SnapshotEnd,
    decode,
)

_LIVE = {
    "event": "QueueMemberStatus",
    "timestamp": "1795293626.297546",
    "queue": "support",
    "membername": "Agent 101",
    "interface": "PJSIP/101",
    "callstaken": "3",
    "lastcall": "1795293600",
    "status": "6",
    "paused": "0",
    "pausedreason": "",
}
_ROW = {"event": "QueueMember", "queue": "support", "name": "Agent 101", "location": "PJSIP/101", "status": "1"}


def _agent(interface: str, presence: Presence = Presence.IDLE) -> AgentState:
    state = decode({**_ROW, "location": interface, "status": str(int(presence))})
    assert isinstance(state, AgentState)
    return state


def _caller(channel: str) -> CallerJoined:
    joined = decode({"event": "QueueCallerJoin", "queue": "support", "uniqueid": channel, "position": "1"})
    assert isinstance(joined, CallerJoined)
    return joined


def test_a_member_is_read_alike_from_a_live_event_and_from_the_snapshot() -> None:
    live, row = decode(_LIVE), decode({**_ROW, "status": "6", "callstaken": "3", "lastcall": "1795293600"})
    assert live == row
    assert isinstance(live, AgentState)
    assert live.presence is Presence.RINGING
    assert live.reachable
    assert live.last_call_at == datetime(2026, 11, 21, 20, 40, tzinfo=UTC)


def test_a_paused_or_unregistered_member_is_not_reachable() -> None:
    paused = decode({**_LIVE, "event": "QueueMemberPause", "paused": "1", "pausedreason": "ناهار"})
    away = decode({**_LIVE, "status": "5"})
    assert isinstance(paused, AgentState)
    assert isinstance(away, AgentState)
    assert (paused.reachable, paused.paused_reason, away.reachable) == (False, "ناهار", False)


def test_a_wait_beyond_all_dates_is_borne() -> None:
    joined = decode({"event": "QueueEntry", "queue": "support", "uniqueid": "1.2", "position": "1", "wait": "9" * 18})
    assert isinstance(joined, CallerJoined)
    table = AgentTable(lambda: datetime(2026, 11, 21, tzinfo=UTC))
    table.apply(joined)
    assert [caller.channel for caller in table.waiting("support")] == ["1.2"]


def test_the_other_events() -> None:
    at = datetime(2026, 11, 21, 20, 40, 26, 250_000, tzinfo=UTC)
    stamp = {"timestamp": "1795293626.250000"}
    joined = {"queue": "support", "uniqueid": "1.2", "position": "2", "calleridnum": "<unknown>", "calleridname": "x"}
    assert decode({"event": "QueueCallerJoin", **joined, **stamp}) == CallerJoined(
        queue="support", channel="1.2", position=2, caller="", caller_name="x", at=at
    )
    assert decode({"event": "QueueCallerLeave", **joined}) == CallerLeft(queue="support", channel="1.2", at=None)
    assert decode({"event": "QueueMemberRemoved", "queue": "q", "interface": "PJSIP/1"}) == AgentRemoved(
        queue="q", interface="PJSIP/1"
    )
    assert decode({"event": "Unhold", "uniqueid": "1.2", "linkedid": "1.1", **stamp}) == Held(
        channel="1.2", linkedid="1.1", held=False, at=at
    )
    assert decode({"event": "FullyBooted", "uptime": "7"}) == FullyBooted(uptime_s=7)
    assert decode({"event": "FullyBooted"}) == FullyBooted(uptime_s=None)
    assert decode({"event": "Reload", "module": "app_queue"}) == Reloaded(module="app_queue")
    assert decode({"event": "Shutdown", "restart": "True"}) == ShuttingDown(restart=True)
    assert decode({"event": "QueueStatusComplete"}) == SnapshotEnd()


def test_what_is_none_of_ours_is_none() -> None:
    for told in ({}, {"event": "Newexten"}, {"event": "QueueMember"}, {"event": "QueueCallerJoin", "queue": "q"}):
        assert decode(told) is None


@given(
    st.dictionaries(
        st.sampled_from(
            ["event", "queue", "interface", "location", "status", "lastcall", "timestamp", "uniqueid", "uptime"]
        ),
        st.one_of(st.text(max_size=30), st.sampled_from([*_LIVE.values(), "QueueMember", "Hold", "9" * 18, "-1"])),
    )
)
def test_decode_is_total(told: dict[str, str]) -> None:
    decode(told)


def test_the_snapshot_drops_whoever_is_not_in_it() -> None:
    table = AgentTable()
    for gone in (_agent("PJSIP/1"), _agent("PJSIP/2"), _caller("1.1")):
        table.apply(gone)
    assert not table.fresh

    table.expect_snapshot()
    table.apply(_agent("PJSIP/2", Presence.BUSY))
    table.apply(SnapshotEnd())

    assert [(a.interface, a.presence) for a in table.agents()] == [("PJSIP/2", Presence.BUSY)]
    assert table.waiting() == ()
    assert table.fresh


def test_callers_come_and_go() -> None:
    table = AgentTable()
    table.apply(_caller("1.1"))
    table.apply(_caller("1.2"))
    table.apply(CallerLeft(queue="support", channel="1.1", at=None))
    assert [c.channel for c in table.waiting("support")] == ["1.2"]
    assert table.waiting("services") == ()


def test_a_member_that_left_is_gone_and_a_lost_link_makes_the_table_stale() -> None:
    table = AgentTable()
    table.apply(SnapshotEnd())
    table.apply(_agent("PJSIP/1"))
    table.apply(AgentRemoved(queue="support", interface="PJSIP/1"))
    assert table.agents("support") == ()
    assert table.fresh
    table.stale()
    assert not table.fresh
