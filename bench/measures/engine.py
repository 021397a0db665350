"""The flow engine's pace: `advance` for callers of a flow, side by side, on one core."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from itertools import zip_longest

from bench.desk import Desk
from bench.engine_callers import FLOW, NOON, Told, begin, callers
from bench.figure import CannotMeasure, Figure, Peer
from pbx_bridge.ivr import engine, flow
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.run import Happening, Run

NAMES = ("engine_steps_per_s",)

_CALLERS = 1000
_ROUNDS, _QUICK_ROUNDS = 15, 5

Turns = Sequence[tuple[int, Happening]]


async def measure(desk: Desk) -> Sequence[Figure]:
    """Ours and the peer's in turn, so that both meet the same machine; the median of the rounds."""
    rounds = _QUICK_ROUNDS if desk.quick else _ROUNDS
    if find_spec("transitions") is None:
        raise CannotMeasure("transitions is not installed: make bench installs it")
    desk.say(f"{_CALLERS} callers of the flow side by side, in the engine and in a machine of transitions")
    support = flow.load(str(FLOW))
    told = callers(support, _CALLERS)
    turns = side_by_side(told)
    steps = len(turns) + len(told)
    pairs = [(steps / ours(support, told, turns), steps / peers(support, told, turns)) for _ in range(rounds)]
    own, peer = ([pair[side] for pair in pairs] for side in (0, 1))
    note = (
        f"{steps} steps of {_CALLERS} calls, one happening of each in turn, {rounds} times; CPU time of one core; "
        f"slowest round {min(own):.0f}; every call ended as it did alone. The peer goes the same ways and says the "
        "same prompts, without steps for the record, values in prompts, numbers of answers, and runs to be stored"
    )
    return (
        Figure(
            name=NAMES[0],
            value=statistics.median(own),
            unit="steps/s",
            goal=100_000,
            better="higher",
            peer=Peer(name=f"transitions {version('transitions')}", value=statistics.median(peer)),
            note=note,
        ),
    )


def side_by_side(told: Sequence[Told]) -> Turns:
    """One happening of each caller in turn, while there are any; with the caller's place in the row."""
    rows = zip_longest(*(call.happenings for call in told))
    return [(place, happening) for row in rows for place, happening in enumerate(row) if happening is not None]


def ours(flow: Flow, told: Sequence[Told], turns: Turns) -> float:
    """Seconds of CPU for these calls in the engine. Raises CannotMeasure if one ends otherwise than alone."""

    def work() -> None:
        advance = engine.advance
        runs.extend(begin(flow, call.channel, call.caller)[0] for call in told)
        for place, happening in turns:
            runs[place], _ = advance(flow, runs[place], happening, NOON)

    runs: list[Run] = []
    seconds = _cpu_s(work)
    if runs != [call.run for call in told]:
        raise CannotMeasure("a call side by side with others ended otherwise than alone")
    return seconds


def peers(flow: Flow, told: Sequence[Told], turns: Turns) -> float:
    """The same in the peer, its machine and models already made. Raises CannotMeasure if it says otherwise."""
    from bench.engine_peer import OVER, Line, machine, trigger_of  # of the bench group, as transitions is

    def work() -> None:
        for line in lines:
            line.trigger("begin")
        for place, trigger, told_with in steps:
            lines[place].trigger(trigger, told_with)

    made, lines = machine(flow), [Line() for _ in told]
    for line in lines:
        made.add_model(line)
    steps = [(place, *trigger_of(happening)) for place, happening in turns]
    seconds = _cpu_s(work)
    for line, call in zip(lines, told, strict=True):
        if line.prompts != call.prompts or line.state != OVER:
            raise CannotMeasure(f"the peer said {line.prompts} where the engine said {call.prompts}")
    return seconds


def _cpu_s(work: Callable[[], None]) -> float:
    gc.collect()
    begun = time.process_time()
    work()
    return time.process_time() - begun
