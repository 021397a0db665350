"""Finds the highest rate that a system sustains: up in steps until one fails, then halfway back. It always ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.figure import CannotMeasure


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of a rate. `clean`: everything went well; `told`: what did not, or what belongs to it."""

    rate: float
    clean: bool
    told: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """Where to begin, how to go on, and when to stop.

    Attributes:
        begin, most: rates. step: up by this factor.
        halvings: how often the gap between the last good and the first bad rate is halved.
        trials: of all rates together, at most.
    """

    begin: float
    most: float
    step: float = 1.25
    halvings: int = 2
    trials: int = 14


async def highest(climb: Climb, attempt: Callable[[float], Awaitable[Trial]]) -> tuple[Trial, list[Trial]]:
    """The trial of the highest rate that was clean, and all of them in order. A rate that fails is tried once more.

    Raises CannotMeasure if none was clean.
    """
    trials: list[Trial] = []

    async def sustains(rate: float) -> bool:
        for _ in range(2):
            if len(trials) < climb.trials:
                trials.append(await attempt(rate))
                if trials[-1].clean:
                    return True
        return False

    good, bad = 0.0, 0.0
    rate = climb.begin
    while rate <= climb.most and len(trials) < climb.trials:
        if await sustains(rate):
            good = rate
        else:
            bad = rate
        if bad and good:
            break
        rate = round(rate / climb.step if bad else rate * climb.step)
        if rate < 1:
            break
    for _ in range(climb.halvings if bad and good else 0):
        middle = round((good + bad) / 2)
        if middle in (good, bad) or len(trials) >= climb.trials:
            break
        good, bad = (middle, bad) if await sustains(middle) else (good, middle)
    clean = [trial for trial in trials if trial.clean]
    if not clean:
        raise CannotMeasure(f"no rate was clean: {trials[-1].told if trials else 'none was tried'}")
    return max(clean, key=lambda trial: trial.rate), trials
