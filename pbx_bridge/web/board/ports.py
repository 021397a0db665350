"""What the board needs of the rest of the system."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from pbx_bridge.calls.targets import Targets
from pbx_bridge.store import CallRow, News
from pbx_bridge.web.board.feed import LiveFeed

Parts = Mapping[tuple[str, ...], tuple[int, int]]
"""Words of a count, and how many with their total."""

Words = Callable[[str, str, str], str]
"""(flow version, flow node, language): where that is, in words; empty if nobody knows."""


class OpenCalls(Protocol):
    """The calls in progress on record."""

    async def open_calls(self) -> Sequence[CallRow]:
        """Every call in progress, of every node. Raises StoreError."""

    def watch(self) -> AbstractAsyncContextManager[asyncio.Queue[News]]:
        """A queue of every new revision from now on."""


class Tallies(Protocol):
    """What was counted by day."""

    async def days(self, name: str, first: date, last: date) -> Mapping[date, Parts]:
        """The counts of a name, from the first day to the last. Raises StoreError."""


class NoTallies:
    """Nothing was counted."""

    async def days(self, name: str, first: date, last: date) -> Mapping[date, Parts]:
        """See Tallies."""
        return {}


def no_words(version: str, node: str, language: str) -> str:
    """Nobody knows the flows: the node's name is all there is."""
    return node


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardParts:
    """What the board is made of.

    Attributes:
        feed: what is heard live.
        tallies: today's counts.
        words: the place of a flow node in words.
        wrap_up_s: seconds that an agent has after a call, where Asterisk does not tell.
        targets: what each queue should reach.
    """

    feed: LiveFeed = field(default_factory=LiveFeed)
    tallies: Tallies = field(default_factory=NoTallies)
    words: Words = no_words
    wrap_up_s: int = 0
    targets: Targets = field(default_factory=Targets)
