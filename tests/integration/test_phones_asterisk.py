"""Telephony from the pages on a real Asterisk with real SIP phones: what people hear, and what is on record after."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from harness.need import an_asterisk
from harness.own_flow import agent, outside, running_flow
from harness.system import SystemUnderTest, talking
from own_ports import own_port
from private_pbx import PbxUnderTest, private_pbx

from pbx_bridge.pbx.phone import Answer, PhoneCall, Reject, Ring
from pbx_bridge.store import RecordingState, call_json, open_store

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

PASSWORD = "a fine password"
FLOW = """
flow: phones
languages: [en]
start: person
person: person
filler: one_moment
nodes:
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""
_POLL_S = 0.03


@pytest.fixture(scope="module")
def trunk_pbx() -> Iterator[PbxUnderTest]:
    with an_asterisk(private_pbx(trunk=f"127.0.0.1:{own_port()}", dial_s=5, wrap_up_s=0)) as pbx:
        pbx.start()
        yield pbx


@pytest.fixture
async def house(trunk_pbx: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """A daemon whose callers go to the queue at once; agents 101 and 102 may sign in."""
    async with running_flow(trunk_pbx, FLOW, 'wrong_tries_per_hour = 9\n[desk]\ndial_deny = ["+9890*"]') as system:
        async with open_store(system.store, folding=False) as store:
            for number in ("101", "102"):
                await store.users.create(f"agent{number}", PASSWORD, "agent", extension=number)
            await store.users.create("lead", PASSWORD, "lead")
        yield system


@dataclass
class Page:
    """Somebody before the pages."""

    web: aiohttp.ClientSession
    phases: list[str] = field(default_factory=list)

    async def do(self, what: str, status: int = 200, **form: str) -> str:
        """POST a form; the page that comes of it."""
        answer = await self.web.post(what, data=form, headers={"Sec-Fetch-Site": "same-origin"})
        text = await answer.text()
        assert answer.status == status, (what, answer.status, re.sub(r"<[^>]+>", " ", text)[-600:])
        return text

    async def call(self, number: str, key: str = "k") -> str:
        """Click on a number; where its call is shown."""
        answer = await self.web.post(
            "/dial", data={"to": f"{number}|customer:C1", "key": key}, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert answer.status == 200, re.sub(r"<[^>]+>", " ", await answer.text())[-600:]
        return answer.url.path

    async def until(self, path: str, words: str, timeout_s: float = 10.0) -> str:
        """Wait until a page says so."""
        text = ""
        try:
            async with asyncio.timeout(timeout_s):
                while words not in text:
                    text = await (await self.web.get(path)).text()
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise AssertionError(f"{path} does not say {words!r}: {re.sub(r'<[^>]+>', ' ', text)[-1500:]}") from None
        return text

    async def follow(self, path: str) -> None:
        """Read the phases of a call from its stream, until it is over."""
        async with self.web.get("/dial/events", params={"call": path.rpartition("/")[2]}) as stream:
            async for line in stream.content:
                found = re.search(rb'data-phase="(\w+)"', line)
                if found and found[1].decode() not in self.phases[-1:]:
                    self.phases.append(found[1].decode())
                    if self.phases[-1] == "over":
                        return


@asynccontextmanager
async def page_of(house: SystemUnderTest, name: str) -> AsyncIterator[Page]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(house.page_url, cookie_jar=jar, headers={"Accept-Language": "en"}) as web:
        answer = await web.post("/sign-in", data={"name": name, "password": PASSWORD})
        assert answer.status == 200
        yield Page(web)


async def record(house: SystemUnderTest, number: str, timeout_s: float = 20.0) -> dict[str, Any]:
    """The one call of that number, once it is over."""
    async with asyncio.timeout(timeout_s):
        while True:
            rows = await house.view.calls.page(limit=200)
            own = [row for row in rows if number in (row.call.called, row.call.caller)]
            if own and all(row.call.outcome for row in own):
                (row,) = own
                return call_json(row)
            await asyncio.sleep(_POLL_S)


async def sounds(house: SystemUnderTest, told: dict[str, Any]) -> dict[str, float]:
    """The kept recordings of a call that is over: seconds of sound by channel."""
    async with asyncio.timeout(20), open_store(house.store, folding=False) as store:
        while True:
            found = await store.recordings.of_call(told["call_id"])
            if found and all(one.state is RecordingState.PRESENT for one in found):
                return {one.channel: one.length_us / 1_000_000 for one in found}
            await asyncio.sleep(_POLL_S)


async def no_channel_between(house: SystemUnderTest) -> None:
    """Wait until two who were connected talk directly."""
    shown = "Local/"
    async with asyncio.timeout(5):
        while "Local/" in shown:
            shown = await asyncio.to_thread(house.pbx.rx, "core show channels concise")
            await asyncio.sleep(_POLL_S)


def kinds(told: dict[str, Any], kind: str) -> list[str]:
    return [segment["party"] for segment in told["segments"] if segment["kind"] == kind]


async def is_silent(call: PhoneCall, seconds: float = 0.5) -> bool:
    """Whether no audio comes in for so long."""
    before = call.heard.packets
    await asyncio.sleep(seconds)
    return call.heard.packets - before < 3


async def answered_held_and_resumed(house: SystemUnderTest) -> None:
    number = "09121234601"
    async with (
        page_of(house, "agent101") as page,
        agent(house, "101", Ring()) as desk,
        outside(house, Answer()) as far,
    ):
        await page.until("/dial/state", "Free")
        where = await page.call(number)
        assert await page.call(number) == where, "a double click"
        following = asyncio.create_task(page.follow(where))
        ringing = await desk.rung()
        await page.until(where, "Your phone rings")
        ringing.answer()
        customer = await far.rung()
        await talking(customer)
        await page.until(where, "Talking")
        await page.until("/dial/state", "/dial/hand/hold")
        await page.do("/dial/hand/hold")
        await page.until("/dial/state", "/dial/hand/resume")
        assert far.incoming.empty()
        await asyncio.sleep(1)  # on hold
        await page.do("/dial/hand/resume")
        await page.until("/dial/state", "/dial/hand/hold")
        await customer.press("DDDA102")  # what the page does by keys, nobody does from outside
        await talking(customer)
        assert "/dial/hand/hold" in await (await page.web.get("/dial/state")).text()
        await page.do("/dial/hand/hold")
        await page.until("/dial/state", "/dial/hand/resume")
        await customer.hang_up()
        await ringing.ended(5)  # nobody is left on hold: the agent's side ends, too
        told = await record(house, number)
        await asyncio.wait_for(following, 15)
        assert page.phases == [one for one in ("asked", "rings", "dials", "talks", "over") if one in page.phases]
        assert {"rings", "talks", "over"} <= set(page.phases)
        shown = await page.until(where, "The call is over")
        assert f"/calls/{told['call_id']}" in shown
    assert (told["direction"], told["outcome"], told["agents"]) == ("outbound", "answered", ["101"])
    assert len([s for s in told["segments"] if s["kind"] == "hold"]) == 2
    assert 1 <= told["hold_s"] < 5
    assert set(kinds(told, "hold")) == {"101"}


async def not_answered(house: SystemUnderTest, number: str, status: int, words: str) -> None:
    far_end = outside(house, Reject(status=status))
    async with page_of(house, "agent101") as page, agent(house, "101", Answer()), far_end:
        await page.until("/dial/state", "Free")
        await page.until(await page.call(number), words)


async def not_called(house: SystemUnderTest) -> None:
    async with page_of(house, "agent101") as page, outside(house, Answer()) as far:
        assert "may not be called" in await page.do("/dial", 422, to="0901 234 5678|", key="a")
        away = await page.do("/dial", 409, to="09121234604|", key="b")
        assert "Your phone is away" in away
        async with agent(house, "101", Ring()) as desk:
            await page.until("/dial/state", "Free")
            where = await page.call("09121234605", "c")
            ringing = await desk.rung()
            assert "Another call you asked for" in await page.do("/dial", 409, to="09121234606|", key="d")
            await page.do(f"{where}/cancel")
            await ringing.ended(5)
            await page.until(where, "the number was not called", 15)
        assert far.incoming.empty()


async def handed_on(house: SystemUnderTest) -> None:
    """A question to a colleague taken back, then the call handed to them at once, with the reason."""
    number = "09121234611"
    async with (
        page_of(house, "agent101") as page,
        agent(house, "101", Answer()) as one,
        house.caller(number) as caller,
    ):
        first = await one.rung()
        await talking(caller.call)
        await page.until("/dial/state", "/dial/hand/transfer")
        async with agent(house, "102", Answer()) as other:
            await page.do("/dial/hand/transfer", to="102", way="attended")
            asked = await other.rung()
            await talking(asked)
            await page.until("/dial/state", "/dial/hand/back")
            await page.do("/dial/hand/back")
            await asked.ended(5)
            await page.until("/dial/state", "/dial/hand/transfer")
            await talking(caller.call)
            await page.do("/dial/hand/transfer", to="102", way="blind", note="wants the invoice again")
            second = await other.rung()
            await first.ended(5)
            await talking(second)
            await talking(caller.call)
            await caller.call.hang_up()
            told = await record(house, number)
        async with open_store(house.store, folding=False) as store:
            (note,) = await store.notes.notes(told["call_id"])
    assert (note.user, note.text) == ("agent101", "wants the invoice again")
    assert [(one["kind"], one["by"], one["to"]) for one in told["transfers"]] == [("blind", "101", "102")]
    assert (told["outcome"], told["agents"]) == ("answered", ["101", "102"])
    assert kinds(told, "consult") == ["102"]
    assert len(await sounds(house, told)) == 2, "the call, and the question"


async def asked_first_then_to_a_queue(house: SystemUnderTest) -> None:
    """102 takes the call after a word, and sends it to a queue, where 101 gets it again."""
    number = "09121234612"
    async with agent(house, "101", Answer()) as one, house.caller(number) as caller:
        first = await one.rung()
        await talking(caller.call)
        async with (
            page_of(house, "agent101") as page,
            page_of(house, "agent102") as others,
            agent(house, "102", Answer()) as other,
        ):
            await page.until("/dial/state", "/dial/hand/transfer")
            await page.do("/dial/hand/transfer", to="102", way="attended")
            second = await other.rung()
            await talking(second)
            began = time.monotonic()
            await page.until("/dial/state", "/dial/hand/complete")
            await asyncio.sleep(1)  # the question
            await page.do("/dial/hand/complete")
            asked_s = time.monotonic() - began
            await first.ended(5)
            await no_channel_between(house)
            await talking(caller.call)
            await others.until("/dial/state", "/dial/hand/transfer")
            await others.do("/dial/pause", reason="lunch")
            await others.do("/dial/hand/transfer", to="services", way="blind")
            third = await one.rung()
            await second.ended(5)
            await talking(third)
            await others.until("/dial/state", "Paused")
            await others.do("/dial/available")
            await others.until("/dial/state", "Free")
            await caller.call.hang_up()
            told = await record(house, number)
    transfers = [(one["kind"], one["by"], one["to"]) for one in told["transfers"]]
    assert transfers == [("attended", "101", "102"), ("blind", "102", "services")]
    assert (told["outcome"], told["agents"]) == ("answered", ["101", "102"])
    question_s, whole_s = sorted((await sounds(house, told)).values())
    assert 0.8 < question_s < asked_s + 1, "what came after it is in the caller's own recording"
    assert whole_s > question_s + 2
    log = house.pbx.paths.queue_log.read_text(encoding="utf-8")
    assert re.search(r"\|PJSIP/102\|PAUSE\|lunch|\|102\|PAUSE\|lunch", log), log[-1500:]


async def not_taken_and_to_the_mailbox(house: SystemUnderTest) -> None:
    """102 declines what 101 hands on: it comes back by the queue, and goes to the mailbox then."""
    number = "09121234613"
    async with (
        page_of(house, "agent101") as page,
        agent(house, "101", Answer()) as one,
        house.caller(number) as caller,
    ):
        await talking(await one.rung())
        await page.until("/dial/state", "/dial/hand/transfer")
        async with agent(house, "102", Reject(status=486)):
            await page.do("/dial/hand/transfer", to="102", way="blind")
            again = await one.rung()
        await talking(again)
        await page.until("/dial/state", "/dial/hand/transfer")
        await page.do("/dial/hand/transfer", to="600", way="blind")
        await again.ended(5)
        await asyncio.sleep(1)  # the beep
        await caller.call.hang_up()
        told = await record(house, number)
    assert [(one["by"], one["to"]) for one in told["transfers"]] == [("101", "102"), ("101", "600")]
    assert told["agents"] == ["101"]
    assert kinds(told, "voicemail") == ["600"]


async def paused_by_a_lead(house: SystemUnderTest) -> None:
    async with (
        page_of(house, "lead") as lead,
        page_of(house, "agent102") as other,
        page_of(house, "agent101") as page,
        agent(house, "101", Answer()),
    ):
        await page.until("/dial/state", "Free")
        await other.do("/dial/pause", 403, extension="101", reason="lunch")
        await lead.do("/dial/pause", extension="101", reason="meeting")
        await page.until("/dial/state", "Meeting")
        await lead.until("/board", "Meeting")
        assert "none of the reasons" in await page.do("/dial/pause", 409, reason="x|y")
        await page.do("/dial/available")
        await page.until("/dial/state", "Free")


async def killed_in_the_middle(house: SystemUnderTest) -> None:
    number = "09121234621"
    far_end = outside(house, Answer())
    async with page_of(house, "agent101") as page, agent(house, "101", Ring()) as desk, far_end as far:
        await page.until("/dial/state", "Free")
        where = await page.call(number)
        ringing = await desk.rung()
        house.kill_daemon()
        await house.start_daemon()
        assert await page.call(number) == where, "the same form again, to the next daemon"
        assert await page.call(number, "another tab") == where
        ringing.answer()
        await talking(await far.rung())
        await page.until(where, "Talking")
        assert desk.incoming.empty()
        assert far.incoming.empty()
        await ringing.hang_up()
        await page.until(where, "The call is over", 15)
        told = await record(house, number)
    assert (told["outcome"], told["agents"]) == ("answered", ["101"])


# One daemon for several people after another: its start takes longer than a call.


async def test_calls_by_a_click(house: SystemUnderTest) -> None:
    await answered_held_and_resumed(house)
    await not_answered(house, "09121234602", 486, "The line was busy")
    await not_answered(house, "09121234603", 603, "They rejected the call")
    await not_called(house)
    await killed_in_the_middle(house)


async def test_the_call_in_hand(house: SystemUnderTest) -> None:
    await handed_on(house)
    await asked_first_then_to_a_queue(house)
    await not_taken_and_to_the_mailbox(house)
    await paused_by_a_lead(house)
