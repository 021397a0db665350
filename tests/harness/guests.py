"""Callers in the nodes of a flow when its daemon is killed: how they came there, and how they go on."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field

from harness.ear import PAUSE_S, Ear, Voice
from harness.slow import SlowService
from harness.system import Caller, SystemUnderTest, talking
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.pbx.phone import Phone, PhoneCall

SILENCE_S = 3.0  # at most, when the daemon is back within it
MARGIN_S = 1.0  # from "ready" to the sound of what is said again; from the dialplan's timer to the queue's music

Act = Callable[["Guest"], Awaitable[None]]


@dataclass(kw_only=True)
class House:
    """The system, its agents by number, and when its daemon was killed and ready again (monotonic, seconds)."""

    system: SystemUnderTest
    desks: Mapping[str, Phone]
    service: SlowService
    killed: float = 0.0
    back: float = 0.0
    rung: dict[str, PhoneCall] = field(default_factory=dict)

    def kill(self) -> None:
        """kill -9."""
        self.killed = time.monotonic()
        self.system.kill_daemon()

    async def revive(self) -> None:
        """Start it again and wait until it is ready."""
        await self.system.start_daemon()
        self.back = time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """How a caller comes to be in a node, and goes on after the daemon was killed there.

    Attributes:
        way: keys from the first menu to the one before the node. key: leads into it.
        arrives: waits until they are there.
        goes_on: what must become of them when the daemon is back.
        number: the caller's.
        resumed: the flow goes on with them; else they are the dialplan's, and notice nothing.
        before: the node where they may be found too, if the store did not take the last step any more.
        outcome: of the record, when the daemon came back at once.
        turn: those with a higher one go in when the others are there: a queue rings whom nobody else rings, a prompt
            does not wait, and a store that does not write tells nothing more of the others.
    """

    node: str
    way: str
    key: str
    arrives: Act
    goes_on: Act
    number: str
    resumed: bool = True
    before: str = ""
    outcome: str = "abandoned_ivr"
    turn: int = 0


@dataclass(frozen=True, slots=True)
class AtOnce:
    """No caller can be met in such a node."""

    because: str


@dataclass(kw_only=True)
class Guest:
    """A caller in a node, and what they hear.

    `silence`: how long they heard nothing after the kill, seconds. `voice`: what who talks with them says.
    """

    stay: Stay
    caller: Caller
    ear: Ear
    house: House
    silence: float = 0.0
    voice: Voice = field(default_factory=Voice)


# --- arriving -----------------------------------------------------------------------------------------------------


async def guest_of(stack: AsyncExitStack, house: House, stay: Stay) -> Guest:
    """A caller in the menu before the node."""
    caller = await stack.enter_async_context(house.system.caller(stay.number))
    guest = Guest(stay=stay, caller=caller, ear=Ear.at(caller.call), house=house)
    await caller.call.answered(20)
    if stay.way:
        await caller.hears("menu")
        await caller.press(stay.way)
        await caller.hears("after_status")
    return guest


async def goes_in(guest: Guest) -> None:
    """Into the node, and waits there."""
    if guest.stay.key:
        await guest.caller.press(guest.stay.key)
    await guest.stay.arrives(guest)


def in_prompt(prompt: str) -> Act:
    """While it is said."""

    async def arrives(guest: Guest) -> None:
        await guest.caller.hears(prompt)
        await guest.ear.sound(time.monotonic())

    return arrives


def asked(prompt: str) -> Act:
    """It was said, and the caller does not answer: nothing is heard when the daemon dies."""

    async def arrives(guest: Guest) -> None:
        await in_prompt(prompt)(guest)
        await guest.ear.quiet()

    return arrives


def asked_after(key: str, first: str, prompt: str) -> Act:
    """The same, for a second question."""

    async def arrives(guest: Guest) -> None:
        await guest.caller.hears(first)
        await guest.caller.press(key)
        await asked(prompt)(guest)

    return arrives


async def excused(guest: Guest) -> None:
    """The answer takes so long that the caller is asked to wait."""
    await guest.caller.step(StepKind.FILLER)


async def excused_aloud(guest: Guest) -> None:
    """The same where the store does not write: nobody can read of it, but it is heard."""
    await guest.ear.quiet()
    await guest.ear.sound(time.monotonic())


def rung(number: str) -> Act:
    """That agent's phone rings."""

    async def arrives(guest: Guest) -> None:
        guest.house.rung[number] = await guest.house.desks[number].rung(20)

    return arrives


def in_talk(number: str) -> Act:
    """That agent's phone rang, and they talk."""

    async def arrives(guest: Guest) -> None:
        await rung(number)(guest)
        await _talk(guest, number)
        guest.voice = Voice.at(guest.house.rung[number])

    return arrives


async def leaving_a_message(guest: Guest) -> None:
    """After the tone."""
    await guest.caller.step(StepKind.HANDED_OVER)
    await guest.ear.sound(time.monotonic())
    guest.caller.call.speak()


def asked_what_to_do_with_it(prompt: str) -> Act:
    """They have left a message and ended it with a key."""

    async def arrives(guest: Guest) -> None:
        await leaving_a_message(guest)
        await _said_enough(guest)
        await guest.caller.press("#")
        await asked(prompt)(guest)

    return arrives


async def _said_enough(guest: Guest) -> None:
    """So much of it is in the file that it counts as a message."""
    handed = next(step for step in guest.caller.steps if step.kind is StepKind.HANDED_OVER)
    spool, name = guest.house.system.pbx.paths.spool / "recording", f"{handed.data['to']}*.wav"
    async with asyncio.timeout(15):
        while sum(file.stat().st_size for file in spool.glob(name)) < 2 * 16_000:  # noqa: ASYNC110 - two seconds
            await asyncio.sleep(0.05)


# --- going on -----------------------------------------------------------------------------------------------------


def said_again(prompt: str) -> Act:
    """What was said in the node is heard from its beginning."""

    async def goes_on(guest: Guest) -> None:
        await _resumed(guest)
        again = await guest.caller.hears(prompt)
        assert again.flow_node == guest.stay.node
        await _is_heard_in_time(guest)
        await guest.caller.call.hang_up()

    return goes_on


def said_again_and_answered(prompt: str, key: str, then: str) -> Act:
    """The same, and the caller's answer to it counts."""

    async def goes_on(guest: Guest) -> None:
        await _resumed(guest)
        await guest.caller.hears(prompt)
        await _is_heard_in_time(guest)
        await guest.caller.press(key)
        await guest.caller.hears(then)

    return goes_on


def answered_with(prompt: str) -> Act:
    """It is asked again, and what follows the answer is heard."""

    async def goes_on(guest: Guest) -> None:
        await _resumed(guest)
        await guest.caller.hears(prompt)
        await _is_heard_in_time(guest)

    return goes_on


async def told_once(guest: Guest) -> None:
    """A service is told again what it may have been told, and can know it again."""
    await answered_with("goodbye")(guest)
    told = {key for path, key in guest.house.service.told if path == "/bell"}
    assert len(told) == 1, guest.house.service.told


def done_once(subject: str) -> Act:
    """What was to be written is there, once."""

    async def goes_on(guest: Guest) -> None:
        step = await _resumed(guest)
        await _is_heard_in_time(guest)
        if step == guest.stay.before:
            await guest.caller.press(guest.stay.key)
        await guest.caller.hears("goodbye")
        assert tickets(guest.house, subject) == 1

    return goes_on


def tickets(house: House, subject: str) -> int:
    """How many there are of that subject."""
    with closing(sqlite3.connect(f"{house.system.store.as_uri()}?mode=ro", uri=True)) as store:
        row = store.execute("SELECT COUNT(*) FROM ticket WHERE subject = ?", (subject,)).fetchone()
    return int(row[0])


def talks_with(number: str) -> Act:
    """The phone rang all the while, one in a queue again where it had rung for as long as queues do; who answers has
    the caller.
    """

    async def goes_on(guest: Guest) -> None:
        if guest.stay.node == "queue" and guest.house.rung[number].ending is not None:
            guest.house.rung[number] = await guest.house.desks[number].rung(20)
        assert guest.house.rung[number].ending is None
        await _talk(guest, number)
        await _hangs_up(guest, number)

    return goes_on


def talks_on(number: str) -> Act:
    """Neither of them noticed anything."""

    async def goes_on(guest: Guest) -> None:
        now = await guest.ear.sound(time.monotonic())
        silence, said = (
            told(guest.house.killed, now) for told in (guest.ear.longest_silence, guest.voice.longest_pause)
        )
        assert silence < PAUSE_S + said, (
            f"{silence:.2f} s of silence, while nothing was said for {said:.2f} s at most"
        )
        await _hangs_up(guest, number)

    return goes_on


def ends_the_message(status: str, prompt: str, then: str = "") -> Act:
    """It was taken on all the while; the flow goes on when the caller ends it, with `then` for a 1 in the prompt."""

    async def goes_on(guest: Guest) -> None:
        assert guest.caller.call.ending is None
        await guest.caller.press("#")
        back = await guest.caller.step(StepKind.HANDED_BACK)
        assert back.data["status"] == status
        await guest.caller.hears(prompt)
        if then:
            await guest.caller.press("1")
            await guest.caller.hears(then)

    return goes_on


async def _resumed(guest: Guest) -> str:
    step = await guest.caller.step(StepKind.RESUMED)
    assert step.flow_node in (guest.stay.node, guest.stay.before)
    return step.flow_node


async def _is_heard_in_time(guest: Guest) -> None:
    """At most three seconds of silence; more where the machine took longer than that to start it.

    What follows the start is then slow in the same measure.
    """
    house = guest.house
    heard = await guest.ear.sound(house.back)
    guest.silence = guest.ear.longest_silence(house.killed, heard)
    took = house.back - house.killed
    most = max(SILENCE_S, took + max(MARGIN_S, took / 2))
    assert guest.silence <= most, f"{guest.stay.node}: {guest.silence:.2f} s of silence, {most:.2f} at most"


async def _talk(guest: Guest, number: str) -> None:
    talk = guest.house.rung[number]
    talk.answer()
    talk.speak()
    await talking(talk)
    await guest.ear.sound(time.monotonic())


async def _hangs_up(guest: Guest, number: str) -> None:
    await guest.house.rung[number].hang_up()
    assert (await guest.caller.call.ended(15)).by == "them"
