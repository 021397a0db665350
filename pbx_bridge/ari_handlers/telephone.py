"""The call in an agent's hands, as their page handles it: hand it on, hold it, take it back; and their pauses.

Everything is done to a channel of the agent's own phone, found here among the live channels: nobody names a channel.
Where a call goes is found here as well: a colleague, a queue, the mailbox, or a number that may be called.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from pbx_bridge.ami import actions as ami
from pbx_bridge.ami.channels import Channel, Group
from pbx_bridge.ari_handlers.dial_rules import DialRules, Refusal
from pbx_bridge.ari_handlers.dialler import Channels, Live
from pbx_bridge.ari_handlers.originate import dialable
from pbx_bridge.ari_handlers.questions import Questions
from pbx_bridge.errors import AmiForbidden, AriGone, AsteriskError, InputError
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.values import phone
from pbx_bridge.values.number_rules import PLAIN, NumberRules

log = structlog.get_logger()

# asterisk-conf/extensions.conf.j2
HAND_CONTEXT = "pbxb-hand"
QUEUE_CONTEXT = "pbxb-hand-queue"
ASK_CONTEXT = "pbxb-ask"

_RIGHTS_S = 60.0  # for so long our AMI user's rights are believed


class Way(enum.StrEnum):
    """How a call is handed on."""

    BLIND = "blind"  # at once
    ATTENDED = "attended"  # after a word with whoever takes it


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Where calls can go: what the PBX's plan knows. `mailbox` is empty where there is none."""

    queues: tuple[str, ...] = ()
    mailbox: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A call in an agent's hands.

    Attributes:
        channel: of the agent's phone. others: the channels they talk with.
        held: nobody hears the other: by the page (`by_page`), or by a key of the phone.
        consults: they speak with somebody else, to whom they will hand the call on, while the first one waits.
    """

    channel: str
    others: tuple[Channel, ...]
    held: bool = False
    by_page: bool = False
    consults: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An action was done. `channel`: the agent's, of a call; `to`: where it went."""

    channel: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """An action was not done, and why. `right`: the class that our AMI user lacks."""

    refusal: Refusal
    right: str = ""


class Telephone:
    """What the pages can do with the phones of one PBX.

    Args:
        agents: the extensions there are.
        numbers: how the PBX wants numbers dialled.
    """

    def __init__(
        self,
        *,
        actions: ami.Actions,
        ari: Channels,
        live: Live,
        house: House,
        agents: Callable[[], Awaitable[Collection[str]]],
        rules: DialRules,
        numbers: NumberRules = PLAIN,
        clock: Clock = utc_now,
    ) -> None:
        self.numbers = numbers
        self._actions, self._ari, self._live = actions, ari, live
        self.house, self._agents, self.rules, self._clock = house, agents, rules, clock
        self._missing: Sequence[str] = ()
        self._asked_at = float("-inf")
        self._holds: set[str] = set()  # the agents' channels on which a page began a hold
        self._questions = Questions(live.channels)
        self._stopping: set[asyncio.Task[None]] = set()

    def hands(self) -> Mapping[str, Hand]:
        """The calls in agents' hands, by extension; none while AMI does not tell."""
        if not self._live.channels.fresh:
            return {}
        found: dict[str, Hand] = {}
        for group in self._live.channels.groups():
            for own in group:
                extension = own.phone.removeprefix("PJSIP/")
                if own.bridge and extension.isdigit() and extension not in found:
                    found[extension] = self._hand(own, group)
        return found

    def _hand(self, own: Channel, group: Group) -> Hand:
        others = tuple(one for one in group if one is not own and one.bridge == own.bridge)
        waiting = self._questions.waiting(own.channel)
        with_own, there = {one.channel for one in others}, {one.channel for one in group}
        consults = bool(waiting & there) and not waiting & with_own
        by_page = own.held and own.channel in self._holds
        return Hand(channel=own.channel, others=others, held=own.held, by_page=by_page, consults=consults)

    async def hand_on(self, extension: str, way: Way, to: str) -> Done | Denied:
        """Hand the call on. `to`: a colleague's extension, a queue, the mailbox, a number."""
        hand = self.hands().get(extension)
        if hand is None or hand.consults or not hand.others:
            return Denied(refusal=Refusal.NO_CALL)
        place = await self._place(extension, way, to)
        if isinstance(place, Refusal):
            return Denied(refusal=place)
        context, exten = place
        if hand.by_page:  # the agent's side is busy with the hold
            await self._actions.press(hand.channel, ami.RESUME_KEYS)
        return await self._tried(self._hand_on(hand, way, context, exten), Done(channel=hand.channel, to=to))

    async def _hand_on(self, hand: Hand, way: Way, context: str, exten: str) -> None:
        match way:
            case Way.BLIND:
                await self._actions.blind_transfer(hand.channel, context, exten)
            case Way.ATTENDED:
                self._forget()
                self._questions.begin(hand.channel, (one.channel for one in hand.others))
                await self._actions.attended_transfer(hand.channel, context, exten)

    def touch(self) -> None:
        """Something may have changed: to be called with every live event. Never waits."""
        for channel in self._questions.over():
            task = asyncio.create_task(self._stop_recording(channel), name="question_over")
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    async def _stop_recording(self, channel: str) -> None:
        try:
            await self._actions.stop_recording(channel)
        except AsteriskError as error:  # it is not recorded, or goes on to the end of the talk
            log.info("question_records_on", channel=channel, reason=str(error))

    def _forget(self) -> None:
        """What was remembered of channels that are gone."""
        living = {one.channel for one in self._live.channels.all()}
        self._holds &= living

    async def _place(self, extension: str, way: Way, to: str) -> tuple[str, str] | Refusal:
        """Where in the dialplan that is."""
        if to in self.house.queues:
            return (QUEUE_CONTEXT, to) if way is Way.BLIND else Refusal.TARGET
        try:
            number = dialable(to, self.rules.region)
        except InputError:
            return Refusal.TARGET
        if number == extension:
            return Refusal.OWN
        if number not in (*await self._agents(), self.house.mailbox):
            refusal = self.rules.refusal(number, self._clock())
            if refusal is not None or len(number) < phone.SHORTEST_OUTSIDE:
                return refusal or Refusal.TARGET
        number = self.numbers.outgoing(number)
        if way is Way.ATTENDED:  # its digits are keyed, and there is no + among keys
            return ASK_CONTEXT, f"00{number[1:]}" if number.startswith("+") else number
        return HAND_CONTEXT, number

    async def back(self, extension: str) -> Done | Denied:
        """From a consultation back to who waits."""
        hand = self.hands().get(extension)
        if hand is None or not hand.consults:
            return Denied(refusal=Refusal.NO_CALL)
        return await self._tried(self._actions.cancel_transfer(hand.channel), Done(channel=hand.channel))

    async def complete(self, extension: str) -> Done | Denied:
        """End a consultation: who waits goes to whom the agent spoke with."""
        hand = self.hands().get(extension)
        if hand is None or not hand.consults:
            return Denied(refusal=Refusal.NO_CALL)
        return await self._tried(self._ari.hang_up(hand.channel), Done(channel=hand.channel))

    async def hold(self, extension: str) -> Done | Denied:
        """The other side hears music, the agent nothing."""
        hand = self.hands().get(extension)
        if hand is None or hand.held or hand.consults or not hand.others:
            return Denied(refusal=Refusal.NO_CALL)
        self._forget()
        self._holds.add(hand.channel)
        return await self._tried(self._actions.press(hand.channel, ami.HOLD_KEYS), Done(channel=hand.channel))

    async def resume(self, extension: str) -> Done | Denied:
        """End a hold that was begun from the page; one begun on the phone is the phone's to end."""
        hand = self.hands().get(extension)
        if hand is None or not hand.by_page:
            return Denied(refusal=Refusal.NO_CALL)
        return await self._tried(self._actions.press(hand.channel, ami.RESUME_KEYS), Done(channel=hand.channel))

    async def pause(self, extension: str, reason: str) -> Done | Denied:
        """No queue rings this agent from now on."""
        return await self._members(extension, lambda interface: self._actions.pause(interface, reason))

    async def available(self, extension: str) -> Done | Denied:
        """The queues ring this agent again."""
        return await self._members(extension, self._actions.available)

    async def _members(self, extension: str, do: Callable[[str], Awaitable[None]]) -> Done | Denied:
        phone = f"PJSIP/{extension}"
        interfaces = {one.interface for one in self._live.agents.agents() if (one.phone or one.interface) == phone}
        if not extension or not interfaces:
            return Denied(refusal=Refusal.NO_PHONE)
        for interface in sorted(interfaces):
            done = await self._tried(do(interface), Done())
            if isinstance(done, Denied):
                return done
        return Done()

    async def missing(self) -> Sequence[str]:
        """Which classes our AMI user lacks for all this, as of a minute ago; none while AMI does not tell."""
        now = asyncio.get_running_loop().time()
        if now - self._asked_at > _RIGHTS_S:
            self._asked_at = now
            try:
                self._missing = sorted(right.value for right in await self._actions.missing())
            except AsteriskError:
                self._asked_at = float("-inf")
        return self._missing

    async def _tried(self, doing: Awaitable[None], done: Done) -> Done | Denied:
        try:
            await doing
        except AmiForbidden as error:
            return Denied(refusal=Refusal.RIGHT, right=error.right)
        except AriGone:
            return Denied(refusal=Refusal.NO_CALL)
        except AsteriskError as error:
            log.warning("telephone_refused", channel=done.channel, reason=str(error))
            return Denied(refusal=Refusal.PBX)
        return done
