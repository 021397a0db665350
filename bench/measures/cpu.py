"""CPU of the daemon for whole self-served calls, their record stored; and of asyncari's four requests beside it.

What a call costs matters when there are many. But two cores that also run Asterisk and SIPp hardly carry more than
200 callers who hear prompts, 7 calls a second, and at that pace waking up costs any program more than its work. So
the sound files are cut short for this measure: the same flow, prompts, chunks, keys and steps, only faster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from bench import floor, peer
from bench.callers import Load, call
from bench.customers import TRACKING_KEYS, Customer
from bench.figure import CannotMeasure, Figure, Peer
from bench.process import cpu_s
from bench.records import records_of
from bench.scenario import HangUp, Keys, Pause, Step
from bench.sounds import cut_sounds
from bench.system import System, voice
from pbx_bridge.ivr.prompts import PromptBook

NAMES = ("daemon_cpu_per_call",)

_CALLS, _QUICK_CALLS = 400, 100
_RATE = 25.0  # calls a second
SHORT = 0.15  # of each sound file
_IDLE_S, _QUICK_IDLE_S = 10.0, 3.0
_WARM_UP = 20
_STORED_S = 20.0  # how long the last record may take


async def measure(system: System, quick: bool) -> Sequence[Figure]:
    """CPU over all calls and until every record is closed, less what the daemon uses idle in that time; by call."""
    count = _QUICK_CALLS if quick else _CALLS
    cut_sounds(system.pbx.paths.sounds, SHORT)
    idle_s = _QUICK_IDLE_S if quick else _IDLE_S
    people = system.people[:count]
    idle = await _share(system, idle_s)
    await call(_load(system.people[-_WARM_UP:]), system.sip_port)  # what the first call ever costs is no call's cost
    system.say(f"{count} self-served calls, {_RATE:g} a second")
    started, begun, used, asterisk = datetime.now(UTC), _now(), cpu_s(system.pid), cpu_s(system.pbx.pid)
    await call(_load(people), system.sip_port)
    await _check(system, people, started)
    wall, used, asterisk = _now() - begun, cpu_s(system.pid) - used, cpu_s(system.pbx.pid) - asterisk
    peer_ms, peer_idle = await peer.cpu_ms(system, count, idle_s)
    system.say(f"{floor.EVENTS} events, {floor.REQUESTS} requests and {floor.ROWS} rows a call by a bare daemon")
    floor_ms = await floor.cpu_ms(count, _RATE)
    gross, net = used / count * 1000, (used - idle * wall) / count * 1000
    return (
        Figure(
            name="daemon_cpu_per_call",
            value=net,
            unit="ms",
            goal=3,
            peer=Peer(name=peer.name(), value=peer_ms),
            note=(
                f"{count} calls at {_RATE:g} a second, sounds cut to {SHORT:.0%}; {gross:.2f} ms with idle CPU "
                f"({idle:.2%} of a core; peer {peer_idle:.2%}); Asterisk {asterisk / count * 1000:.0f} ms a call; "
                f"a bare daemon that hears, asks and writes as much, and thinks nothing: {floor_ms:.2f} ms"
            ),
        ),
    )


async def _share(system: System, seconds: float) -> float:
    system.say(f"idle for {seconds:g} s")
    before = cpu_s(system.pid)
    await asyncio.sleep(seconds)
    return (cpu_s(system.pid) - before) / seconds


def _load(people: Sequence[Customer]) -> Load:
    steps: tuple[Step, ...] = (
        Pause(longest_ms(people, "welcome") + 500),
        Keys(("1",)),
        Pause(500),
        Keys((*TRACKING_KEYS, "#")),
        Pause(longest_ms(people, "ticket_status") + 2000),
        HangUp(),
    )
    return Load(callers=[person.row for person in people], steps=steps, rate=_RATE, limit_s=120)


def longest_ms(people: Sequence[Customer], prompt: str) -> int:
    """How long a prompt lasts at most, in the callers' own words, cut short."""
    book, clips = PromptBook.load(), voice()
    lengths = (
        sum(media.seconds for media in clips.media(book.phrase(prompt, person.language, {"ticket": person.ticket})))
        for person in people
    )
    return round(max(lengths) * SHORT * 1000)


async def _check(system: System, people: Sequence[Customer], started: datetime) -> None:
    """Every call has its one record, and tells what the caller did."""
    phones = {person.phone: person for person in people}
    found = await records_of(system, started, phones, _STORED_S)
    for record in found:
        person = phones[record["caller"]]
        if record["outcome"] != "self_served" or record["tracking_numbers"] != [person.tracking]:
            raise CannotMeasure(
                f"a call that was to be self-served with {person.tracking} ended as {record['outcome']} "
                f"with {record['tracking_numbers']}"
            )


def _now() -> float:
    return asyncio.get_running_loop().time()
