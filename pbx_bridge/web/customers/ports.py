"""What the pages of customers need of the rest of the system. The store has it; `memory` for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from aiohttp import web

from pbx_bridge.store.call_context import Mine
from pbx_bridge.store.crm import Contract
from pbx_bridge.store.customer_merges import Merge
from pbx_bridge.store.customers import KeptCustomer, Made, Saved, Shared, Sheet
from pbx_bridge.store.customers_found import FoundCustomers
from pbx_bridge.store.customers_story import Story, StoryKind, Trouble
from pbx_bridge.store.phone_book import BookLine


class Book(Protocol):
    """The customers. Every method may raise StoreError; what each returns: store/customers.py."""

    async def get(self, code: str) -> KeptCustomer | None:
        """The customer of a code as typed, or of the one it was merged into."""

    async def shared(self, customer: KeptCustomer) -> Shared:
        """Who else has their numbers."""

    async def free_code(self) -> str:
        """A code that nobody has."""

    async def create(self, code: str, sheet: Sheet) -> Made:
        """Write a customer down."""

    async def save(self, code: str, was: Sheet, sheet: Sheet) -> Saved:
        """Change a customer who stands as `was`."""

    async def delete(self, code: str) -> str:
        """Take a customer out who has nothing."""


class Finder(Protocol):
    """The search."""

    async def find(self, text: str, limit: int = 20, *, whole_numbers: bool = False) -> FoundCustomers:
        """Customers by what a person has typed so far. Raises StoreError."""


class Merges(Protocol):
    """Two customers become one, and two again. Every method may raise StoreError, the last two MergeRefused."""

    async def of(self, code: str) -> Sequence[Merge]:
        """The merges into a customer, the newest first."""

    async def moving(self, gone: str) -> Mapping[str, int]:
        """How many rows of which table would move, and how many calls are the customer's."""

    async def merge(self, gone: str, kept: str, user: str) -> Merge:
        """Make one customer of two."""

    async def undo(self, merge_id: str, user: str) -> Merge:
        """Make two of them again."""


class Stories(Protocol):
    """What happened with a customer. Every method may raise StoreError."""

    async def page(
        self, code: str, *, kind: StoryKind | None = None, before: str = "", limit: int = 30, mine: Mine | None = None
    ) -> Story:
        """A page of it, newest first; with `mine` only those calls."""

    async def troubles(
        self, code: str, since: datetime, limit: int = 5, mine: Mine | None = None
    ) -> Sequence[Trouble]:
        """What went wrong since a moment."""

    async def met(self, code: str, extension: str, queues: Sequence[str] = ()) -> bool:
        """Whether a phone of ours had to do with the customer, or they came to one of the queues."""


class PhoneBook(Protocol):
    """Everybody's own. Every method may raise StoreError."""

    async def of(self, user: str) -> Sequence[BookLine]:
        """Somebody's lines, the newest first."""

    async def add(self, user: str, *, code: str = "", number: str = "", name: str = "") -> bool:
        """Keep a line; False: they keep as many as anybody may."""

    async def remove(self, user: str, line_id: str) -> bool:
        """Keep it no more; False: it is none of theirs."""


class Contracts(Protocol):
    """What customers may ask of us."""

    async def contract(self, customer_code: str, today: date) -> Contract | None:
        """The best standing one: valid today with the latest end, else the last to have ended. Raises StoreError."""


def _no_queues(_: str) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerParts:
    """What stands behind the pages of customers.

    Attributes:
        agents_see_all: whether agents see every customer, or only those they, or their queues, had to do with.
        queues_of: the queues in which a phone of ours stands now, by extension.
    """

    book: Book
    finder: Finder
    merges: Merges
    stories: Stories
    phone_book: PhoneBook
    contracts: Contracts
    agents_see_all: bool = True
    queues_of: Callable[[str], Sequence[str]] = field(default=_no_queues)


PARTS = web.AppKey("customer_parts", CustomerParts)
