"""The short form of `make soak`: 200 real calls while the daemon is killed every few seconds and Asterisk once."""

from __future__ import annotations

import os

import pytest
from desk_crowd import a_house, crowded_pbx, play
from harness.need import need
from private_pbx import PbxUnderTest

from bench.soak.__main__ import table
from bench.soak.faults import SHORT, Fault
from bench.soak.trial import trial
from bench.system import asterisk

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

CALLS, RATE = 200, 5.0
LEAST_KILLS = 5


async def test_no_call_is_lost_or_doubled_whatever_is_killed(laid_pbx: PbxUnderTest) -> None:
    """With an Asterisk of its own: `laid_pbx` only says whether one can be had here. Its sounds are cut short."""
    need("sipp")
    with asterisk(print) as pbx:
        result = await trial(pbx, CALLS, RATE, SHORT, print)
    print(*table(result), sep="\n")
    assert result.problems == []
    counts = result.counts
    assert counts["calls_in_files"] == counts["calls_on_record"] >= CALLS
    assert counts["faults"][Fault.PBX.value] == 1
    assert counts["faults"][Fault.KILL.value] >= LEAST_KILLS
    assert counts["outcomes"]["answered"] > 0
    assert counts["interrupted"] > 0


async def test_twenty_agents_at_their_desks_and_a_crowd_that_calls(laid_pbx: PbxUnderTest) -> None:
    """See desk_crowd. In this file, so that the soak has its CPU; `DESK_CALLERS=100` for the whole crowd."""
    callers = int(os.environ.get("DESK_CALLERS", "40"))
    with crowded_pbx() as pbx:
        async with a_house(pbx, callers) as house:
            await play(house, callers)
