"""Calls that agents ask for: checked, written down, sent to Asterisk once, followed to their end.

An asked-for call is never made twice: it is sent by whoever wrote `sent` (store/dials.py), and that is done once.
What a dead daemon left is settled at the start by looking, at the live channels and on record; it is not sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from structlog.contextvars import bind_contextvars

from pbx_bridge.ami.agents import AgentTable
from pbx_bridge.ami.channels import ChannelTable
from pbx_bridge.ami.events import Presence
from pbx_bridge.ari_handlers import progress, wire
from pbx_bridge.ari_handlers.dial_rules import DialRules, Refusal
from pbx_bridge.ari_handlers.originate import Asked, dialable
from pbx_bridge.ari_handlers.progress import Phase, Progress
from pbx_bridge.calls.call import Call
from pbx_bridge.errors import AriConflict, AriGone, AriUnavailable, AsteriskError, InputError, StoreError
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.dials import AskedDial, Dial, DialState, NewDial

log = structlog.get_logger()

_LOOK_S = 1.0  # how often an open call is looked at, should no event tell of it
_GONE = timedelta(seconds=10)  # that the record has to tell how a call ended whose channel is gone
_COMES = timedelta(seconds=3)  # that Asterisk has to make a channel whose request may have been lost
_SETTLES_S = 5.0  # that a call waits for a daemon which has just come up
_AWAY = frozenset({Presence.UNAVAILABLE, Presence.INVALID})


class Book(Protocol):
    """store/dials.py."""

    async def ask(self, new: NewDial) -> AskedDial: ...

    async def sent(self, dial_id: str) -> bool: ...

    async def end(self, dial_id: str, reason: str, call_id: str = "") -> bool: ...

    async def get(self, dial_id: str) -> Dial | None: ...

    async def asked(self, user: str, key: str) -> Dial | None: ...

    async def open(self, node: str, extension: str = "") -> Sequence[Dial]: ...


class Places(Protocol):
    """Originator.place."""

    async def place(self, asked: Asked) -> None: ...


class Channels(Protocol):
    """The ARI verbs that are needed."""

    async def channels(self) -> list[wire.Channel]: ...

    async def hang_up(self, channel: str) -> None: ...


Found = Callable[[str], Awaitable[Call | None]]
"""The call on record to which a channel belongs, while it goes on and after. Raises StoreError."""


Take = Callable[[str, str], Awaitable[bool]]
"""Whether a user may call about something; from then on others may not for a while. Raises StoreError."""


async def _nobody_has_it(_about: str, _user: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants. `number` as typed; `key`: the same key of theirs is the same call."""

    user: str
    extension: str
    number: str
    key: str
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What AMI tells of the present."""

    channels: ChannelTable
    agents: AgentTable


class Dialler:
    """Places and follows calls of one PBX. Run `run()` as a task named `dialler`.

    Args:
        agents: the extensions a call may be placed for.
        take: holds what a call is about for whoever calls.
        found: the record.
    """

    def __init__(
        self,
        *,
        node: str,
        book: Book,
        originator: Places,
        ari: Channels,
        live: Live,
        found: Found,
        agents: Callable[[], Awaitable[Collection[str]]],
        rules: DialRules,
        take: Take = _nobody_has_it,
        clock: Clock = utc_now,
    ) -> None:
        self._node, self._book, self._originator, self._ari = node, book, originator, ari
        self._live, self._found, self._agents, self.rules, self._clock = live, found, agents, rules, clock
        self.take = take
        self._open: dict[str, Progress] = {}
        self._sending: set[asyncio.Task[Any]] = set()
        self._ready, self._touched = asyncio.Event(), asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    # What pages ask for.

    async def ask(self, wish: Wish) -> AskedDial | Refusal:
        """Ring the agent's phone, then the number; once. Returns when the phone rings, or will not.

        Raises StoreError: it is not known whether it was written down; the same key may be sent again.
        """
        try:
            async with asyncio.timeout(_SETTLES_S):
                await self._ready.wait()
        except TimeoutError:  # the store takes nothing: what an earlier daemon left is not settled
            return Refusal.PBX
        known = await self._book.asked(wish.user, wish.key)
        if known is not None:
            return AskedDial(dial=known, fresh=False)
        dialled = await self._allowed(wish)
        if isinstance(dialled, Refusal):
            return dialled
        open_ones = await self._book.open(self._node, wish.extension)
        if open_ones:
            return _joined(open_ones[0], dialled)
        refusal = await self._phone_refuses(wish.extension)
        if refusal is not None:
            return refusal
        if wish.about and not await self.take(wish.about, wish.user):
            return Refusal.TAKEN
        return await self._spawn(self._ask(wish, dialled))

    async def _ask(self, wish: Wish, dialled: str) -> AskedDial | Refusal:
        new = NewDial(
            node=self._node,
            extension=wish.extension,
            number=dialled,
            user=wish.user,
            key=wish.key,
            about=wish.about,
        )
        asked = await self._book.ask(new)
        if not asked.fresh:
            return _joined(asked.dial, dialled)
        await self._send(asked.dial)
        return AskedDial(dial=await self._book.get(asked.dial.id) or asked.dial, fresh=True)

    async def _allowed(self, wish: Wish) -> str | Refusal:
        """The number as it is dialled, if it may be."""
        if not wish.extension or wish.extension not in await self._agents():
            return Refusal.NO_PHONE
        try:
            dialled = dialable(wish.number, self.rules.region)
        except InputError:
            return Refusal.NUMBER
        if dialled == wish.extension:
            return Refusal.OWN
        return self.rules.refusal(dialled, self._clock()) or dialled

    async def _phone_refuses(self, extension: str) -> Refusal | None:
        presences = [one.presence for one in self._live.agents.agents() if one.phone == f"PJSIP/{extension}"]
        if self._live.agents.fresh and presences and all(one in _AWAY for one in presences):
            return Refusal.AWAY
        try:
            channels = await self._ari.channels()
        except AsteriskError as error:
            log.warning("dial_not_possible", reason=str(error))
            return Refusal.PBX
        return Refusal.BUSY if any(one.name.startswith(f"PJSIP/{extension}-") for one in channels) else None

    async def progress(self, dial_id: str) -> Progress | None:
        """How far a call has come; None: there is none of that id. Raises StoreError."""
        if (known := self._open.get(dial_id)) is not None:
            return known
        dial = await self._book.get(dial_id)
        return None if dial is None else Progress(dial=dial, phase=_phase_of_row(dial))

    async def asked(self, user: str, key: str) -> Dial | None:
        """What this user asked for under a key. Raises StoreError."""
        return await self._book.asked(user, key)

    def listen(self, listener: Callable[[], None]) -> None:
        """Be told of every change from now on, until `unlisten`."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Be told no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    async def cancel(self, dial: Dial) -> None:
        """Hang up the agent's channel, and with it the call. Raises AsteriskError."""
        try:
            await self._ari.hang_up(dial.channel)
        except AriGone:
            self.touch()  # it has ended by itself

    # What happens meanwhile.

    def touch(self) -> None:
        """Something may have changed: to be called with every live event. Never waits."""
        if self._open:
            self._touched.set()

    async def run(self) -> None:
        """Settle what an earlier daemon left, then follow every call to its end, for ever."""
        while True:
            try:
                await self._take_up()
                break
            except StoreError as error:
                log.warning("dials_not_settled", reason=str(error))
                await asyncio.sleep(_LOOK_S)
        self._ready.set()
        while True:
            try:
                async with asyncio.timeout(_LOOK_S if self._open else None):
                    await self._touched.wait()
            except TimeoutError:
                pass
            self._touched.clear()
            await self._look()

    async def _take_up(self) -> None:
        for dial in await self._book.open(self._node):
            match dial.state:
                case DialState.ASKED:  # it never got to Asterisk, and now it never will
                    await self._book.end(dial.id, "never_sent")
                case _:
                    self._open[dial.id] = Progress(dial=dial, phase=Phase.ASKED)
        self.touch()

    async def _spawn(self, work: Coroutine[Any, Any, AskedDial | Refusal]) -> AskedDial | Refusal:
        # Goes on when its browser leaves: whoever wrote `sent` has to send.
        task = asyncio.create_task(work, name="dial")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return await asyncio.shield(task)

    async def _send(self, dial: Dial) -> None:
        bind_contextvars(channel=dial.channel)  # in the task that `_spawn` made for it
        if not await self._book.sent(dial.id):
            return
        self._open[dial.id] = Progress(dial=dial, phase=Phase.ASKED)
        try:
            await self._originator.place(Asked(channel=dial.channel, agent=dial.extension, dialled=dial.number))
        except (AriUnavailable, AriConflict) as error:  # it may be ringing all the same: looked after by `_look`
            log.warning("dial_not_answered", reason=str(error))
        except AsteriskError as error:
            log.info("dial_refused", reason=str(error))
            await self._over(dial, "phone_away" if "Allocation failed" in str(error) else "pbx")
        except StoreError as error:
            log.warning("dial_not_journaled", reason=str(error))
            await self._over(dial, "pbx")
        self._touched.set()

    async def _look(self) -> None:
        for known in list(self._open.values()):
            try:
                await self._follow(known)
            except (AsteriskError, StoreError) as error:
                log.warning("dial_not_followed", channel=known.dial.channel, reason=str(error))

    async def _follow(self, known: Progress) -> None:
        dial, now = known.dial, self._clock()
        table = self._live.channels
        if table.fresh:
            phase = progress.phase_of(dial, table.groups())
        else:
            alive = known.phase if known.phase is not Phase.ASKED else Phase.RINGS
            phase = alive if await self._is_there(dial) else None
        if phase is not None:
            self._tell(known.at(phase, now))
        elif known.seen or now - (dial.sent_at or dial.asked_at) > _COMES:
            await self._gone(known.gone(now), now)

    async def _gone(self, known: Progress, now: datetime) -> None:
        """Its channel is not there: what became of it stands on record, in a moment if not now."""
        self._open[known.dial.id] = known
        call = await self._found(known.dial.channel)
        if call is not None and (reason := progress.reason_of(call, known.dial.extension)):
            await self._over(known.dial, reason, call.call_id)
        elif known.gone_at is not None and now - known.gone_at > _GONE and not await self._is_there(known.dial):
            reason = "unknown" if known.seen or call is not None else "not_made"
            await self._over(known.dial, reason, "" if call is None else call.call_id)

    async def _is_there(self, dial: Dial) -> bool:
        return any(one.id == dial.channel for one in await self._ari.channels())

    async def _over(self, dial: Dial, reason: str, call_id: str = "") -> None:
        await self._book.end(dial.id, reason, call_id)
        self._open.pop(dial.id, None)
        self._wake()

    def _tell(self, now: Progress) -> None:
        before = self._open.get(now.dial.id)
        self._open[now.dial.id] = now
        if before is None or before.phase is not now.phase:
            self._wake()

    def _wake(self) -> None:
        for listener in self._listeners:
            listener()

    @property
    def going_on(self) -> Mapping[str, Progress]:
        """The calls that are not over, by id."""
        return self._open


def _joined(before: Dial, dialled: str) -> AskedDial | Refusal:
    """A phone has one call at a time: the same number again is that call."""
    return AskedDial(dial=before, fresh=False) if before.number == dialled else Refusal.OPEN


def _phase_of_row(dial: Dial) -> Phase:
    return Phase.OVER if dial.state is DialState.OVER else Phase.ASKED
