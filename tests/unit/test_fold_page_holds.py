"""Holds that an agent begins from the page: told by the dialplan on the agent's channel, so never missed."""

from __future__ import annotations

from itertools import permutations

import pytest
from made_facts import T0, cel, ending, folded

from pbx_bridge.calls.call import SegmentKind
from pbx_bridge.calls.facts import CelRow, Fact

AGENT, TRUNK = "PJSIP/101-00000001", "PJSIP/trunk-00000000"
_BRIDGE = {"bridge_id": "b", "bridge_technology": "simple_bridge"}


def user_event(at_s: float, word: str, channel: str = AGENT) -> CelRow:
    return cel(at_s, "USER_DEFINED", channel, linked=TRUNK, user_type="PBXB", extra={"extra": word})


def talk(*words: CelRow, until_s: float = 20) -> list[Fact]:
    """A call of 20 s with agent 101 from its third second on."""
    return [
        cel(0, "CHAN_START"),
        cel(0.1, "APP_START", app="Queue", app_data="support,cC,,,60"),
        cel(1, "CHAN_START", AGENT, linked=TRUNK),
        cel(3, "ANSWER", AGENT, linked=TRUNK),
        cel(3, "BRIDGE_ENTER", AGENT, linked=TRUNK, extra=_BRIDGE),
        cel(3, "BRIDGE_ENTER", extra=_BRIDGE),
        *words,
        cel(until_s, "BRIDGE_EXIT", AGENT, linked=TRUNK, extra=_BRIDGE),
        cel(until_s, "BRIDGE_EXIT", extra=_BRIDGE),
        *ending(until_s + 0.01, AGENT),
        *ending(until_s + 0.02),
    ]


@pytest.mark.parametrize(
    ("words", "hold_s"),
    [
        ((), 0),
        ((user_event(5, "hold"), user_event(9, "unhold")), 4),
        ((user_event(5, "hold"), user_event(9, "unhold"), user_event(12, "hold"), user_event(13, "unhold")), 5),
        ((user_event(5, "hold"),), 15),  # whoever was on hold hung up
        ((user_event(9, "unhold"),), 0),
        ((user_event(5, "hold"), user_event(6, "hold"), user_event(9, "unhold")), 4),
        ((user_event(5, "holding"), user_event(9, "voicemail=SUCCESS")), 0),
    ],
)
def test_a_hold_is_as_long_as_the_dialplan_says(words: tuple[CelRow, ...], hold_s: float) -> None:
    call = folded(talk(*words))
    assert call.hold_us == hold_s * 1_000_000
    assert call.talk_us == (17 - hold_s) * 1_000_000
    held = [segment for segment in call.segments if segment.kind is SegmentKind.HOLD]
    assert {segment.party for segment in held} <= {"101"}
    assert all(segment.started_at > T0 for segment in held)


def test_in_whatever_order_the_rows_come() -> None:
    words = (user_event(5, "hold"), user_event(9, "unhold"), user_event(9.5, "hold"), user_event(10, "unhold"))
    assert len({folded(talk(*some)).hold_us for some in permutations(words)}) == 1
