"""A case played for real, held against the same case simulated: the same words, the same outcome. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.trial.case_file import Case
from pbx_bridge.ivr.trial.moves import Press
from pbx_bridge.ivr.trial.simulation import Simulation
from pbx_bridge.ivr.trial.transcript import Said
from pbx_bridge.values.hostile import on_terminal

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the simulator says of a call and what its record says."""

    case: Case
    simulated: Lines
    real: Lines

    @property
    def passed(self) -> bool:
        """They are the same."""
        return self.simulated == self.real

    def told(self) -> Lines:
        """The call line by line."""
        return self.real

    def diff(self) -> Iterator[str]:
        """A unified diff of the whole call."""
        everything = len(self.simulated) + len(self.real)
        yield from difflib.unified_diff(
            self.simulated, self.real, "simulated", "on the PBX", n=everything, lineterm=""
        )


def groups_of(case: Case) -> tuple[str, ...]:
    """The keys of a case, a group for each question."""
    return tuple(move.keys for move in case.moves if isinstance(move, Press))


def compare(case: Case, simulation: Simulation, call: Call) -> Comparison:
    """Both must have said the same prompts in the same order, and have ended alike.

    What is said in one go can be cut before its last prompt began: sooner on a PBX, later in a simulation, which
    tells all of it as it begins. So the begin of it is enough.
    """
    lines = [entry.line for entry in simulation.transcript if isinstance(entry.line, Said)]
    simulated = _by_playback((line.playback, _line(line.language, line.text)) for line in lines)
    steps = [step.data for step in call.steps if step.kind == StepKind.SAID]
    real = _by_playback((data.get("playback", 0), _line(data.get("language"), data.get("text"))) for data in steps)
    told = [_heard(ours, theirs) for ours, theirs in zip_longest(simulated, real, fillvalue=())]
    outcome = call.outcome.value if call.outcome else "unknown"
    return Comparison(
        case=case,
        simulated=(*(line for group in told for line in group), f"ends: {simulation.ends}"),
        real=(*(line for group in real for line in group), f"ends: {outcome}"),
    )


def _heard(simulated: Lines, real: Lines) -> Lines:
    return real if real and simulated[: len(real)] == real else simulated


def _by_playback(said: Iterable[tuple[int, str]]) -> Sequence[Lines]:
    groups: dict[int, list[str]] = {}
    for playback, line in said:
        groups.setdefault(playback, []).append(line)
    return [tuple(group) for group in groups.values()]


def _line(language: object, text: object) -> str:
    return on_terminal(f"{language} «{text}»")
