"""A person's data, erased on request: their calls stay as counts, without who, what they keyed, and what was said.

    every fact looked through ─► their calls ─► some at a time: files removed, then in one transaction the facts
    rewritten, the calls folded anew, notes blanked ─► their rows elsewhere ─► the customer ─► a line in the audit log

What is done is found no more, so a run that was cut off is run again and does the rest. A fact keeps what it is known
by and changes only what it says: read again from Asterisk's file, or folded anew, it brings nothing back.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from pbx_bridge.calls.call import Direction
from pbx_bridge.calls.erased import MARK, NUMBER, Person, erased, names_in
from pbx_bridge.errors import InputError, StoreError
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store import call_body, customers_found, packs
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.erasure_rows import ROWS, Rows, Values, found, write
from pbx_bridge.store.heirs import heir
from pbx_bridge.store.recorder import Recorder
from pbx_bridge.store.recordings import RecordingState
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.squeeze import Damaged
from pbx_bridge.store.times import to_us
from pbx_bridge.store.transaction import Mark, Transaction
from pbx_bridge.store.writer import Writer
from pbx_bridge.values import phone

_LOOKED = 500  # groups looked through at once
_AT_ONCE = 10  # calls of one transaction: each is unpacked, rewritten and folded

Progress = Callable[[int, int], None]
"""(groups of facts looked through or calls done, of how many)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom a request means.

    Attributes:
        code: the customer; empty: a number alone.
        codes: theirs, and those of customers who were merged into them.
    """

    person: Person
    code: str = ""
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SoundFile:
    """A file to be removed: of a recording or of a message.

    Attributes:
        file: as Asterisk named it. path: where it is kept; empty if it is not, or not any more.
    """

    is_message: bool
    file: str
    path: str


@dataclass(slots=True, kw_only=True)
class Found:
    """What there is of a person.

    Attributes:
        groups: their calls, by the group of facts.
        under_way: how many of their calls go on, and are left.
        files: how many recordings and messages.
        rows: by table, how many rows elsewhere change or go.
        others: customers who stay and have one of the numbers among their contacts.
    """

    groups: list[int] = field(default_factory=list)
    under_way: int = 0
    files: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    others: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Done:
    """What was done. `left`: calls that still hold something: they cannot be folded, or their facts are gone."""

    calls: int = 0
    files: int = 0
    rows: int = 0
    left: list[str] = field(default_factory=list)


Drop = Callable[[SoundFile], Awaitable[None]]


class Erasure:
    """Every method may raise StoreError."""

    def __init__(
        self,
        writer: Writer,
        reader: Database,
        recorder: Recorder,
        *,
        region: str = "IR",
        scrub: bool = False,
        clock: Clock = utc_now,
    ) -> None:
        """`scrub`: the engine is told to overwrite what it lets go of, as only SQLite can."""
        self._writer, self._reader, self._recorder = writer, reader, recorder
        self._region, self._scrub, self._clock = region, scrub, clock

    async def of_number(self, number: str) -> Asked:
        """A number of somebody outside. Raises InputError for any other."""
        known = phone.to_e164(number, self._region)
        if known is None:
            raise InputError(f"--number: {number!r} is no number of somebody outside: {phone.why_not(number)}")
        return Asked(person=Person(numbers=frozenset({known}), region=self._region))

    async def of_customer(self, code: str) -> Asked:
        """A customer, with all their numbers and names. Raises InputError for one who is not there."""
        asked = await self._reader.read(partial(_customer, code, self._region))
        if isinstance(asked, str):
            raise InputError(asked)
        return asked

    async def look(self, asked: Asked, progress: Progress | None = None) -> Found:
        """What there is; changes nothing."""
        told = Found()
        groups = await self._groups(asked, progress)
        for start in range(0, len(groups), _LOOKED):
            some = groups[start : start + _LOOKED]
            over = await self._reader.read(partial(_those_over, some))
            told.groups += over
            told.under_way += len(some) - len(over)
            told.files += len(await self._reader.read(partial(_files_of, over)))
        for rows in ROWS:
            changes = await self._changes(rows, asked)
            told.rows[rows.table] = told.rows.get(rows.table, 0) + len(changes)
        told.rows["contact"] = await self._reader.read(lambda db: len(_contacts(db, asked)))
        told.files += await self._reader.read(lambda db: len(_ticket_files(db, asked)))
        told.others = await self._reader.read(partial(_others, asked))
        return told

    async def run(self, asked: Asked, there: Found, drop: Drop, by: str, progress: Progress | None = None) -> Done:
        """Erase what was found. `drop` removes a file; `by`: who is in the audit log. Raises what `drop` raises."""
        done = Done()
        for start in range(0, len(there.groups), _AT_ONCE):
            some = there.groups[start : start + _AT_ONCE]
            files = await self._reader.read(partial(_files_of, some))
            await self._dropped(files, drop, done)  # before the rows that tell of them: cut off, they are found again
            done.left += await self._writer.submit(partial(self._take_out, asked, some), weight=len(some) * 20)
            done.calls += len(some)
            if progress is not None:
                progress(done.calls, len(there.groups))
        await self._dropped(await self._reader.read(lambda db: _ticket_files(db, asked)), drop, done)
        await self._writer.submit(partial(self._ticket_messages, asked))
        for rows in ROWS:
            if changes := await self._changes(rows, asked):
                done.rows += await self._writer.submit(partial(self._write, rows, changes))
        done.rows = await self._writer.submit(partial(self._finish, asked, done, by))
        return done

    async def _groups(self, asked: Asked, progress: Progress | None) -> list[int]:
        total = (await self._reader.rows(SQL["count_groups"]))[0][0]
        theirs: set[int] = set()
        for code in asked.codes:
            theirs.update(row[0] for row in await self._reader.rows(SQL["groups_of_customer"], code=code))
        after = done = 0
        while rows := await self._reader.rows(SQL["groups_from"], after=after, limit=_LOOKED):
            first, after = rows[0][0], rows[-1][0]
            try:
                theirs.update(await self._reader.read(partial(_speaking_of, asked, first, after)))
            except Damaged as error:
                raise StoreError(f"whose calls they are cannot be told, so nothing was erased: {error}") from error
            done += len(rows)
            if progress is not None:
                progress(done, max(done, total))
        return sorted(theirs)

    async def _changes(self, rows: Rows, asked: Asked) -> list[tuple[Values, Values]]:
        now_us = to_us(self._clock())
        return await self._reader.read(lambda db: list(found(db, rows, asked.person, asked.codes, now_us)))

    async def _dropped(self, files: Sequence[SoundFile], drop: Drop, done: Done) -> None:
        for file in files:
            await drop(file)
            done.files += 1

    # --- inside the writer's transactions ---

    def _take_out(self, asked: Asked, groups: Sequence[int], transaction: Transaction) -> list[str]:
        db = transaction.db
        self._overwrite(db)
        told = {group: self._rewrite(asked, group, transaction) for group in groups}
        self._recorder.fold(transaction, groups)
        return [call for group, person in told.items() for call in _holding(db, transaction, group, person)]

    def _rewrite(self, asked: Asked, group: int, transaction: Transaction) -> Person:
        """Take the person out of a group's facts and of what people wrote of its call."""
        db = transaction.db
        packs.unpack(db, group)
        raws = packs.facts_of(db, group)
        person = _whole_person(db, asked, group)
        person = person.also(names=names_in(packs.readable(raws), person))
        for raw in raws:
            if (now := erased(raw, person)) != raw:
                place = {"node": raw.node, "file": raw.file, "at_offset": raw.offset, "at_us": to_us(raw.at)}
                db.execute(SQL["rewrite_fact"], {**place, "body": now.body})
        channels = {(raw.node, raw.channel) for raw in raws if raw.channel}
        messages = [{"node": node, "channel": channel, "number": NUMBER} for node, channel in sorted(channels)]
        db.executemany(SQL["erase_messages"], messages)
        for call_id, *_ in _calls(db, group):
            for name in ("erase_notes", "erase_moments", "erase_wrap_ups", "erase_links", "erase_recordings"):
                db.execute(SQL[name], _NAMED[name] | {"call_id": call_id})
        transaction.scattered.add(group)
        return person

    def _write(self, rows: Rows, changes: Sequence[tuple[Values, Values]], transaction: Transaction) -> int:
        self._overwrite(transaction.db)
        for key, change in changes:
            write(transaction.db, rows, key, change)
        return len(changes)

    def _ticket_messages(self, asked: Asked, transaction: Transaction) -> None:
        rows = [{"code": code, "number": NUMBER} for code in asked.codes]
        transaction.db.executemany(SQL["erase_messages_of_tickets"], rows)

    def _finish(self, asked: Asked, done: Done, by: str, transaction: Transaction) -> int:
        """The customer last: until then the numbers are known by which a second run finds the rest. All rows done."""
        self._overwrite(transaction.db)
        rows = done.rows + self._customer(asked, transaction.db)
        values = {
            "at_us": to_us(self._clock()),
            "user_name": by,
            "what": "erased",
            "about": f"customer:{asked.code}" if asked.code else "number",
            "detail": f"calls={done.calls} files={done.files} rows={rows} left={len(done.left)}",
            "address": "",
        }
        transaction.db.execute(SQL["insert_audit"], values)
        return rows

    def _customer(self, asked: Asked, db: Db) -> int:
        """The numbers go, and with a customer all but the code: tickets and contracts hang on it."""
        contacts = _contacts(db, asked)
        # Out of the search first: found_by says which words are theirs.
        for code in {code for code, _ in contacts} | set(asked.codes):
            customers_found.forget(db, code)
        db.executemany(SQL["erase_contact"], [{"code": code, "phone": number} for code, number in contacts])
        for code in asked.codes:
            db.execute(SQL["erase_customer"], {"code": code, "name": MARK})
        customers_found.index(db, sorted({code for code, _ in contacts} | set(asked.codes[:1])))
        return len(contacts) + bool(asked.code)

    def _overwrite(self, db: Db) -> None:
        if self._scrub:
            db.execute("PRAGMA secure_delete = ON").fetchall()


_NAMED: dict[str, dict[str, Any]] = {
    "erase_notes": {"mark": MARK},
    "erase_moments": {},
    "erase_wrap_ups": {"number": NUMBER},
    "erase_links": {},
    "erase_recordings": {"state": RecordingState.EXPIRED.value},
}


def _customer(code: str, region: str, db: Db) -> Asked | str:
    """Whom a code means; a sentence when nobody."""
    kept = heir(db, code)
    if kept != code:
        return f"--customer: {code} was merged into {kept}: --customer {kept} erases both"
    row = db.execute(SQL["customer_by_code"], {"code": code}).fetchone()
    if row is None:
        return f"--customer: there is no customer {code!r}"
    merged = [gone for gone, *_ in db.execute(SQL["merged_codes"]).fetchall() if heir(db, gone) == code]
    contacts = db.execute(SQL["contacts_to_erase"], {"code": code}).fetchall()
    old_names = [name for (name,) in db.execute(SQL["names_merged_into"], {"code": code}).fetchall()]
    person = Person(region=region).also(
        numbers=[number for number, _ in contacts], names=[row[1], *(name for _, name in contacts), *old_names]
    )
    return Asked(person=person, code=code, codes=(code, *merged))


def _contacts(db: Db, asked: Asked) -> list[tuple[str, str]]:
    """(code, number) of the contacts that go."""
    if asked.code:
        rows = db.execute(SQL["contacts_to_erase"], {"code": asked.code}).fetchall()
        return [(asked.code, number) for number, _ in rows]
    return [
        (code, number)
        for number in sorted(asked.person.numbers)
        for (code,) in db.execute(SQL["codes_of_phone"], {"phone": number}).fetchall()
    ]


def _others(asked: Asked, db: Db) -> tuple[str, ...]:
    numbers = [{"phone": number} for number in asked.person.numbers]
    codes = {code for one in numbers for (code,) in db.execute(SQL["codes_of_phone"], one).fetchall()}
    return tuple(sorted(codes.difference(asked.codes)))


def _speaking_of(asked: Asked, first: int, last: int, db: Db) -> list[int]:
    """The groups among neighbours whose facts hold a number of theirs, or their code as it was keyed."""
    keyed = [f'"code":{json.dumps(code, ensure_ascii=False)}' for code in asked.codes]
    parts = [part.encode() for part in (*asked.person.tails, *keyed)]
    near = {group for group, text in packs.texts_between(db, first, last) if any(part in text for part in parts)}
    return [group for group in sorted(near) if _speaks_of(db, group, asked.person, keyed)]


def _speaks_of(db: Db, group: int, person: Person, keyed: Sequence[str]) -> bool:
    for raw in packs.facts_of(db, group):
        if any(part in raw.body for part in keyed):
            return True
        # Digits of a time or of a channel's id may look like theirs: those stay.
        if person.without_numbers(raw.body) != raw.body and erased(raw, person) != raw:
            return True
    return False


def _calls(db: Db, group: int) -> list[Any]:
    """(call_id, body, customer_code, ended_at_us)"""
    return db.execute(SQL["calls_to_erase"], {"id": group}).fetchall()


def _those_over(groups: Sequence[int], db: Db) -> list[int]:
    return [group for group in groups if all(ended is not None for *_, ended in _calls(db, group))]


def _whole_person(db: Db, asked: Asked, group: int) -> Person:
    """The person, and the number they called from or were called on when they are known by their code."""
    person = asked.person
    for _, body, code, _ in _calls(db, group):
        call = call_body.decode(body)
        if code not in asked.codes or not asked.code or call.direction is Direction.INTERNAL:
            continue
        person = person.calling(call.caller if call.direction is Direction.INBOUND else call.called)
    return person


def _holding(db: Db, transaction: Transaction, group: int, person: Person) -> list[str]:
    """Calls of a group that still hold something: it could not be folded, or its facts tell no call any more."""
    return [
        call_id
        for call_id, body, *_ in _calls(db, group)
        if transaction.marks.get(group) is Mark.BROKEN
        or person.without_numbers(text := msgspec.json.encode(call_body.decode(body)).decode()) != text
    ]


def _files_of(groups: Sequence[int], db: Db) -> list[SoundFile]:
    return [file for group in groups for file in _files(db, group)]


def _files(db: Db, group: int) -> list[SoundFile]:
    """The recordings of a group's calls, and the messages left in them."""
    files = [
        SoundFile(is_message=False, file=file, path=path)
        for call_id, *_ in _calls(db, group)
        for file, path in db.execute(SQL["recordings_to_erase"], {"call_id": call_id}).fetchall()
    ]
    channels = {(raw.node, raw.channel) for raw in packs.facts_of(db, group) if raw.channel}
    for node, channel in sorted(channels):
        rows = db.execute(SQL["messages_to_erase"], {"node": node, "channel": channel}).fetchall()
        files += [SoundFile(is_message=True, file=f"{name}.wav", path=path) for name, path in rows]
    return files


def _ticket_files(db: Db, asked: Asked) -> list[SoundFile]:
    """The messages that the tickets of a customer came with."""
    return [
        SoundFile(is_message=True, file=f"{name}.wav", path=path)
        for code in asked.codes
        for name, path in db.execute(SQL["messages_of_tickets"], {"code": code}).fetchall()
    ]
