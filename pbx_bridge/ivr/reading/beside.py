"""What a flow takes from the files beside it: its holidays. `Beside` is the one edge at which they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr.nodes import HoursNode, Node
from pbx_bridge.ivr.opening import dates_file as holidays_yaml
from pbx_bridge.ivr.opening import ics as holidays_ics
from pbx_bridge.ivr.opening.holidays import HolidayBook
from pbx_bridge.ivr.reading.finding import Finding, Severity

if TYPE_CHECKING:
    from pbx_bridge.ivr.flow import Flow

IRAN = "iran"
CALENDARS = Path(__file__).parent.parent / "calendars"
FLOWS = Path(__file__).parent.parent / "flows"

_MAX_BYTES = holidays_ics.MAX_BYTES


@dataclass(frozen=True, slots=True)
class Beside:
    """The files beside a flow, in its folder; unset: there are none but the shipped ones."""

    folder: Path | None = None

    def path(self, name: str) -> Path:
        """Where a file stands that the flow names so."""
        return CALENDARS / f"{IRAN}.yaml" if name == IRAN else (self.folder or Path()) / name

    def flow(self, name: str) -> tuple[Path, bytes]:
        """Another flow's file and content: a shipped one's by its name. Raises FlowError."""
        if name.endswith(".yaml"):
            return self.path(name), self.read(name)
        path = FLOWS / f"{name}.yaml"
        try:
            return path, path.read_bytes()
        except OSError:
            raise FlowError("no shipped flow is called so") from None

    def read(self, name: str) -> bytes:
        """Its content; of one that is too large only its beginning. Raises FlowError."""
        if self.folder is None and name != IRAN:
            raise FlowError("files beside the flow are not read here")
        try:
            with self.path(name).open("rb") as file:
                return file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            raise FlowError("there is no such file beside the flow") from None
        except OSError as error:
            raise FlowError(error.strerror or str(error)) from error


NOTHING = Beside()


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What was read.

    Attributes:
        contents: by the names that the flow has for the files.
    """

    holidays: Mapping[str, HolidayBook]
    contents: Mapping[str, bytes]
    findings: tuple[Finding, ...]


def take_in(nodes: Mapping[str, Node], beside: Beside, zone: ZoneInfo) -> TakenIn:
    """The holidays that the nodes name, each file read once."""
    holidays: dict[str, HolidayBook] = {}
    contents: dict[str, bytes] = {}
    findings: list[Finding] = []
    for name, at in _named(nodes):
        try:
            contents[name] = beside.read(name)
        except FlowError as error:
            findings.append(Finding(code="holiday-file", text=f"{name}: {error.reason}", at=at))
            continue
        try:
            holidays[name] = book(name, contents[name], beside.path(name), zone)
        except FlowError as error:
            findings.append(Finding(code="holiday-file", text=error.reason, line=error.line, path=beside.path(name)))
    return TakenIn(holidays=holidays, contents=contents, findings=tuple(findings))


def version(text: bytes, contents: Mapping[str, bytes]) -> str:
    """The first 12 hex digits of the SHA-256 of a flow file, or of it and of what it takes in."""
    told = hashlib.sha256(text)
    for name, content in sorted(contents.items()):
        told.update(f"\0{name}\0{len(content)}\0".encode())
        told.update(content)
    return told.hexdigest()[:12]


def unknown_holidays(flow: Flow, today: date) -> Iterator[Finding]:
    """A warning for each file of holidays that does not know those of today."""
    for name, told in flow.holidays.items():
        if not told.knows(today):
            end = told.last_known if told.last_known and today > told.last_known else told.first_known
            text = f"the holidays of {name} are known {'to' if end == told.last_known else 'from'} {end} only"
            do = "add those of this year in a file beside the flow"
            at = next((at for each, at in _named(flow.nodes) if each == name), "")
            line = flow.line(at)
            yield Finding(code="holidays-unknown", text=text, do=do, at=at, line=line, severity=Severity.WARNING)


def _named(nodes: Mapping[str, Node]) -> Iterator[tuple[str, str]]:
    """Each file of holidays and the first place that names it."""
    seen: set[str] = set()
    for name, node in nodes.items():
        for number, source in enumerate(node.holidays) if isinstance(node, HoursNode) else ():
            if source not in seen:
                seen.add(source)
                yield source, f"nodes.{name}.holidays.{number}"


def book(name: str, content: bytes, path: Path, zone: ZoneInfo) -> HolidayBook:
    """The holidays of a file's content. Raises FlowError."""
    if name.endswith(".ics"):
        return holidays_ics.read(content, name, path, zone)
    return holidays_yaml.read(content, name, path)
