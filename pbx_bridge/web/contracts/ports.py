"""What the pages of contracts need of the store; see pbx_bridge.store.contracts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from aiohttp import web

from pbx_bridge.store.contracts import ContractLine, Sought
from pbx_bridge.store.contracts_renewal import NewEntry, Refused
from pbx_bridge.store.contracts_rules import Entry
from pbx_bridge.store.contracts_use import Use
from pbx_bridge.store.dials import Dial

LOST_REASONS = ("price", "rival", "service", "no_need", "closed", "other")


class Book(Protocol):
    """The contracts. Every method may raise StoreError."""

    async def list(self, sought: Sought) -> Sequence[ContractLine]:
        """By their last day."""

    async def get(self, code: str, number: str) -> ContractLine | None:
        """One of them."""

    async def levels(self) -> Sequence[str]:
        """What contracts are called."""

    async def contacts(self, code: str) -> Sequence[tuple[str, str]]:
        """Names and numbers of a customer's."""

    async def use(self, code: str, start: datetime, end: datetime) -> Use:
        """What a customer used."""

    async def entries(self, code: str, number: str) -> Sequence[Entry]:
        """What was done about a renewal, the oldest first."""

    async def write(self, code: str, number: str, new: NewEntry) -> Entry | Refused:
        """Do something about it."""


class NoContracts:
    """No contracts: for a site without a store."""

    async def list(self, sought: Sought) -> Sequence[ContractLine]:
        """See Book."""
        return ()

    async def get(self, code: str, number: str) -> ContractLine | None:
        """See Book."""
        return None

    async def levels(self) -> Sequence[str]:
        """See Book."""
        return ()

    async def contacts(self, code: str) -> Sequence[tuple[str, str]]:
        """See Book."""
        return ()

    async def use(self, code: str, start: datetime, end: datetime) -> Use:
        """See Book."""
        return Use()

    async def entries(self, code: str, number: str) -> Sequence[Entry]:
        """See Book."""
        return ()

    async def write(self, code: str, number: str, new: NewEntry) -> Entry | Refused:
        """See Book."""
        return Refused.GONE


class Dials(Protocol):
    """The calls that were asked for by a click; see pbx_bridge.store.dials."""

    async def about(self, about: str, limit: int = 20) -> Sequence[Dial]:
        """Those about something, the latest first. Raises StoreError."""


class NoDials:
    """Nobody called."""

    async def about(self, about: str, limit: int = 20) -> Sequence[Dial]:
        """See Dials."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractParts:
    """What the pages are made of.

    Attributes:
        months: so many Jalali months before its end a contract is ending.
        reasons: why one is lost, to choose from: keys of words, or the admin's own words.
    """

    book: Book = field(default_factory=NoContracts)
    dials: Dials = field(default_factory=NoDials)
    months: int = 6
    reasons: tuple[str, ...] = LOST_REASONS


PARTS = web.AppKey("contract_parts", ContractParts)
