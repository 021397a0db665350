"""What a simulated caller does with a call: makes moves, and lets things happen between. Pure.

The caller thinks and keys as the one of `try-call` does (pbx/key_script.py), so that a real call of the same moves
says the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import assert_never

from pbx_bridge.ivr.run import PromptEnded, TimeUp
from pbx_bridge.ivr.trial.moves import HangUp, Listen, Move, Press, Silence, Speak, WaitEnds, written
from pbx_bridge.ivr.trial.simulation import Simulation
from pbx_bridge.ivr.trial.transcript import Pressed, Undone

THINK_SECONDS = 0.7  # from a question's begin to its answer
_BETWEEN_KEYS = 0.25
_DIGIT = re.compile(r"[0-9]")


def play(simulation: Simulation, told: Iterable[Move]) -> Iterator[None]:
    """Make the moves, one after the other, then hear out what is said. Yields after every thing that happens."""
    for move in told:
        yield from _make(simulation, move)
    yield from settle(simulation)


def settle(simulation: Simulation) -> Iterator[None]:
    """Let things happen until the flow asks for keys, the caller waits in a queue, or the call is over."""
    while not (simulation.asks or simulation.waits or simulation.over):
        if simulation.next_event() is None:
            return
        yield


def _make(simulation: Simulation, move: Move) -> Iterator[None]:
    match move:
        case Press(early=early):
            yield from _come_to(simulation, early=early)
            yield from _press(simulation, move)
        case Silence():
            yield from settle(simulation)
            yield from _keep_silent(simulation, move)
        case Listen():
            yield from _listen(simulation, move)
        case HangUp(early=early):
            yield from _come_to(simulation, early=early)
            yield from _hang_up(simulation, move)
        case WaitEnds():
            yield from settle(simulation)
            yield from _end_wait(simulation, move)
        case Speak(seconds=seconds):
            yield from settle(simulation)
            yield from _speak(simulation, move, seconds)
        case _:
            assert_never(move)


def _come_to(simulation: Simulation, *, early: bool) -> Iterator[None]:
    if not early:
        yield from settle(simulation)
    if not simulation.over:
        simulation.pass_time(THINK_SECONDS)
        yield


def _press(simulation: Simulation, move: Press) -> Iterator[None]:
    if simulation.over or (simulation.waits and not simulation.takes(move.keys[:1])):
        _cannot(simulation, move, "nothing asks for keys")
        return
    simulation.tell(Pressed(keys=_DIGIT.sub("*", move.keys) if simulation.is_secret else move.keys))
    for key in move.keys:
        if not simulation.over:
            simulation.press(key)
            yield
            simulation.pass_time(_BETWEEN_KEYS)


def _keep_silent(simulation: Simulation, move: Silence) -> Iterator[None]:
    if simulation.records:
        yield from _speak(simulation, move, 0.0)
        return
    if not simulation.asks:
        _cannot(simulation, move, "nothing asks for keys")
        return
    while (happened := simulation.next_event()) is not None:
        yield
        if isinstance(happened, TimeUp):
            return


def _listen(simulation: Simulation, move: Listen) -> Iterator[None]:
    if simulation.over or simulation.waits:
        _cannot(simulation, move, "nothing is said")
        return
    while (happened := simulation.next_event()) is not None:
        yield
        if isinstance(happened, PromptEnded):
            return


def _hang_up(simulation: Simulation, move: Move) -> Iterator[None]:
    if simulation.over:
        _cannot(simulation, move, "the call was over")
        return
    simulation.hang_up()
    yield


def _end_wait(simulation: Simulation, move: WaitEnds) -> Iterator[None]:
    if not simulation.waits:
        _cannot(simulation, move, "the caller was not handed to anybody")
    elif not simulation.come_back(move):
        _cannot(simulation, move, f"it cannot end so at {simulation.ends}")
    yield


def _speak(simulation: Simulation, move: Move, seconds: float) -> Iterator[None]:
    if simulation.records:
        simulation.speak(seconds)
    else:
        _cannot(simulation, move, "nothing is recorded")
    yield


def _cannot(simulation: Simulation, move: Move, reason: str) -> None:
    simulation.tell(Undone(move=written(move), reason=reason))
