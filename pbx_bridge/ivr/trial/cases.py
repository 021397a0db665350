"""Plays a case in the simulator and holds what was heard against what was expected. Pure."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.health import Clock
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.lookups import CrmLookups, Lookups, RoutedLookups, at_once
from pbx_bridge.ivr.questions import AskService, Question, StandingOfQueue, TellService
from pbx_bridge.ivr.requests import RequestLookups
from pbx_bridge.ivr.trial.caller import play
from pbx_bridge.ivr.trial.case_file import Case
from pbx_bridge.ivr.trial.queue_line import NOBODY_WAITS, QueueLine, SimulatedQueues
from pbx_bridge.ivr.trial.services import ToldServices
from pbx_bridge.ivr.trial.simulation import Simulation, Stage, Texts
from pbx_bridge.ivr.trial.transcript import Broken, Line, Said, Told, Transcript, Undone, shown, words
from pbx_bridge.store.crm import Crm
from pbx_bridge.store.requests_memory import MemoryRequests
from pbx_bridge.values import digits
from pbx_bridge.values.hostile import on_terminal

_SPACE = re.compile(r"\s+")
_LETTERS = str.maketrans({"ي": "ی", "ك": "ک", "\u200c": None, "\u0640": None})


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What every case of a flow shares."""

    flow: Flow
    texts: Texts
    zone: ZoneInfo
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a case came out. `expected` and `heard` are lines; they are the same when it passed."""

    case: Case
    transcript: Transcript
    expected: tuple[str, ...]
    heard: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Everything was as expected."""
        return self.expected == self.heard

    def told(self) -> Iterator[str]:
        """The call line by line, with times."""
        return (shown(entry) for entry in self.transcript if words(entry.line))

    def diff(self) -> Iterator[str]:
        """The whole call as a unified diff: `-` was expected and is missing, `+` was not expected."""
        everything = len(self.expected) + len(self.heard)
        yield from difflib.unified_diff(self.expected, self.heard, "expected", "heard", n=everything, lineterm="")


def check(case: Case, house: House) -> Verdict:
    """Play a case. The caller hangs up when the flow asks for keys and the case has no more."""
    simulation = simulate(case, house)
    for _ in play(simulation, case.moves):
        pass
    return judge(case, simulation)


def simulate(case: Case, house: House) -> Simulation:
    """The call of a case, just begun."""
    stage = Stage(
        flow=house.flow,
        texts=house.texts,
        lookups=crm_lookups(case.crm, house.zone, house.region, case.queue, ToldServices(case.services)),
        delays=case.delays,
    )
    return Simulation(stage, case.visitor)


NO_SERVICES: Lookups = ToldServices()


def crm_lookups(
    crm: Crm, zone: ZoneInfo, region: str, queue: QueueLine = NOBODY_WAITS, services: Lookups = NO_SERVICES
) -> Callable[[Clock], Lookups]:
    """What real callers' lookups are, by the simulation's clock; what they write, each call keeps in its memory."""

    def for_call(clock: Clock) -> Lookups:
        requests = RequestLookups(MemoryRequests(clock), zone=zone, region=region, clock=clock)
        left = dict.fromkeys(RequestLookups.QUESTIONS, requests)
        queues = SimulatedQueues(queue)
        rest = CrmLookups(crm, zone=zone, region=region, clock=clock, is_pin=at_once)
        told: dict[type[Question], Lookups] = {StandingOfQueue: queues, AskService: services, TellService: services}
        return RoutedLookups(rest, {**left, **told})

    return for_call


def judge(case: Case, simulation: Simulation) -> Verdict:
    """The verdict over a call whose moves are made."""
    if simulation.asks:
        simulation.hang_up()
    heard = [(words(entry.line), entry.line) for entry in simulation.transcript]
    heard = [(text, line) for text, line in heard if text]
    ends = (f"at: {simulation.run.at}", f"ends: {simulation.ends}")
    wanted = (f"at: {case.at or simulation.run.at}", f"ends: {case.ends or simulation.ends}")
    return Verdict(
        case=case,
        transcript=simulation.transcript,
        expected=(*_expected(case, heard), *wanted),
        heard=(*(text for text, _ in heard), *ends),
    )


def _expected(case: Case, heard: Sequence[tuple[str, Line]]) -> Iterator[str]:
    """What was heard, without what must not be in it, and with what is missing where it should have come.

    Two different words may stand in one line; the same word twice is to be heard twice.
    """
    told, since, before = 0, 0, ""
    for wanted in case.says:
        since += wanted == before
        found = next((i for i in range(since, len(heard)) if _says(heard[i], wanted)), None)
        if found is None:
            yield on_terminal(f"«{wanted}»")
            continue
        yield from _allowed(case, heard[told : found + 1])
        told, since, before = max(told, found + 1), found, wanted
    yield from _allowed(case, heard[told:])


def _allowed(case: Case, heard: Sequence[tuple[str, Line]]) -> Iterator[str]:
    for text, line in heard:
        never = any(_says((text, line), word) for word in case.never_says)
        trouble = isinstance(line, Told) and line.kind is StepKind.TROUBLE
        if not (never or trouble or isinstance(line, Broken | Undone)):
            yield text


def _says(heard: tuple[str, Line], wanted: str) -> bool:
    """Whether a line holds these words; `fa «` or `en «` before them names the language, too."""
    text, line = heard
    return isinstance(line, Said) and plain(wanted) in plain(text)


def plain(text: str) -> str:
    """A text without what people write in more than one way: spaces, vowel signs, digits, case, Arabic letters."""
    bare = "".join(c for c in digits.to_ascii(text).translate(_LETTERS) if unicodedata.category(c) != "Mn")
    return _SPACE.sub(" ", bare).strip().casefold()
