"""What telephony from the pages needs of the rest of the system."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from pbx_bridge.ari_handlers.dial_rules import DialRules, Refusal
from pbx_bridge.ari_handlers.dialler import Wish
from pbx_bridge.ari_handlers.progress import Progress
from pbx_bridge.ari_handlers.telephone import Denied, Done, Hand, House, Way
from pbx_bridge.calls.call import Call
from pbx_bridge.store.dials import AskedDial, Dial
from pbx_bridge.web.board.feed import LiveFeed
from pbx_bridge.web.dial.memory import NoPhones

PAUSE_REASONS = ("lunch", "break", "meeting", "training")


class Dialler(Protocol):
    """ari_handlers/dialler.py."""

    @property
    def rules(self) -> DialRules:
        """What may be called, and when."""

    @property
    def going_on(self) -> Mapping[str, Progress]:
        """The calls that are not over, by id."""

    async def ask(self, wish: Wish) -> AskedDial | Refusal:
        """Ring the agent's phone, then the number; once. Raises StoreError."""

    async def progress(self, dial_id: str) -> Progress | None:
        """How far a call has come. Raises StoreError."""

    async def asked(self, user: str, key: str) -> Dial | None:
        """What this user asked for under a key. Raises StoreError."""

    async def cancel(self, dial: Dial) -> None:
        """Hang it up. Raises AsteriskError."""

    def listen(self, listener: Callable[[], None]) -> None:
        """Be told of every change of a call that was asked for, until `unlisten`."""

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Be told no more."""


class Phones(Protocol):
    """ari_handlers/telephone.py."""

    @property
    def house(self) -> House:
        """Where calls can go."""

    def hands(self) -> Mapping[str, Hand]:
        """The calls in agents' hands, by extension."""

    async def hand_on(self, extension: str, way: Way, to: str) -> Done | Denied:
        """Hand the call on."""

    async def back(self, extension: str) -> Done | Denied:
        """From a consultation back to who waits."""

    async def complete(self, extension: str) -> Done | Denied:
        """End a consultation: who waits goes to whom the agent spoke with."""

    async def hold(self, extension: str) -> Done | Denied:
        """The other side hears music."""

    async def resume(self, extension: str) -> Done | Denied:
        """End that."""

    async def pause(self, extension: str, reason: str) -> Done | Denied:
        """No queue rings this agent."""

    async def available(self, extension: str) -> Done | Denied:
        """The queues ring this agent again."""

    async def missing(self) -> Sequence[str]:
        """Which classes our AMI user lacks for all this."""


Found = Callable[[str], Awaitable[Call | None]]
"""The call on record to which a channel belongs. Raises StoreError."""

AddNote = Callable[[str, str, str], Awaitable[object]]
"""Keep a note: call id, user, text. Raises StoreError."""


async def _none(_: str) -> Call | None:
    return None


async def _nowhere(_call_id: str, _user: str, _text: str) -> None:
    """Nobody keeps notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialParts:
    """What telephony from the pages is made of.

    Attributes:
        feed: what is heard live.
        found, add_note: where the reason of a transfer goes.
        reasons: of pauses, as keys of words or in the admin's own words.
        call_tokens: the names of the API tokens whose programs may place calls.
        wrap_up_s: seconds that an agent has after a call, where Asterisk does not tell.
    """

    dialler: Dialler = field(default_factory=NoPhones)
    phones: Phones = field(default_factory=NoPhones)
    feed: LiveFeed = field(default_factory=LiveFeed)
    found: Found = _none
    add_note: AddNote = _nowhere
    reasons: tuple[str, ...] = PAUSE_REASONS
    call_tokens: frozenset[str] = frozenset()
    wrap_up_s: int = 0


PARTS = web.AppKey("dial_parts", DialParts)
