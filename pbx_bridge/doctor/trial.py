"""The test call: placed by our own small phone, heard, and back from the record. Part of the report like a check."""

from __future__ import annotations

from dataclasses import replace

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.doctor.finding import Finding, Severity
from pbx_bridge.doctor.report import Report
from pbx_bridge.errors import BridgeError
from pbx_bridge.pbx.try_call import RunningSystem, TrialCall, try_call

ID = "test-call-failed"
WHY = "What this call met every caller meets."
MEND = "Mend what else is found here first; then see the daemon's log and messages.log of that minute."
_CALLER = "09120000000"
_AT_MOST_S = 20.0


def with_call(report: Report, what: str) -> Report:
    """The report with what went wrong with a call; empty: nothing did."""
    if not what:
        return replace(report, passed=report.passed + 1)
    finding = Finding(id=ID, severity=Severity.DANGER, what=what, why=WHY, mend=MEND)
    return replace(report, findings=(finding, *report.findings))


async def place_call(system: RunningSystem, called: str) -> str:
    """Call that number. What went wrong: the menu must answer, and the record must come; empty: nothing did."""
    trial = TrialCall(caller=_CALLER, called=called, keys=(), stay_s=0.0, at_most_s=_AT_MOST_S)
    try:
        row = await try_call(trial, system, lambda line: None)
    except BridgeError as error:
        return f"a call to {called}: {error}"
    heard = any(step.kind == StepKind.HEARD or step.kind == StepKind.SAID for step in row.call.steps)
    return "" if heard else f"a call to {called} was not served by the menu"
