"""Turns facts into calls, inside the writer's transactions.

    facts ─► groups, marked dirty ─► fold ─► call upserted with the next revision, outbox row ─► group clean

A group whose call may be over is folded a moment later, with what still comes in that moment; a call in progress
now and then. A group that cannot be folded stays dirty with its reason and does not stop the others. The marks
are on disk; what is remembered here only saves asking for it, and is forgotten when another process has written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from pbx_bridge.calls.as_told import as_told
from pbx_bridge.calls.call import Call
from pbx_bridge.calls.facts import Fact, RawFact
from pbx_bridge.calls.fold import fold
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store import call_body, call_notes, grouping, lines, packs, parties
from pbx_bridge.store.agenda import Agenda
from pbx_bridge.store.announce import RESYNC, CallRow
from pbx_bridge.store.database import Db, is_operational
from pbx_bridge.store.derived import Derived
from pbx_bridge.store.derived.tallies import write_counts
from pbx_bridge.store.moment_rows import MomentRows
from pbx_bridge.store.outbox import note_revision
from pbx_bridge.store.recordings import note_recordings
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import from_us, maybe_us, to_us
from pbx_bridge.store.transaction import Mark, Transaction
from pbx_bridge.values.hostile import encodable
from pbx_bridge.values.number_rules import PLAIN, NumberRules

log = structlog.get_logger()

_KEYS = 4_000  # remembered channel keys: those of calls in progress count, and a few hundred are many; one megabyte
_MANY = 500  # so many facts at once were read late: what is still to come of a call has most likely come
_FACTS = 10_000  # remembered facts: some hundred calls in progress
_DONE = frozenset({Mark.OVER, Mark.BROKEN, Mark.GONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a group's facts tell: the call as it is to be kept, None if they tell none yet."""

    facts: Sequence[Fact]
    boots: Sequence[datetime]
    call: Call | None = None
    json: bytes = b""
    content_hash: str = ""

    @property
    def call_id(self) -> str:
        """Empty when there is no call."""
        return self.call.call_id if self.call else ""


def tell(db: Db, facts: Sequence[Fact], region: str, numbers: NumberRules = PLAIN) -> Told:
    """Fold one group's facts, with the customer of the number as the contacts are now. Writes nothing."""
    return tell_with(facts, _boots_after(db, facts), parties.directory_of(db), region, numbers)


def tell_with(
    facts: Sequence[Fact],
    boots: Sequence[datetime],
    directory: parties.Directory,
    region: str,
    numbers: NumberRules = PLAIN,
) -> Told:
    """The same, where the node's starts since the first of the facts are known, and the contacts."""
    folded = fold(as_told(facts, numbers), boots)
    if folded is None:
        return Told(facts=facts, boots=boots)
    resolved = parties.resolve(folded, directory, region)
    call, json, content_hash = call_body.as_json(resolved)
    return Told(facts=facts, boots=boots, call=call, json=json, content_hash=content_hash)


class Recorder:
    """Settles what a transaction brought.

    Used by the writer alone: `settle` and `fold` in its thread, `committed` between two transactions.
    """

    def __init__(
        self,
        agenda: Agenda,
        derived: Derived | None = None,
        *,
        region: str = "IR",
        numbers: NumberRules = PLAIN,
        clock: Clock = utc_now,
    ) -> None:
        self._agenda, self._region, self.numbers, self._clock = agenda, region, numbers, clock
        self._derived = derived or Derived(parts=())
        self._keys: dict[tuple[str, str], int] = {}
        self._facts: dict[int, list[RawFact]] = {}
        self._version: int | None = None
        self._broken = 0

    @property
    def trouble(self) -> str:
        """What a person should look at; empty when all is well."""
        return f"calls that could not be put together: {self._broken}; the log says why" if self._broken else ""

    def settle(self, transaction: Transaction) -> None:
        """Journal the transaction's facts, checkpoints and cursors; mark their groups dirty."""
        now_us = to_us(self._clock())
        _checkpoint(transaction, now_us)
        if transaction.facts:
            self._place(transaction, now_us)
        write_counts(transaction)

    def _place(self, transaction: Transaction, now_us: int) -> None:
        if transaction.version == self._version:
            before = transaction.folded = dict(transaction.marks)  # a moment ago, so no longer dirty
            urgent = grouping.place(
                transaction,
                known=self._keys,
                is_dirty=lambda group: group not in before and self._agenda.holds(group),
                now_us=now_us,
            )
        else:
            urgent = grouping.place(transaction, known={}, is_dirty=lambda _: False, now_us=now_us)
        if transaction.at_once or len(transaction.facts) >= _MANY:
            urgent |= {group for group, mark in transaction.marks.items() if mark is Mark.CLOSING}
        self.fold(transaction, sorted(urgent))

    def fold(self, transaction: Transaction, groups: Iterable[int]) -> None:
        """Fold these groups, each apart from the others."""
        some = list(groups)
        apart = () if self._fold_together(transaction, some) else some
        broke = [group for group in apart if not self._fold_apart(transaction, group)]
        if broke or self._broken:
            self._broken = transaction.db.execute(SQL["broken_groups"]).fetchone()[0]

    def recall(self, transaction: Transaction) -> None:
        """Read every dirty mark on disk: what another process, or this one before it died, left to fold."""
        for row in transaction.db.execute(SQL["dirty_groups"]):
            transaction.marks.setdefault(row[0], Mark.CLOSING)
        transaction.recalled = True

    def committed(self, transaction: Transaction) -> None:
        """Remember what is on disk now."""
        if transaction.version != self._version:
            self._version = transaction.version
            self._keys.clear()
            self._agenda.forget()
            self._facts.clear()
        self._agenda.note(transaction)
        if len(self._keys) > _KEYS or Mark.GONE in transaction.marks.values():
            self._keys.clear()
        else:
            self._keys.update(transaction.keys)
        self._remember_facts(transaction)

    def _remember_facts(self, transaction: Transaction) -> None:
        """Keep the facts of calls that began here and are not over: folding them need not read what was just read."""
        facts = self._facts
        for group, placed in transaction.placed.items():
            if group in transaction.begun:
                facts[group] = placed
            elif group in facts:
                facts[group] += placed
        for group, mark in transaction.marks.items():
            if mark in _DONE:
                facts.pop(group, None)
        for group in transaction.scattered:
            facts.pop(group, None)
        if sum(map(len, facts.values())) > _FACTS:
            facts.clear()

    def _facts_of(self, transaction: Transaction, group: int) -> list[RawFact]:
        if group in transaction.begun:
            remembered: list[RawFact] | None = []
        else:
            remembered = self._facts.get(group) if transaction.version == self._version else None
        if remembered is None or group in transaction.scattered:
            return packs.facts_of(transaction.db, group)
        return remembered + transaction.placed.get(group, [])

    def _fold_together(self, transaction: Transaction, groups: Sequence[int]) -> bool:
        """Fold groups; False when one of them cannot be: then none is. A savepoint for each costs a tenth more."""
        if not groups:
            return True
        try:
            with _undone_if_broken(transaction):
                for group in groups:
                    self._fold(transaction, group)
        except _Broken:
            return False
        return True

    def _fold_apart(self, transaction: Transaction, group: int) -> bool:
        """Fold a group so that its failing changes nothing else; True when it did."""
        try:
            with _undone_if_broken(transaction):
                self._fold(transaction, group)
        except _Broken as broken:
            log.error("call_not_folded", group=group, exc_info=broken.__cause__)
            reason = encodable(f"{type(broken.__cause__).__name__}: {broken.__cause__}")
            transaction.db.execute(SQL["break_group"], {"id": group, "trouble": reason})
            transaction.marks[group] = Mark.BROKEN
            return False
        return True

    def _fold(self, transaction: Transaction, group: int) -> None:
        db = transaction.db
        told = tell(db, packs.readable(self._facts_of(transaction, group)), self._region, self.numbers)
        if told.call is not None:
            self._keep(transaction, group, told)
            note_recordings(db, told.call_id, told.facts)
        over = told.call.ended_at is not None if told.call else bool(told.boots)
        db.execute(SQL["clean_group"], {"id": group, "settled": int(over)})
        transaction.marks[group] = Mark.OVER if over else Mark.OPEN

    def _keep(self, transaction: Transaction, group: int, told: Told) -> None:
        db, now_us, call, content_hash = transaction.db, to_us(self._clock()), told.call, told.content_hash
        if call is None:
            return
        # No other writer is at work: what is there now is what the statement meets.
        there = db.execute(SQL["calls_of_group"], {"id": group, "call_id": call.call_id}).fetchall()
        known = {call_id: (revision, kept_hash) for call_id, revision, kept_hash in there}
        revision, kept_hash = known.pop(call.call_id, (0, ""))
        for call_id in known:
            self._derived.gone(transaction, call_id)
            db.execute(SQL["delete_call"], {"call_id": call_id})
        if kept_hash != content_hash:
            before = self._derived.before(db, call.call_id) if revision else None
            after = self._derived.named(db, before, call, group)
            values = self._columns(call)
            values |= {"call_group": group, "changed_at_us": now_us, "content_hash": content_hash}
            values |= {"body": call_body.shorten(told.json), "call_no": after.no, "facets": after.facets}
            db.execute(SQL["upsert_call"], values)
            self._derived.changed(transaction, before, after)
            note_revision(db, call.call_id, revision + 1, gone=False, now_us=now_us)
            transaction.news.append(CallRow(call=call, revision=revision + 1))
        for call_id, (revision, _) in known.items():
            call_notes.follow(db, call_id, call.call_id)
            MomentRows(db, call_id).follow(call)
            note_revision(db, call_id, revision + 1, gone=True, now_us=now_us)
            transaction.news.append(RESYNC)

    def _columns(self, call: Call) -> dict[str, Any]:
        return {
            "call_id": call.call_id,
            "node": call.node,
            "root": call.root,
            "direction": call.direction.value,
            "outcome": call.outcome and call.outcome.value,
            "started_at_us": to_us(call.started_at),
            "answered_at_us": maybe_us(call.answered_at),
            "ended_at_us": maybe_us(call.ended_at),
            "caller": call.caller,
            "caller_number": call_body.number_key(call.caller, self._region),
            "called": call.called,
            "called_number": call_body.number_key(call.called, self._region),
            "destination": call.destination,
            "customer_code": call.customer_code,
            "customer_by": call.customer_by,
            "agent": call.last_agent,
            "transfer": call.transfer,
            "left_voicemail": int(call.left_voicemail),
            "cause": call.cause,
            "source": call.source,
            "language": call.language,
            "talk_us": call.talk_us,
            "wait_us": call.wait_us,
            "ivr_us": call.ivr_us,
            "ring_us": call.ring_us,
            "hold_us": call.hold_us,
            "end_estimated": int(call.end_estimated),
            "fallback": int(call.fallback),
            "call_no": None,
            "facets": None,
            **lines.columns_of(call),
        }


class _Broken(Exception):
    """What was folded could not be, for the reason that is the cause."""


@contextmanager
def _undone_if_broken(transaction: Transaction) -> Iterator[None]:
    """What is done meanwhile stands whole or not at all. Raises _Broken, and what is operational as it is."""
    db, known, counts = transaction.db, len(transaction.news), dict(transaction.counts)
    db.execute("SAVEPOINT fold")
    try:
        yield
    except Exception as error:
        if is_operational(error):
            raise
        del transaction.news[known:]
        transaction.counts = counts
        db.execute("ROLLBACK TO fold")
        db.execute("RELEASE fold")
        raise _Broken from error
    db.execute("RELEASE fold")


def _checkpoint(transaction: Transaction, now_us: int) -> None:
    runs, cursors, db = transaction.runs, transaction.cursors, transaction.db
    kept = [{"node": n, "channel": c, "body": body} for (n, c), body in runs.items() if body is not None]
    gone = [{"node": n, "channel": c} for (n, c), body in runs.items() if body is None]
    if kept:
        db.executemany(SQL["upsert_run"], kept)
    if gone:
        db.executemany(SQL["delete_run"], gone)
    if cursors:
        rows = [
            {"node": node, "source": source, "file": file, "at_offset": offset, "moved_at_us": now_us}
            for (node, source, file), offset in cursors.items()
        ]
        db.executemany(SQL["upsert_cursor"], rows)


def _boots_after(db: Db, facts: Sequence[Fact]) -> list[datetime]:
    if not facts:
        return []
    values = {"node": facts[0].node, "at_us": to_us(min(fact.at for fact in facts))}
    return [from_us(row[0]) for row in db.execute(SQL["boots_after"], values).fetchall()]
