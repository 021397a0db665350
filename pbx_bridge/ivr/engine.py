"""The flow engine: `advance(flow, run, happening, now) -> (run, effects)`. Pure: no I/O, no clock, no await.

Theory of operation. A run stands at one flow node in one phase and waits for one of a few happenings; anything
else is late or foreign and changes nothing but the keys typed ahead. Entering a node either waits (a prompt plays,
a lookup runs, a queue holds the caller) or goes straight on to the next; a chain of nodes that never wait is cut
after `_LONGEST_CHAIN` and the caller goes to a person, so that no flow file can hang the daemon.

Keys. A key during a prompt cuts it at once. Keys nobody has used yet stay in `run.keyed` and count for the next
node that listens, without its prompt being said; a failed try throws them away, as does a caller's hand-over.

Numbers. Playbacks, timers and lookups are numbered from one counter. An answer whose number is not the present one
is late: dropped.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, assert_never

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.nodes import HandingOver, Node
from pbx_bridge.ivr.nodes.handing import SPOKE_WITH_PERSON
from pbx_bridge.ivr.run import (
    Begun,
    Effect,
    Found,
    GivenBack,
    Gone,
    Happening,
    KeyPressed,
    LookupFailed,
    Phase,
    PromptEnded,
    Resumed,
    Run,
    TimeUp,
)
from pbx_bridge.ivr.turn import FILLER_AFTER, GIVE_UP_AFTER, Turn

_FILLER_AFTER_AWAY = 0.3  # seconds; the caller has heard nothing for as long as we were away

__all__ = ["FILLER_AFTER", "GIVE_UP_AFTER", "advance", "awaits", "begin"]


def begin(
    flow: Flow,
    *,
    node: str,
    channel: str,
    caller: str,
    caller_name: str,
    called: str,
    now: datetime,
    language: str = "",
) -> tuple[Run, tuple[Effect, ...]]:
    """A new caller's run and what is to be done first. `language`: one they chose already."""
    run = Run(
        node=node,
        channel=channel,
        caller=caller,
        caller_name=caller_name,
        called=called,
        flow=flow.name,
        version=flow.version,
        entered_at=now,
        at=flow.start,
        language=language,
    )
    return advance(flow, run, Begun(), now)


def advance(flow: Flow, run: Run, happening: Happening, now: datetime) -> tuple[Run, tuple[Effect, ...]]:
    """What becomes of a run when something happens to it, and what is to be done about it, in order."""
    if run.phase is Phase.OVER:
        return run, ()
    turn = Turn(flow, run, now)
    _take(turn, happening)
    return turn.run, tuple(turn.effects)


def _take(turn: Turn, happening: Happening) -> None:
    match happening:
        case Begun():
            turn.step(StepKind.STARTED, **_introduction(turn.run))
            turn.enter(turn.flow.start)
        case Resumed():
            _resume(turn)
        case KeyPressed(key):
            _key(turn, key)
        case PromptEnded(playback, heard):
            _prompt_ended(turn, playback, heard)
        case TimeUp(timer):
            _time_up(turn, timer)
        case Found(lookup, answer):
            _found(turn, lookup, answer)
        case LookupFailed(lookup, reason):
            _lookup_failed(turn, lookup, reason)
        case GivenBack():
            _given_back(turn, happening)
        case Gone(by):
            turn.over(by)
        case _:
            assert_never(happening)


def _introduction(run: Run) -> dict[str, Any]:
    return {
        "flow": run.flow,
        "version": run.version,
        "caller": run.caller,
        "caller_name": run.caller_name,
        "called": run.called,
    }


def _resume(turn: Turn) -> None:
    turn.step(StepKind.RESUMED)
    known = turn.run.at in turn.flow.nodes
    if known and turn.run.phase is Phase.QUEUED and isinstance(turn.node, HandingOver):
        turn.node.hand_over(turn)  # we were stopped between deciding and doing
        return
    turn.set(keyed="", playback=0, timer=0, lookup=0)
    turn.enter(turn.run.at if known else turn.flow.person, again=True)
    if turn.run.phase is Phase.LOOKING:
        turn.start_timer(_FILLER_AFTER_AWAY)


def _key(turn: Turn, key: str) -> None:
    if turn.run.phase is Phase.QUEUED:
        return
    if key == turn.run.late_end:
        turn.set(late_end="")
        return
    turn.set(keyed=turn.run.keyed + key, late_end="")
    match turn.run.phase:
        case Phase.SAYING:
            turn.stop_playing()
            turn.node.on_key(turn)
        case Phase.COLLECTING:
            turn.stop_playing()
            turn.node.on_keys(turn)
        case _:
            pass  # typed ahead: kept for the node that listens next


def _prompt_ended(turn: Turn, playback: int, heard: bool) -> None:
    if playback != turn.run.playback or not playback:
        return
    turn.set(playback=0)
    if not heard:
        turn.step(StepKind.TROUBLE, reason="prompt could not be played to its end")
    match turn.run.phase:
        case Phase.SAYING:
            turn.node.on_said(turn, playback, heard)
        case Phase.COLLECTING:
            turn.node.on_asked(turn)
        case _:
            pass  # a filler: the lookup's own timer goes on


def _time_up(turn: Turn, timer: int) -> None:
    if timer != turn.run.timer or not timer:
        return
    turn.set(timer=0)
    match turn.run.phase:
        case Phase.LOOKING:
            _lookup_takes_long(turn)
        case Phase.COLLECTING:
            turn.node.on_silence(turn)
        case _:
            pass


def awaits(flow: Flow, run: Run, back: GivenBack) -> bool:
    """Whether the run stands where it gave the caller to what gives them back here."""
    node = flow.nodes.get(run.at)
    is_it = isinstance(node, HandingOver) and (node.place, node.target_for(run)) == (back.what, back.to)
    return is_it and run.phase is Phase.QUEUED


def _given_back(turn: Turn, back: GivenBack) -> None:
    turn.set(phase=Phase.SAYING)
    if not _is_from(turn.flow.nodes.get(turn.run.at), back):
        turn.set(at=turn.flow.person)  # we were killed between handing over and writing that down
    node = turn.node
    if isinstance(node, HandingOver) and _is_from(node, back):
        node.note_back(turn, back.to, back.status)
        node.on_return(turn, back.status)
    elif back.status in SPOKE_WITH_PERSON:
        turn.hang_up(back.what)
    else:
        turn.give_up("given back by what the caller was not given to")


def _is_from(node: Node | None, back: GivenBack) -> bool:
    return isinstance(node, HandingOver) and node.place == back.what


def _lookup_takes_long(turn: Turn) -> None:
    if turn.run.excused or not turn.node.excuses:
        waited = GIVE_UP_AFTER if turn.run.excused else FILLER_AFTER
        _lookup_failed(turn, turn.run.lookup, f"no answer within {waited:g} s")
        return
    turn.set(excused=True)
    turn.step(StepKind.FILLER, prompt=turn.flow.filler)
    turn.play((turn.flow.filler,), listens=False)
    turn.start_timer(GIVE_UP_AFTER - FILLER_AFTER)


def _found(turn: Turn, lookup: int, answer: object) -> None:
    if turn.run.phase is not Phase.LOOKING or lookup != turn.run.lookup:
        return
    turn.set(lookup=0, timer=0)
    turn.stop_playing()
    turn.node.on_answer(turn, answer)


def _lookup_failed(turn: Turn, lookup: int, reason: str) -> None:
    if turn.run.phase is not Phase.LOOKING or lookup != turn.run.lookup:
        return
    turn.set(lookup=0, timer=0, keyed="")
    turn.stop_playing()
    turn.step(StepKind.LOOKUP, what=turn.node.looks_up, result="unavailable", reason=reason)
    turn.node.on_no_answer(turn)
