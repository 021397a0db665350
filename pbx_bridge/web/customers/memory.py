"""The ports of the customers' pages in memory: for tests, and to show the pages without a store."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.call_context import Mine
from pbx_bridge.store.crm import MemoryCrm, plain_code
from pbx_bridge.store.customer_merges import Merge, MergeRefused
from pbx_bridge.store.customers import KeptCustomer, Made, Saved, Shared, Sheet
from pbx_bridge.store.customers_found import FoundCustomers, Hit
from pbx_bridge.store.customers_story import Happening, Story, StoryKind, Trouble
from pbx_bridge.store.phone_book import BookLine
from pbx_bridge.values import phone
from pbx_bridge.values.letters import Asked, Line
from pbx_bridge.web.customers.ports import CustomerParts


class MemoryBook:
    """Customers by code, their merges, and the search among them."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self.kept: dict[str, KeptCustomer] = {}
        self._merges: list[Merge] = []
        self._before: dict[str, Mapping[str, KeptCustomer]] = {}
        self._clock, self._numbers = clock, itertools.count(1)

    def put(self, code: str, sheet: Sheet) -> None:
        """A customer."""
        self.kept[code] = KeptCustomer(code=code, sheet=sheet)

    async def get(self, code: str) -> KeptCustomer | None:
        """As ports.Book tells."""
        return self.kept.get(self._heir(plain_code(code)))

    async def shared(self, customer: KeptCustomer) -> Shared:
        """As ports.Book tells."""
        told = {}
        for person in customer.sheet.people:
            others = [one for one in self.kept.values() if one.code != customer.code and _has(one, person.phone_e164)]
            if others:
                told[person.phone_e164] = tuple((one.code, one.sheet.name) for one in others)
        return Shared(by_phone=told)

    async def free_code(self) -> str:
        """As ports.Book tells."""
        return next(code for n in self._numbers if (code := str(50_000 + n)) not in self.kept)

    async def create(self, code: str, sheet: Sheet) -> Made:
        """As ports.Book tells."""
        plain = plain_code(code) or await self.free_code()
        if (goes_on := self._heir(plain)) != plain:
            return Made(code=goes_on, why="merged")
        if plain in self.kept:
            return Made(code=plain, why="taken")
        self.put(plain, sheet)
        return Made(code=plain)

    async def save(self, code: str, was: Sheet, sheet: Sheet) -> Saved:
        """As ports.Book tells."""
        now = self.kept.get(code)
        if now is None or now.sheet != was:
            return Saved(now=now, done=False)
        self.put(code, sheet)
        return Saved(now=self.kept[code], done=True)

    async def delete(self, code: str) -> str:
        """As ports.Book tells: nobody has anything here."""
        return "" if self.kept.pop(code, None) else "unknown"

    async def find(self, text: str, limit: int = 20, *, whole_numbers: bool = False) -> FoundCustomers:
        """As ports.Finder tells; numbers as a whole only."""
        asked, number = Asked.of(text), phone.to_e164(text)
        found = [
            Hit(code=one.code, name=one.sheet.name, phone=number if number and _has(one, number) else "")
            for one in self.kept.values()
            if (number and _has(one, number)) or asked.finds(_lines(one))
        ]
        return FoundCustomers(hits=tuple(found[:limit]), more=len(found) > limit)

    async def of(self, code: str) -> Sequence[Merge]:
        """As ports.Merges tells."""
        told = [merge for merge in reversed(self._merges) if merge.kept_code == code]
        last = next((merge.id for merge in told if merge.undone_at is None), "")
        return [replace(merge, newest=merge.id == last) for merge in told]

    async def moving(self, gone: str) -> Mapping[str, int]:
        """As ports.Merges tells."""
        there = self.kept.get(gone)
        return {"contact": len(there.sheet.people) if there else 0}

    async def merge(self, gone: str, kept: str, user: str) -> Merge:
        """As ports.Merges tells."""
        if gone == kept:
            raise MergeRefused("same")
        if gone not in self.kept or kept not in self.kept:
            raise MergeRefused("unknown")
        one, two = self.kept[kept], self.kept[gone]
        merge = Merge(
            id=f"{len(self._merges):016x}",
            gone_code=gone,
            gone_name=two.sheet.name,
            kept_code=kept,
            at=self._clock(),
            user=user,
            undone_at=None,
            undone_by="",
            stayed={},
        )
        self._merges.append(merge)
        self._before[merge.id] = {gone: two, kept: one}
        more = [person for person in two.sheet.people if not _has(one, person.phone_e164)]
        sheet = Sheet(
            name=one.sheet.name,
            language=one.sheet.language,
            tier=one.sheet.tier,
            agent=one.sheet.agent,
            people=tuple(sorted((*one.sheet.people, *more))),
        )
        self.put(kept, sheet)
        del self.kept[gone]
        return merge

    async def undo(self, merge_id: str, user: str) -> Merge:
        """As ports.Merges tells; what was changed since is not told."""
        places = [place for place, merge in enumerate(self._merges) if merge.id == merge_id]
        if not places:
            raise MergeRefused("unknown")
        merge = self._merges[places[0]]
        if merge.undone_at is not None:
            raise MergeRefused("undone")
        self.kept |= self._before[merge_id]
        self._merges[places[0]] = replace(merge, undone_at=self._clock(), undone_by=user)
        return self._merges[places[0]]

    def _heir(self, code: str) -> str:
        for merge in self._merges:
            if merge.gone_code == code and merge.undone_at is None:
                return self._heir(merge.kept_code)
        return code


class MemoryStories:
    """Stories as told: all on one page."""

    def __init__(self) -> None:
        self.told: dict[str, Sequence[Happening]] = {}
        self.wrong: dict[str, Sequence[Trouble]] = {}
        self.those_met: set[tuple[str, str]] = set()

    async def page(
        self, code: str, *, kind: StoryKind | None = None, before: str = "", limit: int = 30, mine: Mine | None = None
    ) -> Story:
        """As ports.Stories tells; of kinds only calls are told apart."""
        told = [
            one
            for one in self.told.get(code, ())
            if (mine is None or one.call is None or mine(one.call.call))
            and (kind is None or (kind is StoryKind.CALL) == (one.call is not None))
        ]
        return Story(happenings=tuple(told))

    async def troubles(
        self, code: str, since: datetime, limit: int = 5, mine: Mine | None = None
    ) -> Sequence[Trouble]:
        """As ports.Stories tells."""
        return list(self.wrong.get(code, ()))[:limit]

    async def met(self, code: str, extension: str, queues: Sequence[str] = ()) -> bool:
        """As ports.Stories tells."""
        return any((code, one) in self.those_met for one in (extension, *queues) if one)


class MemoryPhoneBook:
    """Lines by user."""

    def __init__(self) -> None:
        self.lines: dict[str, list[BookLine]] = {}
        self._numbers = itertools.count(1)

    async def of(self, user: str) -> Sequence[BookLine]:
        """As ports.PhoneBook tells."""
        return list(self.lines.get(user, ()))

    async def add(self, user: str, *, code: str = "", number: str = "", name: str = "") -> bool:
        """As ports.PhoneBook tells; there is no end to it."""
        line = BookLine(id=f"{next(self._numbers):016x}", code=code, number=number, name=name)
        others = [one for one in self.lines.get(user, ()) if (one.code, one.number) != (code, number)]
        self.lines[user] = [line, *others]
        return True

    async def remove(self, user: str, line_id: str) -> bool:
        """As ports.PhoneBook tells."""
        before = self.lines.get(user, [])
        self.lines[user] = [line for line in before if line.id != line_id]
        return len(self.lines[user]) < len(before)


def memory_customers(clock: Clock = utc_now) -> CustomerParts:
    """All of them, of nothing."""
    book = MemoryBook(clock)
    return CustomerParts(
        book=book,
        finder=book,
        merges=book,
        stories=MemoryStories(),
        phone_book=MemoryPhoneBook(),
        contracts=MemoryCrm(),
    )


def _has(customer: KeptCustomer, number: str) -> bool:
    return any(person.phone_e164 == number for person in customer.sheet.people)


def _lines(customer: KeptCustomer) -> list[Line]:
    names = (customer.sheet.name, customer.code, *(person.name for person in customer.sheet.people))
    return [Line.of(name) for name in names]
