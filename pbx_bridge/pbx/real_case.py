"""Plays a case of a flow as a real call on the running system, beside the same call simulated as of now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.trial.caller import play
from pbx_bridge.ivr.trial.case_file import Case
from pbx_bridge.ivr.trial.case_real import Comparison, compare, groups_of
from pbx_bridge.ivr.trial.cases import House
from pbx_bridge.ivr.trial.simulation import Simulation, Visitor
from pbx_bridge.ivr.trial.terminal import Customers
from pbx_bridge.pbx.try_call import RunningSystem, Say, TrialCall, try_call

_STAY_S = 0.5
_SPARE_S = 15.0  # real prompts may last longer than simulated ones; then a caller in a queue has waited long enough

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class RealHouse:
    """The running system, what its callers meet, and the number that leads to it."""

    house: House
    book: PromptBook
    customers: Customers
    system: RunningSystem
    called: str
    now: Now


def play_real(case: Case, there: RealHouse, say: Say) -> Comparison:
    """Simulate the call, place it, and compare. Raises PbxError, PhoneError, FlowError when another flow answers."""
    visitor = Visitor(caller=case.visitor.caller, called=there.called, now=there.now())
    with there.customers.stage(there.house.flow, there.book, visitor) as stage:
        simulation = Simulation(stage, visitor)
        for _ in play(simulation, case.moves):
            pass
    if not simulation.over:
        simulation.hang_up()
    seconds = (simulation.now - visitor.now).total_seconds()
    trial = TrialCall(
        caller=visitor.caller,
        called=visitor.called,
        keys=groups_of(case),
        stay_s=_STAY_S,
        at_most_s=1.3 * seconds + _SPARE_S,
    )
    row = asyncio.run(try_call(trial, there.system, say))
    met = [step.data.get("flow") for step in row.call.steps if step.kind == "started"]
    if met and met[0] != there.house.flow.name:
        raise FlowError(f"callers of the running system meet flow {met[0]}, not {there.house.flow.name}")
    return compare(case, simulation, row.call)
