"""From Asterisk's event to the live board: the moment Asterisk tells of a call, by its own clock, to the bytes of the
changed board at the last of fifty viewers. Calls come and go one at a time, so that each change is one call's.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import aiohttp

from bench.figure import CannotMeasure, Figure
from bench.measures.page import signed_in
from bench.pieces import changes
from bench.system import System
from pbx_bridge.ami.connection import AmiConnection
from pbx_bridge.errors import PhoneError
from pbx_bridge.pbx.phone.phone import Phone

NAMES = ("live_event_ms",)

VIEWERS = 50

_CALLS, _QUICK_CALLS = 25, 6
_SHOWN_S = 10.0
_SHARE = 0.99
_CALL = "c-"  # begins the name of a call's piece of the board


class _Screen:
    """What one viewer's board has of calls, and when it changed last."""

    def __init__(self) -> None:
        self.calls: set[str] = set()
        self.changed_at = 0.0

    async def follow(self, stream: aiohttp.StreamReader, changed: asyncio.Event) -> None:
        """Read the stream until it ends."""
        pieces: dict[str, str] = {}
        async for change in changes(stream):
            at, pieces = time.time(), change.onto(pieces)
            calls = {name for name in pieces if name.startswith(_CALL)}
            if calls != self.calls:
                self.calls, self.changed_at = calls, at
                changed.set()


class _Watch:
    """All viewers, and what Asterisk told."""

    def __init__(self) -> None:
        self.screens = [_Screen() for _ in range(VIEWERS)]
        self.changed = asyncio.Event()
        self.told: dict[str, float] = {}

    async def hear(self, ami: AmiConnection) -> None:
        """Note when Asterisk told each event last, by its own clock."""
        while (event := await ami.event()) is not None:
            if "timestamp" in event:
                self.told[event["event"]] = float(event["timestamp"])

    async def until(self, stands: Callable[[_Screen], bool], after: str) -> float:
        """Milliseconds from Asterisk's event until the last screen stands so. Raises CannotMeasure."""
        try:
            async with asyncio.timeout(_SHOWN_S):
                while not all(map(stands, self.screens)):
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise CannotMeasure(f"the board did not show within {_SHOWN_S:g} s what followed {after}") from None
        if after not in self.told:
            raise CannotMeasure(f"Asterisk did not tell when it told {after}")
        return (max(screen.changed_at for screen in self.screens) - self.told[after]) * 1000


async def measure(system: System, quick: bool) -> Sequence[Figure]:
    """Calls that come and go, watched by all."""
    count = _QUICK_CALLS if quick else _CALLS
    system.say(f"{count} calls, watched on {VIEWERS} boards")
    came: list[float] = []
    left: list[float] = []
    async with _watching(system) as watch:
        for number in range(count):
            begun, ended = await _one(system, watch, system.people[number % len(system.people)].phone)
            came.append(begun)
            left.append(ended)
    both = sorted(came + left)
    note = (
        f"p99 of {len(both)} changes, from Asterisk's event to the bytes at the last of {VIEWERS} boards; median "
        f"{both[len(both) // 2]:.0f} ms: a call that comes {sorted(came)[count // 2]:.0f}, one that ends "
        f"{sorted(left)[count // 2]:.0f}"
    )
    value = both[min(len(both) - 1, int(len(both) * _SHARE))]
    return (Figure(name=NAMES[0], value=value, unit="ms", goal=300, note=note),)


async def _one(system: System, watch: _Watch, number: str) -> tuple[float, float]:
    try:
        async with Phone(from_number=number, display_name="Bench") as phone:
            call = await phone.call(f"sip:100@127.0.0.1:{system.sip_port}")
            begun = await watch.until(lambda screen: bool(screen.calls), "Newchannel")
            # Any moment between two paintings of the board is as likely as another.
            await asyncio.sleep(random.uniform(0.5, 1.5))
            await call.hang_up()
            return begun, await watch.until(lambda screen: not screen.calls, "Hangup")
    except PhoneError as error:
        raise CannotMeasure(f"a call failed: {error}") from error


@asynccontextmanager
async def _watching(system: System) -> AsyncIterator[_Watch]:
    watch = _Watch()
    port, secret = system.pbx.ports.ami, system.pbx.secrets.ami
    async with signed_in(system) as session:
        ami = await AmiConnection.open("127.0.0.1", port, "pbx_bridge", secret)
        limit = aiohttp.ClientTimeout(total=None)
        streams = [await session.get("/board/events", params={"mark": ""}, timeout=limit) for _ in watch.screens]
        if any(stream.status != 200 for stream in streams):
            raise CannotMeasure(f"the board's stream: HTTP {max(stream.status for stream in streams)}")
        followed = zip(watch.screens, streams, strict=True)
        tasks = [asyncio.create_task(screen.follow(stream.content, watch.changed)) for screen, stream in followed]
        tasks.append(asyncio.create_task(watch.hear(ami)))
        try:
            yield watch
        finally:
            for task in tasks:
                task.cancel()
            with suppress(aiohttp.ClientError):
                await asyncio.gather(*tasks, return_exceptions=True)
            for stream in streams:
                stream.close()
            ami.close()
