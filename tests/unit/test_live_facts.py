"""Hold, resume and parking, from AMI's lines to the journal's facts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from harness.toy_ami import ToyAmi, toy_ami
from made_facts import T0

from pbx_bridge.ami.link import AmiLink, Login
from pbx_bridge.ami.live_facts import LiveFacts
from pbx_bridge.calls.fact_text import decode
from pbx_bridge.calls.facts import Live, LiveKind, RawFact
from pbx_bridge.errors import StoreError
from pbx_bridge.health import Health


class Journal:
    """Takes facts; refuses them when told to."""

    def __init__(self) -> None:
        self.facts: asyncio.Queue[RawFact] = asyncio.Queue()
        self.closed = False

    def post(self, facts: Sequence[RawFact]) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.closed:
            done.set_exception(StoreError("the store is closed"))
            return done
        for fact in facts:
            self.facts.put_nowait(fact)
        done.set_result(None)
        return done

    async def next(self) -> Live:
        async with asyncio.timeout(10):
            live = decode(await self.facts.get())
        assert isinstance(live, Live)
        return live


@asynccontextmanager
async def listening(journal: Journal) -> AsyncIterator[ToyAmi]:
    """A link to a toy AMI, with the listener on it."""
    async with toy_ami() as ami:
        login = Login(host="127.0.0.1", port=ami.port, user="pbx_bridge", secret="right")
        link = AmiLink(login, Health(), LiveFacts("pbx1", journal.post, lambda: T0).heard)
        task = asyncio.create_task(link.run(), name="ami")
        try:
            await ami.got("QueueStatus")
            yield ami
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_hold_and_resume() -> None:
    journal = Journal()
    async with listening(journal) as ami:
        ami.tell(event="Hold", timestamp="1795293929.072216", uniqueid="pbx1-1.1", linkedid="pbx1-1.0")
        ami.tell(event="Unhold", timestamp="1795293931.5", uniqueid="pbx1-1.1", linkedid="pbx1-1.0")
        held, back = await journal.next(), await journal.next()
    assert (held.event, held.uniqueid, held.node) == (LiveKind.HOLD, "pbx1-1.1", "pbx1")
    assert held.at == datetime(2026, 11, 21, 20, 45, 29, 72216, UTC)
    assert (back.event, back.at.microsecond) == (LiveKind.UNHOLD, 500000)


async def test_a_parked_call_is_told_with_its_slot() -> None:
    journal = Journal()
    async with listening(journal) as ami:
        ami.tell(event="ParkedCall", timestamp="1795293929.1", parkeeUniqueid="1.7", parkingSpace="701")
        parked = await journal.next()
    assert (parked.event, parked.uniqueid, dict(parked.data)) == (LiveKind.PARKED, "1.7", {"slot": "701"})


async def test_an_event_told_twice_is_one_fact() -> None:
    journal = Journal()
    async with listening(journal) as ami:
        for _ in range(2):
            ami.tell(event="Hold", timestamp="1795293929.072216", uniqueid="1.1")
        first, second = await journal.next(), await journal.next()
    assert (first.file, first.offset) == (second.file, second.offset)


@pytest.mark.parametrize("timestamp", ["", "soon", "99999999999999999999.1"])
async def test_without_a_time_it_is_now(timestamp: str) -> None:
    journal = Journal()
    async with listening(journal) as ami:
        ami.tell(event="Hold", timestamp=timestamp, uniqueid="1.1")
        assert (await journal.next()).at == T0


async def test_what_is_of_no_channel_and_what_is_no_live_event_is_no_fact() -> None:
    journal = Journal()
    async with listening(journal) as ami:
        ami.tell(event="Hold", timestamp="1795293929.0")
        ami.tell(event="QueueCallerLeave", queue="support", uniqueid="1.9")
        ami.tell(event="ParkedCall", parkingSpace="701")
        ami.tell(event="Unhold", uniqueid="1.2")
        assert (await journal.next()).uniqueid == "1.2"
    assert journal.facts.empty()


async def test_a_closed_journal_does_not_end_the_link() -> None:
    journal = Journal()
    journal.closed = True
    async with listening(journal) as ami:
        ami.tell(event="Hold", uniqueid="1.1", timestamp="1795293929.0")
        await ami.drain()
        journal.closed = False
        ami.tell(event="Hold", uniqueid="1.2", timestamp="1795293930.0")
        async with asyncio.timeout(10):
            while (await journal.next()).uniqueid != "1.2":
                pass
