"""Packs: the facts of a call long over, in one compressed row, given back exactly as they were.

    over for a day ─► packed: one row of facts, its keys as hashes ─► a late fact unpacks the group before it is kept

Every step is one short transaction: a process killed between two leaves each group packed or not, never half. What
is not packed yet is read from the journal's own table, so nobody needs to know which of the two a group is.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from pbx_bridge.calls.fact_text import Undecodable, cel_fact, cel_row, decode, queue_fact
from pbx_bridge.calls.facts import Fact, FactKind, RawFact, Step, StepKind
from pbx_bridge.store.database import Db
from pbx_bridge.store.fact_rows import raw_of, row_of
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.squeeze import FACTS, Damaged, squeeze, unsqueeze
from pbx_bridge.store.times import from_us, to_us

log = structlog.get_logger()

_READERS = {FactKind.CEL: cel_fact, FactKind.QUEUE: queue_fact}
_KINDS = tuple(FactKind)  # a pack tells a kind by its place here: new ones come last
_DAMAGE = (msgspec.DecodeError, Damaged, Undecodable, IndexError, OverflowError, ValueError, StopIteration)
_SECOND = 1_000_000
_TIME = 1  # the second field of a CEL row
_QUOTE = '"'

_Told = tuple[int, str, str]  # microseconds since the row before, channel, linkedid
_Row = tuple[int, int, int, str | None, _Told | None]  # file, offset, kind, body, and what body does not tell


class _Pack(msgspec.Struct, array_like=True, frozen=True):
    """What a pack holds.

    Offsets and times stand as differences from the row before. Where CEL's CSV is as cel_custom writes it, a row's
    body is None and its fields stand in `columns`, all rows' first, all rows' second and so on: for they repeat.
    """

    node: str
    keys: tuple[str, ...]
    files: tuple[str, ...]
    rows: tuple[_Row, ...]
    times: tuple[int, ...]
    columns: tuple[tuple[str, ...], ...]


class _StepBody(msgspec.Struct, frozen=True):
    """The text of an IVR step (see fact_text.step_fact)."""

    kind: StepKind
    flow_node: str
    data: dict[str, Any]


_DECODER = msgspec.msgpack.Decoder(_Pack)
_STEP_DECODER = msgspec.json.Decoder(_StepBody)


def facts_of(db: Db, group: int) -> list[RawFact]:
    """Every fact of a group, packed or not, in any order; one may be there twice."""
    facts = [raw_of(*row) for row in db.execute(SQL["facts_of_group"], {"id": group}).fetchall()]
    kept = _read(db, group)
    return facts if kept is None else [*_facts(kept), *facts]


class Stretch:
    """The facts of groups of neighbouring numbers: read at once, decoded one group at a time."""

    def __init__(self, db: Db, first: int, last: int) -> None:
        values = {"first": first, "last": last}
        self._rows: dict[int, list[Any]] = defaultdict(list)
        # In this order: what is packed between the two is then there twice, and not missing.
        for group, *row in db.execute(SQL["facts_between"], values).fetchall():
            self._rows[group].append(row)
        self._packs: dict[int, bytes] = dict(db.execute(SQL["packs_between"], values).fetchall())

    def facts_of(self, group: int) -> list[Fact]:
        """As the function, decoded."""
        facts = readable(raw_of(*row) for row in self._rows.get(group, ()))
        body = self._packs.get(group)
        return facts if body is None else [*_typed(_decode(body)), *facts]


def texts_between(db: Db, first: int, last: int) -> Iterator[tuple[int, bytes]]:
    """What the facts of groups of neighbouring numbers hold, to look for a text in: packed or not, group by group."""
    values = {"first": first, "last": last}
    for group, *_, body in db.execute(SQL["facts_between"], values).fetchall():
        yield group, body.encode("utf-8", "replace")
    for group, body in db.execute(SQL["packs_between"], values).fetchall():
        try:
            yield group, unsqueeze(bytes(body))
        except Damaged as error:
            raise Damaged(f"the packed facts of group {group} cannot be read: {error}") from error


def pack(db: Db, group: int) -> bool:
    """Pack a group, inside a transaction; False when it is to stay as it is."""
    kept = _read(db, group)
    keys = {row[0] for row in db.execute(SQL["keys_of_group"], {"id": group})}.union(kept.keys if kept else ())
    facts = {(raw.file, raw.offset): raw for raw in facts_of(db, group)}
    if not facts:
        return False
    node = next(iter(facts.values())).node
    hashes = [{"key_hash": key_hash(node, key), "id": group} for key in sorted(keys)]
    body = _encode(node, sorted(keys), [facts[place] for place in sorted(facts)])
    if body is None or any(db.execute(SQL["other_of_hash"], one).fetchone() for one in hashes):
        return False
    db.execute(SQL["upsert_pack"], {"id": group, "body": body})
    db.executemany(SQL["insert_packed_key"], hashes)
    for name in ("delete_facts_of_group", "delete_keys_of_group", "mark_packed"):
        db.execute(SQL[name], {"id": group})
    return True


def unpack(db: Db, group: int) -> None:
    """Put a packed group's facts and keys back where new ones come, inside a transaction."""
    kept = _read(db, group)
    if kept is None:
        return
    db.executemany(SQL["insert_fact"], [row_of(raw, group) for raw in _facts(kept)])
    keys = [{"node": kept.node, "channel_key": key, "call_group": group} for key in kept.keys]
    db.executemany(SQL["insert_key"], keys)
    hashes = [{"key_hash": key_hash(kept.node, key), "id": group} for key in kept.keys]
    db.executemany(SQL["delete_packed_key"], hashes)
    for name in ("delete_pack", "mark_unpacked"):
        db.execute(SQL[name], {"id": group})


def unpack_by_key(db: Db, node: str, key: str) -> bool:
    """Unpack the group this channel key belongs to; False when no packed one has it."""
    row = db.execute(SQL["packed_group_of_key"], {"key_hash": key_hash(node, key)}).fetchone()
    if row is None:
        return False
    try:
        unpack(db, row[0])
    except Damaged as error:  # what comes now must be kept all the same
        log.error("facts_not_unpacked", group=row[0], reason=str(error))
        return False
    return True


def key_hash(node: str, key: str) -> int:
    """A channel key in 8 bytes, signed. Two keys with one hash are told apart by the keys in the pack."""
    text = f"{node}\n{key}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)


def _read(db: Db, group: int) -> _Pack | None:
    row = db.execute(SQL["pack_of_group"], {"id": group}).fetchone()
    if row is None:
        return None
    try:
        return _decode(row[0])
    except _DAMAGE as error:
        raise Damaged(f"the packed facts of group {group} cannot be read: {error}") from error


def _decode(body: bytes) -> _Pack:
    return _DECODER.decode(unsqueeze(bytes(body)))


def _encode(node: str, keys: Iterable[str], facts: Sequence[RawFact]) -> bytes | None:
    """The pack of these facts; None when it would not give back every one of them exactly."""
    files = tuple(dict.fromkeys(raw.file for raw in facts))
    rows: list[_Row] = []
    fields: list[list[str]] = []
    times: list[int] = []
    last_offset = last_us = 0
    for raw in facts:
        at_us, is_told = to_us(raw.at), _is_told(raw)
        cut = _cut(raw) if is_told else None
        told = None if is_told else (at_us - last_us, raw.channel, raw.linkedid)
        body = raw.body if cut is None else None
        rows.append((files.index(raw.file), raw.offset - last_offset, _KINDS.index(raw.kind), body, told))
        if cut is not None:
            times.append(at_us - last_us)
            fields.append(cut)
        last_offset, last_us = raw.offset, at_us
    columns = tuple(zip(*fields, strict=True))
    made = _Pack(node=node, keys=tuple(keys), files=files, rows=tuple(rows), times=tuple(times), columns=columns)
    if _facts(made) != list(facts):
        log.error("facts_not_packed", node=node, files=files)
        return None
    return squeeze(msgspec.msgpack.encode(made), FACTS)


def _facts(kept: _Pack) -> list[RawFact]:
    return [
        _raw(kept.node, file, offset, kind, at_us, _whole(at_us, body) if isinstance(body, tuple) else body, told)
        for file, offset, kind, at_us, body, told in _rows(kept)
    ]


def _rows(kept: _Pack) -> Iterator[tuple[str, int, FactKind, int, str | tuple[str, ...], _Told | None]]:
    """(file, offset, kind, microseconds, body or the fields of a CEL row, what the body does not tell)."""
    fields, times = zip(*kept.columns, strict=True), iter(kept.times)
    offset = at_us = 0
    for number, further, kind_number, body, told in kept.rows:
        offset += further
        kind = _KINDS[kind_number]
        if body is None:
            at_us += next(times)
            yield kept.files[number], offset, kind, at_us, next(fields), told
            continue
        if told is not None:
            at_us += told[0]
        else:
            at_us = to_us(_READERS[kind](node=kept.node, file="", offset=0, body=body).at)
        yield kept.files[number], offset, kind, at_us, body, told


def _raw(node: str, file: str, offset: int, kind: FactKind, at_us: int, body: str, told: _Told | None) -> RawFact:
    if told is None:
        return _READERS[kind](node=node, file=file, offset=offset, body=body)
    at, channel, linkedid = from_us(at_us), told[1], told[2]
    return RawFact(
        node=node, file=file, offset=offset, kind=kind, at=at, channel=channel, linkedid=linkedid, body=body
    )


def _typed(kept: _Pack) -> list[Fact]:
    """The typed facts without their texts: a rebuild needs no more, and each text costs as much as its fact."""
    facts: list[Fact] = []
    node, files, rows = kept.node, kept.files, _fields(kept)
    times = iter(kept.times)
    offset, at = 0, from_us(0)
    for number, further, kind_number, body, told in kept.rows:
        offset += further
        if body is None:
            at += timedelta(0, 0, next(times))
            facts.append(cel_row(node, files[number], offset, at, next(rows)))
            continue
        kind = _KINDS[kind_number]
        if told is None:
            raw = _READERS[kind](node=node, file=files[number], offset=offset, body=body)
            at = raw.at
        else:
            at += timedelta(0, 0, told[0])
            if kind is FactKind.STEP and (step := _step(body)) is not None:
                facts.append(
                    Step(
                        node=node,
                        file=files[number],
                        offset=offset,
                        at=at,
                        uniqueid=told[1],
                        kind=step.kind,
                        flow_node=step.flow_node,
                        data=step.data,
                    )
                )
                continue
            raw = _raw(node, files[number], offset, kind, to_us(at), body, told)
        facts += readable((raw,))
    return facts


def _fields(kept: _Pack) -> Iterator[tuple[str, ...]]:
    """The fields of its CEL rows, row by row, with nothing in the time's place."""
    return zip(*kept.columns[:_TIME], ("",) * len(kept.times), *kept.columns[_TIME:], strict=True)


def _step(body: str) -> _StepBody | None:
    """What an IVR step's text tells; None when it is not as it should be."""
    try:
        return _STEP_DECODER.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def readable(raws: Iterable[RawFact]) -> list[Fact]:
    """The typed facts; what cannot be decoded is left out, and logged."""
    facts = []
    for raw in raws:
        try:
            facts.append(decode(raw))
        except Undecodable as error:
            log.warning("fact_not_readable", node=raw.node, file=raw.file, offset=raw.offset, reason=str(error))
    return facts


def _is_told(raw: RawFact) -> bool:
    """The body alone gives this very fact."""
    reader = _READERS.get(raw.kind)
    try:
        return reader is not None and reader(node=raw.node, file=raw.file, offset=raw.offset, body=raw.body) == raw
    except Undecodable:
        return False


def _cut(raw: RawFact) -> list[str] | None:
    """The fields of a CEL row but its time; None when they and the time would not give the same text again."""
    if raw.kind is not FactKind.CEL:
        return None
    fields = next(csv.reader([raw.body], strict=True))
    del fields[_TIME]
    return fields if _whole(to_us(raw.at), fields) == raw.body else None


def _whole(at_us: int, fields: Sequence[str]) -> str:
    """The CEL row as cel_custom writes it: every field in quotation marks, those within doubled."""
    whole = list(fields)
    whole.insert(_TIME, f"{at_us // _SECOND}.{at_us % _SECOND:06}")
    return ",".join([f'"{field.replace(_QUOTE, _QUOTE * 2)}"' for field in whole])
