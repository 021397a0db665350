"""Which calls are at an agent's phone, whom they are with, and who had them before."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from demo_history import make_call
from hypothesis import given
from hypothesis import strategies as st
from live_line import NODE, LiveLine

from pbx_bridge.ami.events import BridgeEntered, BridgeLeft, ChannelGone, ChannelSeen, Dialled, Held
from pbx_bridge.calls.call import Call, Direction, Segment, SegmentKind, call_id
from pbx_bridge.ivr.run import GivenBack
from pbx_bridge.web.desk.hands import Line, hands_by_extension
from pbx_bridge.web.desk.last import lost_at
from pbx_bridge.web.desk.model import Hand, Passing, Stage
from pbx_bridge.web.desk.past import Past, remembered

SARA = "09121234567"


class Room:
    """A line, and what its agents have seen of it so far."""

    def __init__(self) -> None:
        self.line = LiveLine()
        self.line.connect()
        self.past: Past = {}
        self.calls: list[Call] = []

    def hands(self, extension: str) -> tuple[Hand, ...]:
        feed = self.line.feed
        groups = feed.channels.groups()
        self.past = remembered(self.past, groups)
        line = Line(
            node=NODE,
            groups=groups,
            waiting=feed.agents.waiting(),
            standings=feed.standings,
            calls=self.calls,
            past=self.past,
        )
        return hands_by_extension(line).get(extension, ())

    def hand(self, extension: str) -> Hand:
        (only,) = self.hands(extension)
        return only

    def begins(self, channel: str, phone: str, *, linkedid: str = "", number: str = "", exten: str = "") -> None:
        seen = ChannelSeen(
            channel=channel,
            linkedid=linkedid or channel,
            name=f"PJSIP/{phone}-01",
            number=number,
            number_name="",
            exten=exten,
            at=self.line.now,
        )
        self.line.tell(seen)
        self.line.later(1)

    def rings(self, channel: str, dialled: str) -> None:
        self.line.tell(Dialled(channel=channel, dialled=dialled, at=self.line.now))

    def together(self, bridge: str, *channels: str, linkedid: str = "") -> None:
        for one in channels:
            self.line.tell(BridgeEntered(channel=one, linkedid=linkedid, bridge=bridge, at=self.line.now))


def waiting() -> Room:
    """Somebody out of the menu rings from the queue at 101."""
    room = Room()
    room.line.calls("1.1", SARA, "Sara")
    room.line.in_menu("1.1", "menu", customer="آریا صنعت")
    room.line.waits_in("1.1")
    room.line.rings("1.1", "101")
    return room


def talking() -> Room:
    room = waiting()
    room.line.talks("1.1", "1.1-101")
    return room


def test_a_ring_from_the_queue_is_the_callers_card() -> None:
    hand = waiting().hand("101")
    assert (hand.stage, hand.number, hand.name, hand.queue) == (Stage.RING, SARA, "آریا صنعت", "support")
    assert (hand.call_id, hand.steps_of, hand.customer_code) == (call_id(NODE, "1.1"), "1.1", "C-1")
    assert not hand.is_in_hand
    assert not hand.colleague
    assert waiting().hands("102") == ()


def test_two_phones_that_ring_have_the_same_card() -> None:
    room = waiting()
    room.line.rings("1.1", "102")
    assert replace(room.hand("101"), channel="", since=None) == replace(room.hand("102"), channel="", since=None)


def test_from_the_answer_on_it_is_in_hand_also_on_hold() -> None:
    room = talking()
    assert room.hand("101").stage is Stage.TALK
    assert room.hand("101").is_in_hand
    room.line.tell(Held(channel="1.1-101", linkedid="1.1", held=True, at=room.line.now))
    assert room.hand("101").stage is Stage.HOLD
    assert room.hand("101").is_in_hand
    room.line.hangs_up("1.1-101")
    assert room.hands("101") == ()


def test_a_direct_call_shows_the_number_as_it_came() -> None:
    room = Room()
    room.begins("1.1", "trunk", number=SARA, exten="101")
    room.begins("1.2", "101", linkedid="1.1")
    room.rings("1.1", "1.2")
    hand = room.hand("101")
    assert (hand.stage, hand.number, hand.queue, hand.steps_of) == (Stage.RING, SARA, "", "")


def test_a_blind_transfer_names_who_passed_it_on_before_it_is_answered() -> None:
    room = talking()
    room.hands("101")
    room.line.hangs_up("1.1-101")
    room.line.tell(BridgeLeft(channel="1.1", bridge="bridge-1.1"))
    room.line.rings("1.1", "102")
    hand = room.hand("102")
    assert (hand.stage, hand.by, hand.passing) == (Stage.RING, "101", Passing.TRANSFER)
    assert hand.call_id == call_id(NODE, "1.1")


def consulting() -> Room:
    """101 has the caller on hold and rings 102."""
    room = talking()
    room.line.tell(Held(channel="1.1-101", linkedid="1.1", held=True, at=room.line.now))
    room.begins("2.1", "101", exten="102")
    room.begins("2.2", "102", linkedid="2.1")
    room.rings("2.1", "2.2")
    return room


def test_a_colleague_who_asks_first_brings_the_card_of_whom_they_have_on_hold() -> None:
    room = consulting()
    asked = room.hand("102")
    assert (asked.stage, asked.number, asked.name) == (Stage.RING, SARA, "آریا صنعت")
    assert (asked.by, asked.passing, asked.is_in_hand) == ("101", Passing.CONSULT, False)
    held, colleague = room.hands("101")
    assert (held.stage, held.number) == (Stage.HOLD, SARA)
    assert (colleague.stage, colleague.colleague, colleague.number) == (Stage.CALLING, True, "102")


def test_the_transfer_that_follows_is_in_hand_under_the_same_call() -> None:
    room = consulting()
    asked = room.hand("102")
    room.together("b2", "2.1", "2.2", linkedid="2.1")
    assert room.hand("102").passing is Passing.CONSULT
    room.line.tell(*(ChannelGone(channel=one) for one in ("1.1-101", "2.1")))
    room.line.tell(BridgeLeft(channel="1.1", bridge="bridge-1.1"))
    room.together("b2", "1.1", linkedid="1.1")
    hand = room.hand("102")
    assert (hand.call_id, hand.stage, hand.passing, hand.by) == (asked.call_id, Stage.TALK, Passing.TRANSFER, "101")
    assert hand.is_in_hand


def test_whoever_came_back_to_the_menu_was_not_passed_on() -> None:
    room = talking()
    room.hands("101")
    room.line.hangs_up("1.1-101")
    room.line.tell(BridgeLeft(channel="1.1", bridge="bridge-1.1"))
    run = room.line.feed.standings["1.1"].run
    room.line.feed.stands(msgspec.structs.replace(run, talked=GivenBack("queue", "support", "ANSWER")))
    room.line.rings("1.1", "102")
    assert (room.hand("102").by, room.hand("102").passing) == ("101", Passing.EARLIER)


def test_after_a_restart_the_record_tells_who_had_it() -> None:
    room = waiting()
    room.calls.append(open_call(agents=("102",)))
    assert (room.hand("101").by, room.hand("101").passing) == ("102", Passing.TRANSFER)


def test_the_agents_own_call_is_a_card_of_the_number_dialled() -> None:
    room = Room()
    room.begins("1.1", "101", number="101", exten=SARA)
    assert room.hands("101") == ()
    room.begins("1.2", "trunk", linkedid="1.1")
    room.rings("1.1", "1.2")
    hand = room.hand("101")
    assert (hand.stage, hand.outgoing, hand.number) == (Stage.CALLING, True, SARA)
    room.together("b", "1.1", "1.2", linkedid="1.1")
    assert (room.hand("101").stage, room.hand("101").is_in_hand) == (Stage.TALK, True)


def test_a_call_by_a_click_rings_the_agent_first() -> None:
    room = Room()
    room.begins("pbx1-c2c-1", "101", number="101", exten="s")
    room.rings("", "pbx1-c2c-1")
    hand = room.hand("101")
    assert (hand.stage, hand.number, hand.root) == (Stage.CALLING, "", "pbx1-c2c-1")


def test_colleagues_among_themselves_are_no_customers() -> None:
    room = Room()
    room.begins("1.1", "101", number="101", exten="102")
    room.begins("1.2", "102", linkedid="1.1")
    room.rings("1.1", "1.2")
    room.together("b", "1.1", "1.2", linkedid="1.1")
    assert [(room.hand(one).colleague, room.hand(one).is_in_hand) for one in ("101", "102")] == [(True, False)] * 2
    assert (room.hand("101").number, room.hand("102").number) == ("102", "101")


def test_an_agent_who_tries_the_menu_is_a_caller() -> None:
    room = Room()
    room.begins("1.1", "101", number="101", exten="100")
    room.line.in_menu("1.1", "menu", number="101")
    room.line.waits_in("1.1")
    room.line.rings("1.1", "102")
    assert room.hands("101") == ()
    hand = room.hand("102")
    assert (hand.number, hand.colleague) == ("101", False)


def test_a_call_on_record_keeps_its_identity() -> None:
    room = waiting()
    room.calls.append(open_call(root="1.1"))
    assert room.hand("101").call_id == room.calls[0].call_id


def test_inner_channels_are_nobodys_phone() -> None:
    room = Room()
    room.begins("1.1", "trunk", number=SARA)
    room.begins("1.2", "x", linkedid="1.1")
    room.line.tell(replace(seen_local("1.3"), linkedid="1.1"))
    room.rings("1.1", "1.3")
    assert room.hands("101") == ()


def seen_local(channel: str) -> ChannelSeen:
    return ChannelSeen(
        channel=channel,
        linkedid=channel,
        name="Local/101@pbxb-forward-01;1",
        number="",
        number_name="",
        exten="",
        at=None,
    )


def open_call(root: str = "1.1", agents: tuple[str, ...] = ()) -> Call:
    made = make_call(1, started_at=LiveLine().now, outcome=None)
    return replace(made, root=root, call_id=call_id(NODE, root), agents=agents)


def rang(result: str, **told: object) -> Call:
    now = LiveLine().now
    ring = Segment(kind=SegmentKind.RING, started_at=now, ended_at=now, party="101", result=result)
    return replace(make_call(1, started_at=now, segments=[ring], outcome=None), **told)  # type: ignore[arg-type]


def test_a_caller_is_lost_at_a_phone_that_did_not_take_them_and_to_nobody_else() -> None:
    for result in ("no_answer", "busy", "rejected", "cancelled", ""):
        assert lost_at(rang(result), "101") == result
        assert lost_at(rang(result), "102") is None
        assert lost_at(rang(result, agents=("102",)), "101") is None
        assert lost_at(rang(result, direction=Direction.OUTBOUND), "101") is None
    for result in ("answered", "picked_up", "forwarded"):
        assert lost_at(rang(result), "101") is None


_PHONES = ("trunk", "trunk", "101", "101", "102", "103")
_EVENTS = st.tuples(
    st.sampled_from(("seen", "rings", "enters", "leaves", "held", "gone")), st.integers(0, 5), st.integers(0, 5)
)


@given(st.lists(_EVENTS, max_size=40))
def test_whatever_is_told_each_phone_has_its_own_calls_once(told: list[tuple[str, int, int]]) -> None:
    room = Room()
    for what, one, other in told:
        channel, bridge = f"1.{one}", f"b{other % 3}"
        match what:
            case "seen":
                room.begins(channel, _PHONES[one], linkedid=f"1.{other}", number=SARA, exten="100")
            case "rings":
                room.rings(f"1.{other}", channel)
            case "enters":
                room.together(bridge, channel, linkedid=f"1.{other}")
            case "leaves":
                room.line.tell(BridgeLeft(channel=channel, bridge=bridge))
            case "held":
                room.line.tell(Held(channel=channel, linkedid="", held=bool(other % 2), at=room.line.now))
            case _:
                room.line.hangs_up(channel)
        living = {one.channel: one.phone for one in room.line.feed.channels.all()}
        for extension in ("101", "102", "103"):
            hands = room.hands(extension)
            assert len({hand.call_id for hand in hands}) == len(hands)
            assert all(living[hand.channel] == f"PJSIP/{extension}" for hand in hands)
            assert all(hand.by != extension for hand in hands)
        assert set(room.past) <= set(living)
