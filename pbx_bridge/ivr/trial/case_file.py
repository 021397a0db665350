"""The file of cases beside a flow, `<flow>.test.yaml`: read, checked, and made into what the simulator plays.

Everything wrong is a FlowError naming file, line and what to write. Pure but for `load`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from pbx_bridge.calls.call import Outcome
from pbx_bridge.errors import FlowError, ImportRefused
from pbx_bridge.ivr.flow import Flow, read_bytes
from pbx_bridge.ivr.nodes import DialNode, FindNode, WebhookNode
from pbx_bridge.ivr.nodes.handing import HandingOver
from pbx_bridge.ivr.reading import decode as flow_decode
from pbx_bridge.ivr.reading import tree as flow_file
from pbx_bridge.ivr.reading.finding import Finding
from pbx_bridge.ivr.trial.moves import HangUp, Move, Press, parse_moves, written
from pbx_bridge.ivr.trial.queue_line import NOBODY_WAITS, QueueLine
from pbx_bridge.ivr.trial.simulation import Delay, Visitor
from pbx_bridge.store.crm import Crm
from pbx_bridge.store.crm_csv import Row
from pbx_bridge.store.crm_memory import demo_batch, memory_crm
from pbx_bridge.store.crm_rows import COLUMNS, OPTIONAL, Batch, Checked, check_row
from pbx_bridge.store.demo import dated
from pbx_bridge.values import dates

T = TypeVar("T")

END = ".test.yaml"
DEFAULT_CLOCK = "1404/09/01 10:00"  # a Saturday morning

Word = str | int | float  # as YAML reads what stands there without quotes
Words = Word | tuple[Word, ...]
Cells = dict[str, Word]
Said = dict[str, Any] | Word  # what a service says, by field; or none, fails, never, or the seconds that it takes
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120, description="a name of 1 to 120 letters")]

_YEARS = (1991, 2120)
_OWN_AGENT = re.compile(r"^dial [0-9]{1,15}$")
_NEVER = 3600.0  # seconds; long after every limit
_FILES = {
    "customers": "customers.csv",
    "contacts": "contacts.csv",
    "contracts": "contracts.csv",
    "tickets": "tickets.csv",
}
_DEFAULTS: Mapping[str, str] = {"number": "K-1", "starts_on": "2000-01-01", "subject": "-", "name": "-"}


class _Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    caller: Word = ""
    clock: Word = ""
    language: str = ""
    keys: Words = ()
    says: Words = ()
    never_says: Words = ()
    at: str = ""
    ends: str = ""
    lookups: dict[str, Word] = {}
    services: dict[str, Said] = {}
    queue: QueueLine | None = None
    customers: tuple[Cells, ...] = ()
    contacts: tuple[Cells, ...] = ()
    contracts: tuple[Cells, ...] = ()
    tickets: tuple[Cells, ...] = ()


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cases: Annotated[tuple[_Case, ...], msgspec.Meta(min_length=1)]
    clock: Word = DEFAULT_CLOCK
    caller: Word = ""
    services: dict[str, Said] = {}
    customers: tuple[Cells, ...] = ()
    contacts: tuple[Cells, ...] = ()
    contracts: tuple[Cells, ...] = ()
    tickets: tuple[Cells, ...] = ()


FORMS = (_File, _Case)  # what a file may hold, for those who explain it


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call and what is expected of it.

    Attributes:
        line: where it stands in its file.
        delays: lookups that answer late, or not at all.
        services: what each says as JSON; None: no such thing. queue: what its queues are like.
        says: words that must be heard, in this order. never_says: words that must not.
        at: the flow node where it ends. ends: see Simulation.ends. Empty: not looked at.
        simulated_because: why no real call can be the same; empty if one can.
    """

    name: str
    line: int
    visitor: Visitor
    moves: tuple[Move, ...]
    crm: Crm
    delays: Mapping[str, Delay]
    services: Mapping[str, object]
    queue: QueueLine
    says: tuple[str, ...]
    never_says: tuple[str, ...]
    at: str
    ends: str
    simulated_because: str


def path_of(flow_path: Path) -> Path:
    """Where the cases of a flow's file stand."""
    return flow_path.with_name(f"{flow_path.stem}{END}")


def clock_of(text: str, zone: ZoneInfo) -> datetime:
    """The time of a call as people write it. Raises ValueError."""
    moment = dates.parse_datetime(text, zone)
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise ValueError(f"{text!r} is no time of a call: years are {_YEARS[0]} to {_YEARS[1]}, or 1370 to 1500")
    return moment


def load(path: Path, flow: Flow, *, zone: ZoneInfo, region: str) -> tuple[Case, ...]:
    """The cases of a file. Raises FlowError."""
    if not path.exists():
        raise FlowError(f"flow {flow.name} has no cases yet; they would stand here", path=path)
    return parse(read_bytes(path), path, flow, zone=zone, region=region)


def parse(text: bytes, path: Path, flow: Flow, *, zone: ZoneInfo, region: str) -> tuple[Case, ...]:
    """The cases of a flow from their YAML. Raises FlowError naming the first thing that is wrong."""
    held = flow_file.read(text)
    findings = [*held.findings, *(flow_decode.faults(held.tree, _File) if not held.findings else ())]
    reader = _Reader(path, held.lines, flow, zone, region)
    if findings:
        raise reader.error(findings[0])
    return reader.cases(msgspec.convert(held.tree, _File))


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path
    lines: Mapping[str, int]
    flow: Flow
    zone: ZoneInfo
    region: str

    def cases(self, file: _File) -> tuple[Case, ...]:
        cases = tuple(self._case(file, case, f"cases.{i}") for i, case in enumerate(file.cases))
        seen: dict[str, Case] = {}
        for i, case in enumerate(cases):
            if case.name in seen:
                raise self.wrong(f"cases.{i}.name", f"line {seen[case.name].line} has a case of this name already")
            seen[case.name] = case
        return cases

    def error(self, finding: Finding) -> FlowError:
        line = finding.line or flow_file.line_of(self.lines, finding.at)
        return FlowError(finding.sentence, path=self.path, line=line)

    def wrong(self, at: str, text: str, do: str = "") -> FlowError:
        return self.error(Finding(code="case", text=text, do=do, at=flow_file.shown(at)))

    def _case(self, file: _File, case: _Case, at: str) -> Case:
        if not (_several(case.says) or _several(case.never_says) or case.at or case.ends):
            raise self.wrong(at, f"case {case.name!r} expects nothing", "write says, at or ends")
        now = self._clock(case.clock or file.clock, f"{at}.clock" if case.clock else "clock")
        moves = self._moves(case.keys, f"{at}.keys")
        return Case(
            name=case.name,
            line=self.lines.get(at, 0),
            visitor=Visitor(
                caller=str(case.caller or file.caller), now=now, language=self._language(case.language, at)
            ),
            moves=moves,
            crm=self._crm(file, case, at, now),
            delays=self._service_delays(case, at)
            | {what: self._delay(what, told, f"{at}.lookups") for what, told in case.lookups.items()},
            services=self._services(file, case, at),
            queue=case.queue or NOBODY_WAITS,
            says=_several(case.says),
            never_says=_several(case.never_says),
            at=self._node(case.at, at),
            ends=self._ends(case.ends, at),
            simulated_because=_simulated_because(file, case, moves),
        )

    def _clock(self, text: Word, at: str) -> datetime:
        return self._read(at, lambda: clock_of(str(text), self.zone))

    def _moves(self, told: Words, at: str) -> tuple[Move, ...]:
        return self._read(at, lambda: parse_moves(told if isinstance(told, str) else _several(told)))

    def _read(self, at: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except (ValueError, OverflowError) as error:
            raise self.wrong(at, str(error)) from None

    def _language(self, language: str, at: str) -> str:
        return self._one_of("language", language, ("", *self.flow.languages), at, "language is not offered")

    def _node(self, node: str, at: str) -> str:
        return self._one_of("at", node, ("", *self.flow.nodes), at, "node is not in the flow")

    def _ends(self, ends: str, at: str) -> str:
        places = {f"{n.place} {n.target}".rstrip() for n in self.flow.nodes.values() if isinstance(n, HandingOver)}
        if any(isinstance(n, DialNode) and n.own_agent for n in self.flow.nodes.values()):
            places |= set(_OWN_AGENT.findall(ends))  # whose phone that is, the customer's row says
        known = ("", *Outcome, *sorted(places))
        return self._one_of("ends", " ".join(ends.split()), known, at, "outcome is not known")

    def _one_of(self, field: str, name: str, known: Sequence[str], at: str, what: str) -> str:
        if name not in known:
            do = flow_decode.did_you_mean(name, [one for one in known if one])
            raise self.wrong(f"{at}.{field}", f"the {what}: {flow_file.quoted(name)}", do)
        return name

    def _delay(self, what: str, told: Word, at: str) -> Delay:
        looked_up = sorted({node.looks_up for node in self.flow.nodes.values()} - {""})
        self._one_of(what, what, looked_up, at, "lookup is not in the flow")
        match str(told).removesuffix("s").strip():
            case "fail":  # the s of fails is gone
                return Delay(fails=True)
            case "never":
                return Delay(seconds=_NEVER)
            case text:
                return Delay(seconds=self._read(f"{at}.{what}", lambda: _seconds(text)))

    def _services(self, file: _File, case: _Case, at: str) -> dict[str, object]:
        """What services say in this case; the file's word counts where the case tells only how long it takes."""
        told: dict[str, object] = {}
        for services, place in ((file.services, "services"), (case.services, f"{at}.services")):
            for name, said in services.items():
                self._one_of(name, name, self._asked(), place, "service is not asked by the flow")
                if isinstance(said, dict):
                    told[name] = said
                elif said == "none":
                    told[name] = None
                elif services is file.services:
                    do = "write its fields, or none; fails, never and seconds stand in a case"
                    raise self.wrong(f"{place}.{name}", f"{said!r} is nothing that a service says", do)
        return told

    def _service_delays(self, case: _Case, at: str) -> dict[str, Delay]:
        late = {name: said for name, said in case.services.items() if not isinstance(said, dict) and said != "none"}
        return {name: self._delay(name, said, f"{at}.services") for name, said in late.items()}

    def _asked(self) -> list[str]:
        nodes = self.flow.nodes.values()
        return sorted({node.service for node in nodes if isinstance(node, FindNode | WebhookNode) and node.service})

    # --- customers ---

    def _crm(self, file: _File, case: _Case, at: str, now: datetime) -> Crm:
        batches = [demo_batch(now.astimezone(self.zone).date(), self.zone, self.region)]
        for told, place in ((file, ""), (case, f"{at}.")):
            batches.append(self._batch(told, place, now))
        return memory_crm(*batches)

    def _batch(self, told: _File | _Case, place: str, now: datetime) -> Batch:
        rows = {
            name: [self._row(name, cells, f"{place}{name}.{i}", now) for i, cells in enumerate(getattr(told, name))]
            for name in _FILES
        }
        phones = [
            row for i, cells in enumerate(told.customers) for row in self._phone(cells, f"{place}customers.{i}", now)
        ]
        return Batch(
            customers=rows["customers"],
            contacts=[*rows["contacts"], *phones],
            contracts=rows["contracts"],
            tickets=rows["tickets"],
            agents=[],
        )

    def _phone(self, cells: Cells, at: str, now: datetime) -> list[Checked]:
        """The contact of a customer whose phone was told with them."""
        if "phone" not in cells:
            return []
        contact = {"customer_code": cells.get("code", ""), "phone": cells["phone"]}
        return [self._row("contacts", contact, at, now)]

    def _row(self, name: str, cells: Cells, at: str, now: datetime) -> Checked:
        columns = (*COLUMNS[_FILES[name]], *OPTIONAL.get(_FILES[name], ()))
        known = (*columns, "phone") if name == "customers" else columns
        for cell in cells:
            self._one_of(cell, cell, known, at, f"field is none of {name}")
        told = self._read(at, lambda: {column: self._cell(column, cells, now) for column in columns})
        if name == "tickets":
            told["created_at"] = told["created_at"] or told["updated_at"] or now.isoformat()
        row = Row(path=self.path, line=flow_file.line_of(self.lines, at) or 0, cells=told)
        try:
            return check_row(_FILES[name], row, zone=self.zone, region=self.region)
        except ImportRefused as error:
            raise FlowError(f"{at}.{error.reason}", path=self.path, line=row.line) from None

    def _cell(self, column: str, cells: Cells, now: datetime) -> str:
        told = str(cells.get(column, _DEFAULTS.get(column, ""))).strip()
        return dated(told, now.astimezone(self.zone).date())


def _simulated_because(file: _File, case: _Case, moves: Sequence[Move]) -> str:
    own = [name for name in ("clock", "language", "lookups", "services", "queue", *_FILES) if getattr(case, name)]
    own += [name for name in ("services", *_FILES) if getattr(file, name) and name not in own]
    if own:
        return f"it has its own {own[0]}"
    if not (case.caller or file.caller):
        return "its number is hidden"
    for place, move in enumerate(moves):
        last = place == len(moves) - 1
        if not (isinstance(move, Press | HangUp) and not move.early and (last or isinstance(move, Press))):
            return f"{written(move)!r} can only be simulated"
    return ""


def _several(words: Words) -> tuple[str, ...]:
    several = words if isinstance(words, tuple) else (words,)
    return tuple(str(word) for word in several if str(word).strip())


def _seconds(text: str) -> float:
    seconds = float(text) if text.replace(".", "", 1).isdigit() else -1.0
    if not 0 <= seconds <= _NEVER:
        raise ValueError(f"{text!r} says nothing of a lookup: write fails, never, or the seconds it takes, e.g. 3")
    return seconds
