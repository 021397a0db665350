"""Puts made-up calls on the record in the way the recorder does, and counts what is there from scratch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta, tzinfo
from typing import Any

from pbx_bridge.calls import tally
from pbx_bridge.calls.call import Call, Direction
from pbx_bridge.calls.contacts import Contact
from pbx_bridge.calls.moments import Limits, moments_of
from pbx_bridge.store import Store, call_body
from pbx_bridge.store.agenda import Agenda
from pbx_bridge.store.database import Db
from pbx_bridge.store.derived import Derived
from pbx_bridge.store.derived.contacts import Contacts
from pbx_bridge.store.derived.derived import Part
from pbx_bridge.store.derived.facets import Facets
from pbx_bridge.store.derived.moments import Moments
from pbx_bridge.store.derived.tallies import BLOCK, BLOCKS, Tallies
from pbx_bridge.store.parties import outside_number
from pbx_bridge.store.recorder import Recorder, Told
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Transaction

Counts = dict[tuple[str, int, str], tuple[int, int]]
WEEK = timedelta(days=7)


class Keeper:
    """Writes calls as the recorder does; each call has a group of its own, until two meet."""

    def __init__(self, store: Store, zone: tzinfo) -> None:
        self.facets = Facets()
        self.parts = (self.facets, Tallies(zone), Moments(Limits()), Contacts(zone))
        self._writer = store.writer
        parts: tuple[Part, ...] = self.parts
        self._recorder = Recorder(Agenda(), Derived(parts))
        self._groups: dict[str, int] = {}

    async def keep(self, calls: Iterable[Call]) -> None:
        """Put calls on record, or change them."""

        def work(transaction: Transaction) -> None:
            for call in calls:
                self._keep(transaction, self._group(transaction.db, call.call_id), call)

        await self._writer.submit(work)
        self.facets.committed()

    async def merge(self, gone: str, call: Call) -> None:
        """A call turns out to be this one, which is put on record instead."""

        def work(transaction: Transaction) -> None:
            winner, loser = (self._group(transaction.db, call_id) for call_id in (call.call_id, gone))
            transaction.db.execute(SQL["merge_calls"], {"winner": winner, "loser": loser})
            transaction.db.execute(SQL["delete_group"], {"winner": winner, "loser": loser})
            self._keep(transaction, winner, call)

        await self._writer.submit(work)
        self.facets.committed()
        del self._groups[gone]

    def _group(self, db: Db, call_id: str) -> int:
        if call_id not in self._groups:
            values = {"node": "pbx1", "now_us": 0}
            self._groups[call_id] = db.execute(SQL["new_group"], values).fetchall()[0][0]
            db.execute(SQL["clean_group"], {"id": self._groups[call_id], "settled": 1})
        return self._groups[call_id]

    def _keep(self, transaction: Transaction, group: int, call: Call) -> None:
        kept, json, content_hash = call_body.as_json(call)
        self._recorder._keep(
            transaction, group, Told(facts=(), boots=(), call=kept, json=json, content_hash=content_hash)
        )


def recounted(calls: Iterable[Call], zone: tzinfo) -> Counts:
    """Every count, made in the plainest way."""
    found: Counter[tuple[str, int, str]] = Counter()
    totals: Counter[tuple[str, int, str]] = Counter()
    calls = list(calls)
    for call in calls:
        for key, (n, total) in tally.contributions(call, zone).items():
            found[key] += n
            totals[key] += total
    for key, again in _first_calls(calls, zone):
        found[key] += 1
        totals[key] += again
    for name, day, part in list(found):
        block = (name + BLOCKS, day // BLOCK, part)
        found[block] += found[name, day, part]
        totals[block] += totals[name, day, part]
    return {key: (found[key], totals[key]) for key in found if (found[key], totals[key]) != (0, 0)}


def thirds(calls: Iterable[Call]) -> set[str]:
    """The calls that are the third of a week."""
    by_person = _by_person(calls)
    return {
        call.call_id
        for mine in by_person.values()
        for call in mine
        if sum(other.started_at >= call.started_at - WEEK for other in _before(mine, call)) == 2
    }


def wrongs(calls: Iterable[Call]) -> set[tuple[str, str]]:
    """Every moment: call, kind."""
    calls = list(calls)
    found = {(call.call_id, one.kind.value) for call in calls for one in moments_of(call, Limits())}
    return found | {(call_id, "third") for call_id in thirds(calls)}


def _first_calls(calls: list[Call], zone: tzinfo) -> Iterable[tuple[tuple[str, int, str], int]]:
    for mine in _by_person(calls).values():
        for call in mine:
            if not any(other.started_at >= call.started_at - WEEK for other in _before(mine, call)):
                again = any(
                    call in _before(mine, other) and other.started_at <= call.started_at + WEEK for other in mine
                )
                yield ("contact", tally.day_of(call.started_at, zone), ""), int(again)


def _by_person(calls: Iterable[Call]) -> dict[str, list[Call]]:
    found: dict[str, list[Call]] = {}
    for call in calls:
        person = call.customer_code or outside_number(call)
        if call.direction is Direction.INBOUND and call.ended_at is not None and person:
            found.setdefault(person, []).append(call)
    return found


def _before(mine: Iterable[Call], call: Call) -> list[Call]:
    return [other for other in mine if _place(other) < _place(call)]


def _place(call: Call) -> Any:
    contact = Contact(at_us=to_us(call.started_at), call_id=call.call_id)
    return contact.at_us, contact.call_id
