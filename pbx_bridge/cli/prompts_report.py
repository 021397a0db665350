"""What `prompts check` prints: a line for each fault and a summary for each language, or all of it as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from pbx_bridge.ivr.sounds.takes import printable
from pbx_bridge.ivr.sounds.voice_check import Fault, LanguageReport


def as_lines(reports: Sequence[LanguageReport]) -> Iterator[str]:
    """For people: faults first, then how each language stands."""
    for report in reports:
        yield from (_fault(fault) for fault in report.faults)
    for report in reports:
        yield _summary(report)


def to_json(reports: Sequence[LanguageReport]) -> str:
    """For programs: the same, with the texts that a program speaks."""
    return msgspec.json.encode({"languages": reports}).decode()


def _fault(fault: Fault) -> str:
    return printable(f"{fault.language}: {fault.text!r}{f' ({fault.file})' if fault.file else ''} {fault.reason}")


def _summary(report: LanguageReport) -> str:
    levels = "nothing to measure"
    if report.softest is not None and report.loudest is not None:
        levels = f"{report.softest:.1f} to {report.loudest:.1f} dBFS"
    recorded = report.sounds - len(report.synthetic)
    return (
        f"{report.language}: {report.sounds} sounds, {recorded} recorded, {len(report.synthetic)} synthetic, "
        f"{levels}, {len(report.faults)} faults"
    )
