"""What the pages of callbacks need of the rest of the system; see pbx_bridge.store.callbacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from aiohttp import web

from pbx_bridge.store.callbacks import CallbackLine, Change, NewFollowUp, Try, Whose, Wrong
from pbx_bridge.store.callbacks_rules import Weights
from pbx_bridge.store.crm import Customer, MemoryCrm


class Lists(Protocol):
    """What there is to be called. Every method may raise StoreError."""

    async def get(self, name: str) -> CallbackLine | None:
        """One of them."""

    async def open(
        self,
        whose: Whose,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: tuple[int, str] | None = None,
        limit: int = 50,
    ) -> Sequence[CallbackLine]:
        """Those not done."""

    async def between(
        self, whose: Whose, since: datetime, until: datetime, limit: int = 500
    ) -> Sequence[CallbackLine]:
        """Those of some days, done or not."""

    async def done(
        self, whose: Whose, *, after: tuple[int, str] | None = None, limit: int = 50
    ) -> Sequence[CallbackLine]:
        """Those that are over."""

    async def wrong(self, lines: Iterable[CallbackLine]) -> Mapping[str, Wrong]:
        """What went wrong lately, by id."""

    async def tries(self, name: str) -> Sequence[Try]:
        """The calls that were made for one."""

    async def changes(self, name: str) -> Sequence[Change]:
        """What people did with one."""


class Acts(Protocol):
    """What is done with one. Every method may raise StoreError, and tells whether it was so."""

    async def follow_up(self, new: NewFollowUp) -> str:
        """Set one; its id."""

    async def take(self, name: str, user: str, lasts: timedelta) -> str:
        """Somebody is about to call; who else does."""

    async def free(self, name: str, user: str) -> bool:
        """They do not after all."""

    async def put_off(self, name: str, user: str, until: datetime, why: str = "") -> bool:
        """Not before then."""

    async def give(self, name: str, user: str, owner: str) -> bool:
        """To another."""

    async def close(self, name: str, user: str, by: str, result: str, note: str = "") -> bool:
        """It is over."""

    async def open_again(self, name: str, user: str, at: datetime) -> bool:
        """It is not, after all."""


class Book(Lists, Acts, Protocol):
    """Both."""


class Customers(Protocol):
    """Whom to call. Both may raise StoreError."""

    async def customer_by_code(self, code: str) -> Customer | None:
        """The customer of a code, as typed."""

    async def phones_of(self, customer_code: str) -> Sequence[str]:
        """Their numbers."""


class NoCallbacks:
    """Nobody is to be called: for a site without a store."""

    async def get(self, name: str) -> CallbackLine | None:
        """See Lists."""
        return None

    async def open(
        self,
        whose: Whose,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: tuple[int, str] | None = None,
        limit: int = 50,
    ) -> Sequence[CallbackLine]:
        """See Lists."""
        return ()

    async def between(
        self, whose: Whose, since: datetime, until: datetime, limit: int = 500
    ) -> Sequence[CallbackLine]:
        """See Lists."""
        return ()

    async def done(
        self, whose: Whose, *, after: tuple[int, str] | None = None, limit: int = 50
    ) -> Sequence[CallbackLine]:
        """See Lists."""
        return ()

    async def wrong(self, lines: Iterable[CallbackLine]) -> Mapping[str, Wrong]:
        """See Lists."""
        return {}

    async def tries(self, name: str) -> Sequence[Try]:
        """See Lists."""
        return ()

    async def changes(self, name: str) -> Sequence[Change]:
        """See Lists."""
        return ()

    async def follow_up(self, new: NewFollowUp) -> str:
        """See Acts."""
        return ""

    async def take(self, name: str, user: str, lasts: timedelta) -> str:
        """See Acts."""
        return "?"

    async def free(self, name: str, user: str) -> bool:
        """See Acts."""
        return False

    async def put_off(self, name: str, user: str, until: datetime, why: str = "") -> bool:
        """See Acts."""
        return False

    async def give(self, name: str, user: str, owner: str) -> bool:
        """See Acts."""
        return False

    async def close(self, name: str, user: str, by: str, result: str, note: str = "") -> bool:
        """See Acts."""
        return False

    async def open_again(self, name: str, user: str, at: datetime) -> bool:
        """See Acts."""
        return False


def _unknown(_extension: str) -> Collection[str] | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackParts:
    """What the pages are made of.

    Attributes:
        queues_of: the queues in which an extension answers now; None: that is not known.
        weights: what makes one more urgent than another.
        lock: for so long whoever takes one has it.
    """

    book: Book = field(default_factory=NoCallbacks)
    customers: Customers = field(default_factory=MemoryCrm)
    queues_of: Callable[[str], Collection[str] | None] = _unknown
    weights: Weights = field(default_factory=Weights)
    lock: timedelta = timedelta(minutes=10)


PARTS = web.AppKey("callback_parts", CallbackParts)
