"""How long from an event of AMI to the bytes of the live board at a browser: `python -m bench.board`.

A busy line in memory (200 calls, 40 agents), 50 browsers on the real server, and an event 20 times a second; each
browser's time from the event to the change that tells of it. Asterisk, AMI's connection and the screen are not in it:
tests/integration/test_board_asterisk.py measures with those.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from live_line import LiveLine
from web_visitor import NAME, PASSWORD, Parts

from pbx_bridge.ami.events import Presence
from pbx_bridge.calls.call import call_id
from pbx_bridge.web.server import serve

CALLS, AGENTS, BROWSERS, EVENTS, EVERY_S = 200, 40, 50, 100, 0.05


def busy() -> LiveLine:
    """The line: half in the menu, a fifth waiting, the rest talking."""
    line = LiveLine()
    for number in range(AGENTS):
        line.member(str(200 + number), Presence.IDLE)
    for number in range(CALLS):
        channel = f"1.{number}"
        line.calls(channel, f"0912{number:07}")
        if number % 10 < 5:
            line.in_menu(channel, "menu", number=f"0912{number:07}")
        elif number % 10 < 7:
            line.waits_in(channel, position=10_000)
        else:
            line.talks(channel, line.rings(channel, str(200 + number % AGENTS)))
        line.later(0.5)
    line.connect()
    return line


async def watch(address: str, wanted: dict[str, float], took: list[float], ready: asyncio.Semaphore) -> None:
    """One browser: note for each call that is waited for when its change came."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(address, cookie_jar=jar, headers={"Accept-Language": "en"}) as web:
        await web.post("/sign-in", data={"name": NAME, "password": PASSWORD})
        page = await (await web.get("/board")).text()
        events = page.partition('data-events="')[2].partition('"')[0]
        async with web.get(events, headers={"Accept": "text/event-stream"}, read_bufsize=2**24) as stream:
            ready.release()
            async for raw in stream.content:
                now = time.perf_counter()
                if raw.startswith(b"data: {"):
                    text = raw.decode()
                    took += [now - at for key, at in tuple(wanted.items()) if f'"c-{key}"' in text]


async def main() -> None:
    """Measure and print."""
    line = busy()
    parts = Parts(board=line.parts, now=line.now)
    wanted: dict[str, float] = {}
    took: list[float] = []
    ready = asyncio.Semaphore(0)
    async with serve(parts.site(), "127.0.0.1", 0) as address:
        browsers = [asyncio.create_task(watch(address, wanted, took, ready)) for _ in range(BROWSERS)]
        for _ in browsers:
            await ready.acquire()
        began = time.process_time()
        for number in range(EVENTS):
            channel = f"2.{number}"
            wanted.clear()
            wanted[call_id("pbx1", channel)] = time.perf_counter()
            line.calls(channel, f"0935{number:07}")
            await asyncio.sleep(EVERY_S + 0.05)  # one at a time: what is measured is a change, not their number
        busy_s = time.process_time() - began
        for browser in browsers:
            browser.cancel()
        await asyncio.gather(*browsers, return_exceptions=True)
    took.sort()
    at = [took[min(int(len(took) * share), len(took) - 1)] * 1000 for share in (0.5, 0.99, 1.0)]
    print(f"{len(took)} of {EVENTS * BROWSERS} changes, {CALLS} calls, {BROWSERS} browsers (in this process, too)")
    print(f"event to bytes: p50 {at[0]:.0f} ms, p99 {at[1]:.0f} ms, worst {at[2]:.0f} ms; CPU {busy_s:.1f} s")


if __name__ == "__main__":
    asyncio.run(main())
