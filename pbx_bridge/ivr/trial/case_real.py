"""A case played for real, held against the same case simulated: the same words, the same outcome. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.speech import spoken
from pbx_bridge.ivr.trial.case_file import Case
from pbx_bridge.ivr.trial.moves import Press
from pbx_bridge.ivr.trial.simulation import Simulation
from pbx_bridge.ivr.trial.transcript import Said, Told
from pbx_bridge.values import tracking
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
    tells all of it as it begins. So the begin of it is enough. Tickets that the call opens have other numbers there.
    """
    numbers = _numbers(simulation, call)
    lines = [entry.line for entry in simulation.transcript if isinstance(entry.line, Said)]
    simulated = _by_playback((line.playback, _line(line.language, _as_there(line, numbers))) for line in lines)
    steps = [step.data for step in call.steps if step.kind == StepKind.SAID]
    real = _by_playback((data.get("playback", 0), _line(data.get("language"), data.get("text"))) for data in steps)
    told = [_heard(ours, theirs) for ours, theirs in zip_longest(simulated, real, fillvalue=())]
    outcome = call.outcome.value if call.outcome else "unknown"
    return Comparison(
        case=case,
        simulated=(*(line for group in told for line in group), f"ends: {simulation.ends}"),
        real=(*(line for group in real for line in group), f"ends: {outcome}"),
    )


def _numbers(simulation: Simulation, call: Call) -> list[tuple[str, str]]:
    """The tracking numbers of the tickets that were opened: (simulated, real)."""
    told = [entry.line for entry in simulation.transcript if isinstance(entry.line, Told)]
    ours = [line.data["tracking_number"] for line in told if line.kind is StepKind.TICKET_OPENED]
    steps = [step.data for step in call.steps if step.kind == StepKind.TICKET_OPENED]
    return list(zip(ours, (str(data.get("tracking_number", "")) for data in steps), strict=False))


def _as_there(line: Said, numbers: Iterable[tuple[str, str]]) -> str:
    """What is said, with the real tracking numbers in place of the simulated ones."""
    text = line.text
    for ours, theirs in numbers:
        if tracking.parse(theirs):
            text = text.replace(spoken(ours, "tracking", line.language), spoken(theirs, "tracking", line.language))
    return text


def _heard(simulated: Lines, real: Lines) -> Lines:
    return real if real and simulated[: len(real)] == real else simulated


def _by_playback(said: Iterable[tuple[int, str]]) -> Sequence[Lines]:
    groups: dict[int, list[str]] = {}
    for playback, line in said:
        groups.setdefault(playback, []).append(line)
    return [tuple(group) for group in groups.values()]


def _line(language: object, text: object) -> str:
    return on_terminal(f"{language} «{text}»")
