"""The linter's edge: reads flow files, has them examined, and writes what was found, for people and for programs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.flow import Reading
from pbx_bridge.ivr.lint import examine as lint
from pbx_bridge.ivr.lint.services import Services
from pbx_bridge.ivr.lint.speech import Seconds, unused_prompts
from pbx_bridge.ivr.prompts import SHIPPED, PromptBook
from pbx_bridge.ivr.reading.beside import Beside, unknown_holidays
from pbx_bridge.ivr.reading.finding import Finding, Severity
from pbx_bridge.ivr.sounds.render import FIXED
from pbx_bridge.values.dates import TEHRAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What flows are held against: see `lint.findings`. `used`: prompts that other flows than the given ones say."""

    book: PromptBook
    seconds: Seconds
    today: date
    queues: Collection[str] | None = None
    mailboxes: Collection[str] | None = None
    extensions: Collection[str] | None = None
    services: Services | None = None
    used: Collection[str] = FIXED
    zone: ZoneInfo = TEHRAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A finding and the file it stands in."""

    file: Path
    finding: Finding

    @property
    def is_error(self) -> bool:
        """Whether it keeps the flow from callers."""
        return self.finding.severity is Severity.ERROR

    def line(self) -> str:
        """For people: `file:line: error code: words`."""
        found = self.finding
        place = str(self.file) if found.line is None else f"{self.file}:{found.line}"
        return f"{place}: {found.severity} {found.code}: {found.sentence}"

    def json(self) -> str:
        """For programs: one JSON object."""
        found = self.finding
        told = {
            "file": str(self.file),
            "line": found.line,
            "severity": found.severity,
            "code": found.code,
            "node": found.node,
            "at": found.at,
            "text": found.text,
            "do": found.do,
        }
        return msgspec.json.encode(told).decode()


def lint_files(names: Sequence[str], known: Known) -> list[Told]:
    """Everything that is wrong with these flows, shipped ones by name or any by file, and the texts that none says.

    Raises PromptError if the prompts of a shipped flow cannot be read.
    """
    told: list[Told] = []
    used: set[str] | None = set(known.used)
    for path in dict.fromkeys(flows.find(name) for name in names):
        reading = _examine(path, known)
        told += [Told(file=finding.path or path, finding=finding) for finding in reading.findings]
        used = used | reading.flow.prompts() if used is not None and reading.flow else None
    if used is not None:  # else nobody knows what a flow says that cannot be read
        told += [Told(file=finding.path or SHIPPED, finding=finding) for finding in _unused(known, used)]
    return told


def _examine(path: Path, known: Known) -> Reading:
    try:
        text = flows.read_bytes(path)
    except FlowError as error:
        return Reading(findings=(Finding(code="unreadable", text=error.reason),))
    reading = lint.examine(
        text,
        known.book,
        queues=known.queues,
        mailboxes=known.mailboxes,
        extensions=known.extensions,
        services=known.services,
        seconds=known.seconds,
        beside=Beside(path.parent),
        zone=known.zone,
    )
    if reading.flow is None:
        return reading
    return replace(reading, findings=(*reading.findings, *unknown_holidays(reading.flow, known.today)))


def _unused(known: Known, used: set[str]) -> Iterator[Finding]:
    shipped = {key for name in flows.shipped() for key in flows.load(name).prompts()}
    yield from unused_prompts(known.book, used | shipped, shipped=SHIPPED)
