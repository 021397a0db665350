"""Keeps callers from guessing: wrong tracking numbers, customer codes and PINs are counted by the caller's number.

Who made too many gets the answer of a wrong number, whatever they key, and the CRM is not asked. A right answer
wipes nothing out. Callers who hide their number share one count with limits ten times as high: none of them can be
told from the others, and a few who mistype must not close the line for all.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from typing import Protocol

import msgspec
import structlog

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.ivr.known import Answer
from pbx_bridge.ivr.lookups import Lookups
from pbx_bridge.ivr.questions import Guess, Question
from pbx_bridge.values import digits, phone, pin

HIDDEN = ""  # the count of all callers without a number
HIDDEN_TIMES = 10

log = structlog.get_logger()


class TryLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How many wrong tries a caller has within an hour, and within a day."""

    per_hour: int = 9
    per_day: int = 20


class TryBook(Protocol):
    """Where wrong tries are kept (store/tries.py)."""

    async def count(self, caller: str, now: datetime) -> tuple[int, int]:
        """How many within the last hour, and within the last day."""

    async def add(self, caller: str, what: str, now: datetime) -> None:
        """One more."""


class GuardedLookups:
    """Lookups that a caller cannot guess their way through.

    Fails when the book does: without a count nobody guesses. A caller's guesses that are under way count as wrong for
    the next one, so that several calls at once have no more tries than one.
    """

    def __init__(
        self, inner: Lookups, book: TryBook, *, limits: TryLimits, region: str, clock: Clock = utc_now
    ) -> None:
        self._inner, self._book, self._limits = inner, book, limits
        self._region, self._clock = region, clock
        self._under_way: Counter[str] = Counter()

    async def answer(self, question: Question) -> Answer:
        """See Lookups."""
        if not isinstance(question, Guess) or question.caller is None:
            return await self._inner.answer(question)
        caller = count_of(question.caller, self._region)
        before = self._under_way[caller]
        self._under_way[caller] += 1
        try:
            return await self._guess(caller, question, before)
        finally:
            self._under_way[caller] -= 1
            self._under_way += Counter()  # drops those at 0

    async def _guess(self, caller: str, question: Guess, before: int) -> Answer:
        if await self._is_limited(caller, before):
            log.warning("wrong_tries_limited", what=question.what)
            return None
        answer = await self._inner.answer(question)
        if answer is None:
            await self._book.add(caller, question.what, self._clock())
        return answer

    async def _is_limited(self, caller: str, before: int) -> bool:
        within_hour, within_day = await self._book.count(caller, self._clock())
        times = HIDDEN_TIMES if caller == HIDDEN else 1
        limits = self._limits
        return within_hour + before >= limits.per_hour * times or within_day + before >= limits.per_day * times


async def in_thread(keyed: str, kept: str) -> bool:
    """The PIN check of a daemon, whose loop must not stand still meanwhile."""
    return await asyncio.to_thread(pin.matches, keyed, kept)


def count_of(number: str, region: str) -> str:
    """Whose count a caller's number belongs to: E.164 where it is one, so that all ways to write it are one."""
    plain = digits.to_ascii(number)
    if not any(letter.isdigit() for letter in plain):
        return HIDDEN
    return phone.to_e164(plain, region) or "".join(filter(str.isascii, filter(str.isdigit, plain)))[:40]
