"""From what was gathered to what is told: findings, what was not looked at, the exit status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pbx_bridge.doctor.checks.every import CHECKS
from pbx_bridge.doctor.finding import Check, Finding, NotLooked, NotLookedAt, Severity
from pbx_bridge.doctor.gathered import Gathered
from pbx_bridge.values.hostile import on_terminal

WELL, WRONG, BLIND = 0, 1, 2  # exit statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the doctor says. `blind`: nothing of the PBX could be seen. `passed`: how many checks found nothing."""

    findings: tuple[Finding, ...]
    not_looked: tuple[NotLooked, ...]
    passed: int
    blind: bool = False

    @property
    def exit_status(self) -> int:
        """0: nothing is wrong; 1: something is; 2: nothing could be looked at."""
        if self.blind:
            return BLIND
        return WRONG if self.findings else WELL


def examine(gathered: Gathered, checks: Sequence[Check] = CHECKS) -> Report:
    """Make every check; the worst comes first."""
    findings: list[Finding] = []
    skipped: list[NotLooked] = []
    for one in checks:
        try:
            what = one.look(gathered)
        except NotLookedAt as error:
            skipped.append(NotLooked(id=one.id, why=str(error)))
            continue
        if what:
            findings.append(Finding(id=one.id, severity=one.severity, what=what, why=one.why, mend=one.mend))
    order = list(Severity)
    return Report(
        findings=tuple(sorted(findings, key=lambda finding: order.index(finding.severity))),
        not_looked=tuple(skipped),
        passed=len(checks) - len(findings) - len(skipped),
        blind=gathered.blind,
    )


def lines(report: Report) -> tuple[str, ...]:
    """For people."""
    told = [line for finding in report.findings for line in _block(finding)]
    reasons = dict.fromkeys(one.why for one in report.not_looked)
    for why in reasons:
        ids = ", ".join(one.id for one in report.not_looked if one.why == why)
        told.append(on_terminal(f"not looked at: {ids}: {why}"))
    return (*told, _sum(report))


def _block(finding: Finding) -> tuple[str, ...]:
    return (
        on_terminal(f"{finding.severity}: {finding.id}: {finding.what}"),
        f"    why:  {finding.why}",
        f"    mend: {finding.mend}",
    )


def _sum(report: Report) -> str:
    if report.blind:
        return "nothing of the PBX could be looked at"
    wrong = f"{len(report.findings)} wrong" if report.findings else "nothing wrong"
    return f"{wrong}, {report.passed} as they should be, {len(report.not_looked)} not looked at"


def as_data(report: Report) -> dict[str, Any]:
    """For programs."""
    keys = ("id", "severity", "what", "why", "mend")
    return {
        "findings": [{key: str(getattr(finding, key)) for key in keys} for finding in report.findings],
        "not_looked": [{"id": one.id, "why": one.why} for one in report.not_looked],
        "passed": report.passed,
        "exit_status": report.exit_status,
    }
