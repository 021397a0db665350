"""Puts journaled facts into groups: facts that share a channel key belong to one call.

Two groups that a new fact joins become one. All of it happens inside the transaction that journals the facts, so
no process death leaves a fact without its group or a group without its dirty mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from pbx_bridge.calls.fact_text import Undecodable, decode
from pbx_bridge.calls.facts import FactKind, RawFact
from pbx_bridge.calls.keys import NO_CHANNEL, is_closing, keys_of
from pbx_bridge.store import packs
from pbx_bridge.store.fact_rows import row_of
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Mark, Transaction
from pbx_bridge.values.hostile import encodable

log = structlog.get_logger()

_BOOT = FactKind.BOOT  # asking an enum for one costs more than all else of a row that is like the one before
_NO_KEYS: tuple[frozenset[str], bool] = (frozenset(), False)


def place(
    transaction: Transaction, *, known: Mapping[tuple[str, str], int], is_dirty: Callable[[int], bool], now_us: int
) -> set[int]:
    """Journal the transaction's facts in their groups and mark these dirty.

    Args:
        transaction: gets `marks` and `keys`.
        known: groups of keys, so far as they are remembered.
        is_dirty: tells a group that needs no mark, because it has it.
        now_us: since when they are dirty.

    Returns:
        Groups to fold in this very transaction: two calls became one in them, or their node has started anew.
    """
    placing = _Placing(transaction, known, now_us)
    for fact in transaction.facts:
        placing.take(fact)
    return placing.write(is_dirty)


class _Placing:
    """One transaction's work."""

    def __init__(self, transaction: Transaction, known: Mapping[tuple[str, str], int], now_us: int) -> None:
        self._db, self._known, self._now_us = transaction.db, known, now_us
        self._keys, self._marks = transaction.keys, transaction.marks
        self._became: dict[int, int] = {}  # groups that became part of another
        self._touched: dict[int, bool] = {}  # and whether a fact among the new ones may be the last
        self._new_keys: list[tuple[str, str]] = []
        self._new_groups = transaction.begun
        self._by_group, self._scattered = transaction.placed, transaction.scattered
        self._placed: list[tuple[RawFact, int | None]] = []
        self._unreadable: list[dict[str, Any]] = []
        self._boots: list[tuple[str, int]] = []
        self._joined: set[int] = set()
        self._same: dict[tuple[str, str, str], int] = {}  # groups of (node, channel, linkedid), met and joined before

    def take(self, raw: RawFact) -> None:
        if raw.kind is _BOOT:
            self._boots.append((raw.node, to_us(raw.at)))
        group, closing = self._group_of(raw)
        if group is not None:
            self._touched[group] = closing or self._touched.get(group, False)
            self._by_group.setdefault(group, []).append(raw)
        self._placed.append((raw, group))

    def write(self, is_dirty: Callable[[int], bool]) -> set[int]:
        self._insert_facts()
        if self._new_keys:
            self._db.executemany(SQL["insert_key"], self._key_rows())
        if self._unreadable:
            self._db.executemany(SQL["insert_unreadable"], self._unreadable)
        urgent = {self._standing(group) for group in self._joined}
        for node, at_us in self._boots:
            urgent.update(
                row[0] for row in self._db.execute(SQL["groups_before_boot"], {"node": node, "at_us": at_us})
            )
        self._mark(urgent, is_dirty)
        return urgent

    def _mark(self, urgent: set[int], is_dirty: Callable[[int], bool]) -> None:
        touched = {self._standing(group) for group in self._touched}.union(urgent)
        unmarked = [group for group in touched if group not in self._new_groups and not is_dirty(group)]
        if unmarked:
            self._db.executemany(SQL["touch_group"], [{"id": group, "now_us": self._now_us} for group in unmarked])
        for group in touched:
            self._marks[group] = Mark.NEW if group in self._new_groups else Mark.MORE
        self._marks.update(dict.fromkeys(self._became, Mark.GONE))
        for group, closing in self._touched.items():
            if closing:
                self._marks[self._standing(group)] = Mark.CLOSING

    def _group_of(self, raw: RawFact) -> tuple[int | None, bool]:
        """Its group, and whether it may be the last of it."""
        told, where = raw.told, (raw.node, raw.channel, raw.linkedid)
        if told is not None and not told.extra and (known := self._same.get(where)) is not None:
            return self._standing(known), is_closing(told)  # most rows: they name nobody that an earlier one did not
        keys, closing = self._keys_of(raw)
        if not keys:
            return None, closing
        group = self._join(raw.node, keys)
        if told is not None:
            self._same[where] = group
        return group, closing

    def _keys_of(self, raw: RawFact) -> tuple[frozenset[str], bool]:
        if raw.kind is FactKind.STEP or raw.kind is FactKind.QUEUE:
            # As keys_of says of them; reading their bodies here would double the cost of a step.
            return (frozenset((raw.channel,)) - NO_CHANNEL, False)
        try:
            fact = decode(raw)
            return keys_of(fact), is_closing(fact)
        except Exception as error:
            # A fact nobody can read stays in the journal and is shown; it must not hold up the others.
            self._set_aside(raw, error)
            return _NO_KEYS

    def _set_aside(self, raw: RawFact, error: Exception) -> None:
        known = isinstance(error, Undecodable)
        log.warning("fact_set_aside", node=raw.node, file=raw.file, offset=raw.offset, exc_info=not known and error)
        self._unreadable.append(
            {
                "node": raw.node,
                "file": raw.file,
                "at_offset": raw.offset,
                "body": encodable(raw.body),
                "reason": encodable(str(error)),
                "found_at_us": self._now_us,
            }
        )

    def _join(self, node: str, keys: Iterable[str]) -> int:
        mine: set[int] = set()
        unknown: list[tuple[str, str]] = []
        for key in keys:
            group = self._lookup((node, key))
            if group is None:
                unknown.append((node, key))
            else:
                mine.add(group)
        joined = mine.pop() if len(mine) == 1 else self._one_of(mine) if mine else self._new_group(node)
        for where in unknown:
            self._keys[where] = joined
        self._new_keys += unknown
        return joined

    def _lookup(self, where: tuple[str, str]) -> int | None:
        group = self._keys.get(where)
        if group is None:
            group = self._known.get(where)
            if group is None:
                group = self._group_on_disk(where[0], encodable(where[1]))
                if group is None:
                    return None
            self._keys[where] = group
        return self._standing(group)

    def _group_on_disk(self, node: str, key: str) -> int | None:
        values = {"node": node, "channel_key": key}
        row = self._db.execute(SQL["group_of_key"], values).fetchone()
        if row is None and packs.unpack_by_key(self._db, node, key):  # before its new fact is kept
            row = self._db.execute(SQL["group_of_key"], values).fetchone()
        return None if row is None else int(row[0])

    def _standing(self, group: int) -> int:
        while group in self._became:
            group = self._became[group]
        return group

    def _new_group(self, node: str) -> int:
        values = {"node": node, "now_us": self._now_us}
        group: int = self._db.execute(SQL["new_group"], values).fetchall()[0][0]
        self._new_groups.add(group)
        return group

    def _one_of(self, groups: set[int]) -> int:
        winner, *losers = sorted(groups)
        for loser in losers:
            values = {"winner": winner, "loser": loser}
            for name in ("merge_facts", "merge_keys", "merge_calls", "delete_group"):
                self._db.execute(SQL[name], values)
            self._became[loser] = winner
            self._by_group.setdefault(winner, []).extend(self._by_group.pop(loser, ()))
        self._scattered.add(winner)
        self._joined.add(winner)  # folded in this transaction, so that two rows for one call are never seen
        return winner

    def _insert_facts(self) -> None:
        rows = [row_of(raw, None if group is None else self._standing(group)) for raw, group in self._placed]
        try:
            self._db.executemany(SQL["insert_fact"], rows)
        except UnicodeEncodeError:  # a repeated row does no harm
            self._scattered.update(self._by_group)
            clean = [{name: encodable(v) if isinstance(v, str) else v for name, v in row.items()} for row in rows]
            self._db.executemany(SQL["insert_fact"], clean)

    def _key_rows(self) -> Iterable[dict[str, Any]]:
        for node, key in self._new_keys:
            yield {"node": node, "channel_key": encodable(key), "call_group": self._standing(self._keys[node, key])}
