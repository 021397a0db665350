"""The table of stays: every kind of node in which a caller can spend time, and what a killed daemon means there.

A new kind gets a node in everywhere.yaml and its rows here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.customers import CODES, ENDED, ENDING, ENGLISH, UNKNOWN
from harness.guests import (
    Act,
    AtOnce,
    Stay,
    answered_with,
    asked,
    asked_after,
    asked_what_to_do_with_it,
    done_once,
    ends_the_message,
    excused,
    excused_aloud,
    in_prompt,
    in_talk,
    leaving_a_message,
    rung,
    said_again,
    said_again_and_answered,
    talks_on,
    talks_with,
    told_once,
)

DIALLED, TRANSFERRED, QUEUED = "111", "112", "113"  # agents who are rung, each by one kind of node
SUBJECTS = ("ticket of a killed daemon", "complaint of a killed daemon")

_SAID, _GIVEN, _MADE = "1", "2", f"3{CODES[ENGLISH]}#"
_LOOKED_UP, _WRITTEN = 2, 3  # turns


def _asked(
    node: str,
    way: str,
    key: str,
    prompt: str,
    arrives: Act | None = None,
    goes_on: Act | None = None,
    outcome: str = "abandoned_ivr",
) -> Stay:
    """A question: nothing is heard while it waits for an answer."""
    return Stay(
        node=node,
        way=way,
        key=key,
        number=UNKNOWN,
        arrives=arrives or asked(prompt),
        goes_on=goes_on or said_again(prompt),
        outcome=outcome,
    )


def _told(node: str, way: str, key: str) -> Stay:
    """Something that is being said; without the daemon it is heard to its end."""
    arrives, goes_on = in_prompt("menu"), said_again("menu")
    return Stay(node=node, way=way, key=key, number=UNKNOWN, arrives=arrives, goes_on=goes_on, turn=_LOOKED_UP)


def _looked_up(node: str, way: str, key: str, number: str = UNKNOWN, goes_on: Act | None = None) -> Stay:
    """An answer that takes long."""
    return Stay(
        node=node,
        way=way,
        key=key,
        number=number,
        arrives=excused,
        goes_on=goes_on or answered_with("goodbye"),
        turn=_LOOKED_UP,
    )


def _written(node: str, key: str, subject: str) -> Stay:
    """Something that takes long to write."""
    return Stay(
        node=node,
        way=_MADE,
        key=key,
        number=UNKNOWN,
        arrives=excused_aloud,
        goes_on=done_once(subject),
        before="made",
        turn=_WRITTEN,
    )


def _given(node: str, key: str, arrives: Act, goes_on: Act, outcome: str, turn: int = 0) -> Stay:
    """The dialplan has them."""
    return Stay(
        node=node,
        way=_GIVEN,
        key=key,
        number=UNKNOWN,
        arrives=arrives,
        goes_on=goes_on,
        resumed=False,
        outcome=outcome,
        turn=turn,
    )


STAYS: Mapping[str, Sequence[Stay] | AtOnce] = {
    "say": (_told("say", _SAID, "1"),),
    "menu": (_asked("menu", "", "", "menu"),),
    "ask": (_asked("ask", _SAID, "2", "ask_tracking"),),
    "language": (_asked("language", _SAID, "3", "choose_language"),),
    "callback": (_asked("callback", _MADE, "3", "menu", goes_on=said_again_and_answered("menu", "1", "goodbye")),),
    "survey": (_asked("survey", _MADE, "4", "menu", asked_after("1", "after_status", "menu")),),
    "caller": (_looked_up("caller", _SAID, "4", ENDED),),
    "contract": (_looked_up("contract", f"3{CODES[ENDING]}#", "7"),),
    "find": (_looked_up("find", _MADE, "5"),),
    "webhook": (_looked_up("webhook", _MADE, "6", goes_on=told_once),),
    "ticket": (_written("ticket", "1", SUBJECTS[0]),),
    "complaint": (_written("complaint", "2", SUBJECTS[1]),),
    "queue": (
        _told("told_queue", _GIVEN, "5"),
        _given("queue", "1", rung(QUEUED), talks_with(QUEUED), "answered", turn=1),
    ),
    "dial": (
        _told("told_dial", _GIVEN, "6"),
        _given("dial", "2", rung(DIALLED), talks_with(DIALLED), "answered"),
    ),
    "transfer": (
        _told("told_transfer", _GIVEN, "7"),
        _given("transfer", "3", in_talk(TRANSFERRED), talks_on(TRANSFERRED), "answered"),
    ),
    "voicemail": (
        _told("told_voicemail", _GIVEN, "8"),
        _given("voicemail", "4", leaving_a_message, ends_the_message("SUCCESS", "goodbye"), "voicemail"),
    ),
    "record": (
        _told("told_record", _GIVEN, "0"),
        _given("record", "9", leaving_a_message, ends_the_message("DTMF", "menu", "goodbye"), "voicemail"),
        _asked(
            "record",
            _GIVEN,
            "9",
            "menu",
            asked_what_to_do_with_it("menu"),
            said_again_and_answered("menu", "1", "goodbye"),
            outcome="voicemail",
        ),
    ),
    "choose": AtOnce("it compares what is known already"),
    "hours": AtOnce("it looks at the clock and at holidays that were read with the flow"),
    "call": AtOnce("the nodes of the flow it calls take its place when the file is read"),
    "return": AtOnce("it is the end of a flow that nobody called, and else replaced by where it leads"),
    "hang_up": AtOnce("the call is over"),
}
