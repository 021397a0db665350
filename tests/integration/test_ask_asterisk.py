"""PINs, whose ticket it is, and guessing, on a real Asterisk: what a caller hears, and what stands nowhere."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
from harness.own_flow import running_flow
from harness.system import Caller, SystemUnderTest
from private_pbx import PbxUnderTest

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.values.tracking import with_check_digit

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

THEIRS, OTHERS, NOBODYS = (str(with_check_digit(number)) for number in ("55501", "55502", "55503"))
PIN, WRONG_PIN = "739154", "739155"
ARIA, STRANGER = "09121230001", "02188770001"
_WORDS = "unknown: tracking_unknown, wrong: tracking_wrong, silent: tracking_silence, wait: 20"
FLOW = f"""
flow: private
languages: [en, fa]
start: who
person: person
filler: one_moment
nodes:
  who: {{kind: caller, found: pin, unknown: number, unavailable: person}}
  pin: {{kind: ask, what: pin, prompt: ask_customer_code, {_WORDS}, found: number, too_many: number,
    unknown_customer: number, unavailable: person}}
  number: {{kind: ask, what: tracking, owner: customer, prompt: ask_tracking, {_WORDS}, found: which, too_many: end,
    unknown_customer: absent, unavailable: person}}
  which: {{kind: choose, when: [{{if: verified, to: sure}}], else: unsure}}
  sure: {{kind: say, prompt: goodbye, next: waits}}
  unsure: {{kind: say, prompt: to_person, next: waits}}
  absent: {{kind: say, prompt: nobody, next: waits}}
  waits: {{kind: menu, prompt: after_status, keys: {{"1": end}}, wrong: menu_wrong, too_many: end, wait: 40}}
  person: {{kind: queue, queue: support, nobody: end, timeout: end}}
  end: {{kind: hang_up}}
"""


@pytest.fixture
async def house(scene_house: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """A daemon whose callers are asked for what is theirs, four wrong tries an hour."""
    async with running_flow(scene_house, FLOW, "wrong_tries_per_hour = 4") as system:
        await system.import_crm(
            customers=f"code,name,language,tier,agent,pin\n3001,Aria,en,gold,,{PIN}\n3002,Bita,en,silver,,",
            contacts=f"customer_code,name,phone\n3001,Ann,{ARIA}",
            tickets=f"""tracking_number,customer_code,subject,status,created_at,updated_at,promised_on
                {THEIRS},3001,printer,in_progress,1405/08/01,1405/08/20,1405/09/10
                {OTHERS},3002,screen,in_progress,1405/08/01,1405/08/20,1405/09/10""",
        )
        yield system


async def keys(caller: Caller, question: str, digits: str) -> None:
    """The question, or what is said instead of it after a failure, is heard; these are keyed."""
    await caller.hears(question)
    await caller.press(f"{digits}#")


def lookups(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [step["data"] for step in record["steps"] if step["kind"] == StepKind.LOOKUP]


def everything_kept(system: SystemUnderTest) -> str:
    """Facts and checkpoints as they stand in the store, and the log."""
    with closing(sqlite3.connect(f"{system.store.as_uri()}?mode=ro", uri=True)) as db:
        facts = [body for (body,) in db.execute("SELECT body FROM fact")]
        runs = [bytes(body).decode(errors="replace") for (body,) in db.execute("SELECT body FROM run")]
    return "\n".join([*facts, *runs, system.log()])


async def test_the_right_pin_opens_what_is_theirs_and_stands_nowhere(house: SystemUnderTest) -> None:
    async with house.caller(ARIA) as caller:
        await caller.call.answered()
        await keys(caller, "ask_customer_code", WRONG_PIN)
        await keys(caller, "tracking_unknown", PIN)
        await keys(caller, "ask_tracking", THEIRS)
        await caller.hears("goodbye")
        kept = everything_kept(house)
        assert THEIRS in kept, "where keys are kept"
        assert PIN not in kept
        assert WRONG_PIN not in kept
        await caller.call.hang_up()
    found = [told["result"] for told in lookups(await house.record_of(caller))]
    assert found == ["none", "found", "found"]
    assert PIN not in everything_kept(house)


async def test_what_is_not_theirs_and_what_is_not_there_sound_alike(house: SystemUnderTest) -> None:
    told = []
    for number in (OTHERS, NOBODYS):
        async with house.caller(ARIA) as caller:
            await caller.call.answered()
            await keys(caller, "ask_customer_code", PIN)
            await keys(caller, "ask_tracking", number)
            await caller.hears("tracking_unknown")
            await caller.call.hang_up()
        record = await house.record_of(caller)
        told.append([{**step, "tracking_number": ""} for step in lookups(record)])
    assert told[0] == told[1]


async def test_a_stranger_is_asked_for_nothing(house: SystemUnderTest) -> None:
    async with house.caller(STRANGER) as caller:
        await caller.call.answered()
        await caller.hears("nobody")
        await caller.call.hang_up()
    assert [told["result"] for told in lookups(await house.record_of(caller))] == ["none"]


async def test_who_guesses_too_often_is_told_nothing_right_any_more(house: SystemUnderTest) -> None:
    async with house.caller(ARIA) as caller:
        await caller.call.answered()
        await keys(caller, "ask_customer_code", WRONG_PIN)
        await keys(caller, "tracking_unknown", WRONG_PIN)
        await keys(caller, "tracking_unknown", WRONG_PIN)
        await keys(caller, "ask_tracking", OTHERS)
        await caller.hears("tracking_unknown")
        await caller.call.hang_up()
    await house.record_of(caller)
    house.kill_daemon()
    await house.start_daemon()  # it forgets nothing
    async with house.caller(ARIA) as caller:
        await caller.call.answered()
        await keys(caller, "ask_customer_code", PIN)
        await caller.hears("tracking_unknown")
        await caller.call.hang_up()
    assert lookups(await house.record_of(caller))[-1]["result"] == "none"
    assert "wrong_tries_limited" in house.log()
