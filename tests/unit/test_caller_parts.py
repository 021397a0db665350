"""What a caller's actor is made of: its mailbox and its alarms."""

from __future__ import annotations

import asyncio
import time

from pbx_bridge.ari_handlers.alarm import Alarm
from pbx_bridge.ari_handlers.mailbox import Mailbox


async def test_a_mailbox_keeps_order_and_its_bound() -> None:
    box: Mailbox[int] = Mailbox(2)
    assert [box.post(n) for n in (1, 2, 3)] == [True, True, False]
    assert [await box.next(), await box.next()] == [1, 2]


async def test_a_mailbox_wakes_its_reader() -> None:
    box: Mailbox[str] = Mailbox(5)
    reader = asyncio.create_task(box.next())
    await asyncio.sleep(0)
    box.post("a")
    box.post("b")
    assert await reader == "a"
    assert await box.next() == "b"


async def test_a_reader_that_was_cancelled_loses_nothing() -> None:
    box: Mailbox[str] = Mailbox(5)
    reader = asyncio.create_task(box.next())
    await asyncio.sleep(0)
    reader.cancel()
    box.post("a")
    assert await box.next() == "a"


async def test_an_alarm_rings_once_at_the_time_last_set() -> None:
    rang: asyncio.Queue[float] = asyncio.Queue()
    alarm = Alarm(lambda: rang.put_nowait(time.monotonic()))
    begun = time.monotonic()
    alarm.set(0.01)
    alarm.set(0.05)
    assert await rang.get() - begun >= 0.049
    alarm.set(10)
    alarm.set(0.01)
    async with asyncio.timeout(30):
        await rang.get()
    assert rang.empty()


async def test_a_cleared_alarm_is_silent_and_can_be_set_again() -> None:
    rang: list[str] = []
    alarm = Alarm(lambda: rang.append("rang"))
    later = asyncio.Event()
    alarm.set(0.01)
    alarm.clear()
    asyncio.get_running_loop().call_later(0.05, later.set)
    await later.wait()
    assert rang == []
    alarm.set(0.0)
    later.clear()
    asyncio.get_running_loop().call_later(0.02, later.set)
    await later.wait()
    assert rang == ["rang"]
    alarm.set(0.01)
    alarm.close()
    alarm.close()
