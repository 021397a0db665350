"""A PIN on its way through the daemon: it stands in no fact, no log and no checkpoint once it was keyed."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs
from test_caller import Desk, opened

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr import flow
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.trial.caller import play
from pbx_bridge.ivr.trial.cases import crm_lookups
from pbx_bridge.ivr.trial.moves import parse_moves
from pbx_bridge.ivr.trial.simulation import Simulation, Stage, Visitor
from pbx_bridge.ivr.trial.transcript import texts
from pbx_bridge.store.crm import Contact, Customer, MemoryCrm
from pbx_bridge.values import pin
from pbx_bridge.values.dates import TEHRAN

PIN = "86420975"
FLOW = """
flow: secret
languages: [en]
start: who
person: person
filler: one_moment
nodes:
  who: {kind: caller, found: pin, unknown: person, unavailable: person}
  pin:
    kind: ask
    what: pin
    prompt: welcome
    wrong: menu_wrong
    silent: menu_silence
    found: person
    too_many: person
    unavailable: person
    unknown_customer: person
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""


async def asked(desk: Desk) -> None:
    """Until the caller is asked for the PIN."""
    desk.arrive()
    await desk.ari.until("play")


@pytest.mark.parametrize(("keys", "asks"), [(f"{PIN}#", 1), (f"{PIN}{PIN}#{PIN}1#{PIN}2#", 0)])
async def test_a_pin_leaves_no_trace(keys: str, asks: int) -> None:
    with capture_logs() as logged:
        async with opened(flow.parse(FLOW.encode(), Path("secret.yaml"))) as desk:
            await asked(desk)
            desk.press(keys)  # whoever answers lookups is away: so it is logged, and the caller goes to a person
            async with asyncio.timeout(30):
                while sum(entry["event"] == "lookup_failed" for entry in logged) < asks:  # noqa: ASYNC110
                    await asyncio.sleep(0)  # a log tells nobody
            await desk.idle()
            kept = [fact.body for fact in desk.facts]
            kept += [msgspec.json.encode(run).decode() for run in desk.runs.values()]
    assert PIN not in " ".join((*kept, *map(str, logged)))
    assert next(step.data["keys"] for step in desk.steps() if step.kind is StepKind.KEYS) == "*" * keys.index("#")
    assert [entry["what"] for entry in logged if entry["event"] == "lookup_failed"] == ["pin"] * asks


def test_a_simulated_callers_pin_stands_in_no_transcript() -> None:
    crm = MemoryCrm(
        customers=[Customer(code="1001", name="Aria", language="en", tier="", pin_hash=pin.hashed(PIN))],
        contacts=[Contact(customer_code="1001", name="a", phone_e164="+989121234567")],
    )
    met = flow.parse(FLOW.encode(), Path("secret.yaml"))
    stage = Stage(flow=met, texts=PromptBook.load(), lookups=crm_lookups(crm, TEHRAN, "IR"))
    simulation = Simulation(stage, Visitor(caller="09121234567", now=datetime(2026, 11, 22, 12, tzinfo=TEHRAN)))
    for _ in play(simulation, parse_moves(["1111#", f"{PIN}#"])):
        pass
    assert simulation.run.verified
    told = texts(simulation.transcript)
    assert [line for line in told if line.startswith(("pressed", "looked up"))] == [
        "pressed ****#",
        "looked up pin: none",
        "pressed ********#",
        "looked up pin: found",
    ]
