"""kill -9 while callers leave tickets and callbacks, on a real Asterisk: each is there once, and its number stays."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing
from datetime import datetime

import pytest
from harness.customers import CODES, ENDED, ENDING, ENGLISH, import_customers
from harness.own_flow import running_flow
from harness.system import Caller, SystemUnderTest
from private_pbx import PbxUnderTest

from pbx_bridge.calls.facts import Step, StepKind
from pbx_bridge.ivr.speech import spoken
from pbx_bridge.values.dates import TEHRAN

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

CALLERS = (ENGLISH, ENDED, ENDING)
KILLS = 3
PROMPT = "ticket_status_no_promise"
SOON_S = (0.05, 0.35)  # from the begin of the key, which lasts 0.1 s; what it leads to is written in as long
FLOW = """
flow: left
languages: [en]
start: menu
person: person
filler: one_moment
nodes:
  menu: {kind: menu, prompt: menu, keys: {"1": who}, wrong: menu_wrong, too_many: person, wait: 20}
  who: {kind: caller, found: ticket, unknown: person, unavailable: person}
  ticket: {kind: ticket, subject: killed, opened: told, unknown: person, unavailable: person}
  told: {kind: say, prompt: ticket_status_no_promise, next: back}
  back:
    kind: callback
    prompt: after_status
    wrong: menu_wrong
    wait: 20
    queue: support
    promised: thanks
    other: person
    refused: person
    unavailable: person
  thanks: {kind: say, prompt: goodbye, next: menu}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""


@pytest.fixture
async def house(scene_house: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """The scenes' Asterisk, and a daemon whose callers meet that flow."""
    async with running_flow(scene_house, FLOW) as system:
        await import_customers(system, datetime.now(TEHRAN).date())
        yield system


def rows(house: SystemUnderTest, statement: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(f"{house.store.as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(statement).fetchall()


async def is_said(caller: Caller, *prompts: str) -> str:
    """Which of these prompts begins next."""
    step = await caller.until(
        lambda s: s.kind is StepKind.SAID and s.data["prompt"] in prompts, f"one of {prompts}", 20.0
    )
    return str(step.data["prompt"])


async def says_yes(caller: Caller) -> None:
    """Press 1; and again when the daemon died before it had written the first one down."""
    while await is_said(caller, "after_status", "goodbye") == "after_status":
        await caller.press("1")


async def killed_at_the_key(house: SystemUnderTest, callers: list[Caller], after_s: float) -> None:
    """All press 1, and so long after they began to, the daemon is killed and started again."""
    async with asyncio.TaskGroup() as together:
        for caller in callers:
            together.create_task(caller.press("1"))
        await asyncio.sleep(after_s)
        house.kill_daemon()
        await house.start_daemon()


def numbers_told(steps: list[Step]) -> Iterator[str]:
    for step in steps:
        if step.kind is StepKind.SAID and step.data["prompt"] == PROMPT:
            yield str(step.data["text"])


@pytest.mark.parametrize("round_", range(KILLS))
async def test_each_is_there_once_under_the_number_heard(house: SystemUnderTest, round_: int) -> None:
    moments = random.Random(round_)
    async with AsyncExitStack() as stack:
        callers = [await stack.enter_async_context(house.caller(number)) for number in CALLERS]
        for caller in callers:
            await caller.hears("menu")
        await killed_at_the_key(house, callers, moments.uniform(*SOON_S))
        for caller in callers:
            if await is_said(caller, "menu", PROMPT) == "menu":  # it died before the key was written
                await caller.press("1")
                await caller.hears(PROMPT)
            await caller.press("*")  # cuts it, and confirms nothing
            await caller.hears("after_status")
        await killed_at_the_key(house, callers, moments.uniform(*SOON_S))
        await asyncio.gather(*(says_yes(caller) for caller in callers))
    opened = rows(house, "SELECT origin, customer_code, tracking_number FROM ticket WHERE subject = 'killed'")
    tickets = {origin: (code, number) for origin, code, number in opened}
    records = [await house.record_of(caller) for caller in callers]
    for caller, record in zip(callers, records, strict=True):
        [number] = record["tracking_numbers"]
        assert tickets[f"{house.node}:{caller.channel}:ticket:0"] == (CODES[caller.number], number)
        told = set(numbers_told(caller.steps))
        assert told
        assert all(spoken(number, "tracking", "en") in text for text in told)
    assert sorted(rows(house, "SELECT channel, customer_code, done_by FROM callback")) == sorted(
        (caller.channel, CODES[caller.number], "") for caller in callers
    )
    assert len(tickets) == len(opened) == len(callers)
