"""Customers as they are found while somebody types: by a word of a name, a code, a number in any form.

    customer, contacts ─► found_by: their names folded ─► customer_word: a row for each place where a search may begin

Both are written in the transaction that writes the customer. A search walks the rows that begin with the rarest word
typed, and looks at found_by for the others; its work is bounded, and it tells when it stopped before the end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import structlog

from pbx_bridge.errors import StoreError
from pbx_bridge.store.crm import plain_code
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.heirs import heir
from pbx_bridge.store.sql import SQL
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.writer import Writer
from pbx_bridge.tasks import beside
from pbx_bridge.values import phone
from pbx_bridge.values.letters import Asked, Line

log = structlog.get_logger()

_LONGEST = 24  # letters of a row of customer_word; a longer search looks at the whole name
_MOST = 30  # places in one name where a search may begin
_COUNTED = 500  # rows counted to see which word is the rarest
_FIRST_WINDOW, _WINDOW = 60, 400
_SECONDS = 0.02  # no further window is begun after so long
_BARE = 1000  # customers looked at whose words are not worked out yet
_LEAST_DIGITS = 3
_AFTER_ALL = "\U0010ffff"
_AT_ONCE = 500
_SHARE = 3.0  # after each transaction of the walk, so many times as long for others
_TOGETHER = 100
# Joined one by one: a server that knows nothing yet of a table being filled would read it whole for each list.
_SOME = f"(VALUES {', '.join(f'(:code{number})' for number in range(_TOGETHER))}) AS w"
_TO_INDEX = (
    f"SELECT code, name, found_by FROM {_SOME}"  # noqa: S608
    " CROSS JOIN customer ON customer.code = w.column1 WHERE customer.code <> ''"
)
_CONTACT_NAMES = (
    f"SELECT customer_code, contact.name FROM {_SOME}"  # noqa: S608
    " CROSS JOIN contact ON contact.customer_code = w.column1 WHERE contact.phone_e164 <> ''"
    " ORDER BY customer_code, phone_e164"
)
_ROWS = 100
_PUT = SQL["put_customer_word"].replace(
    "(:word, :code, :own)", ", ".join(f"(:word{row}, :code{row}, :own{row})" for row in range(_ROWS))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A customer who was found. `phone`: the E.164 number by which, or empty."""

    code: str
    name: str
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCustomers:
    """What was found, the likeliest first. `more`: there are others, or not all could be looked at."""

    hits: tuple[Hit, ...] = ()
    more: bool = False


@dataclass(slots=True)
class _Hits:
    limit: int
    by_code: dict[str, Hit] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        return len(self.by_code) > self.limit

    def add(self, hit: Hit) -> None:
        if not self.full:
            self.by_code.setdefault(hit.code, hit)


def index(db: Db, codes: Iterable[str]) -> None:
    """Work out by what these customers are found, as they stand in this transaction. What stands right is left."""
    told = list(dict.fromkeys(codes))
    for start in range(0, len(told), _TOGETHER):
        _index(db, told[start : start + _TOGETHER])


def _index(db: Db, codes: Sequence[str]) -> None:
    filled = [*codes, *[None] * (_TOGETHER - len(codes))]  # one text, prepared once
    values = {f"code{number}": code for number, code in enumerate(filled)}
    names: dict[str, list[str]] = {}
    for code, name in db.execute(_CONTACT_NAMES, values).fetchall():
        names.setdefault(code, []).append(name)
    drops: list[dict[str, Any]] = []
    puts: list[dict[str, Any]] = []
    texts: list[dict[str, Any]] = []
    for code, name, before in db.execute(_TO_INDEX, values).fetchall():
        text = _text(code, name, names.get(code, ()))
        if text == before:
            continue
        was, becomes = _words(before or ""), _words(text)
        drops += [{"word": word, "code": code} for word in was if word not in becomes]
        puts += [{"word": word, "code": code, "own": own} for word, own in becomes.items() if was.get(word) != own]
        texts.append({"code": code, "found_by": text})
    if drops:
        db.executemany(SQL["drop_customer_word"], drops)
    _put(db, puts)
    if texts:
        db.executemany(SQL["set_found_by"], texts)


def _put(db: Db, rows: Sequence[dict[str, Any]]) -> None:
    """Many in one statement: one for each row takes a server several times as long; an import brings a million."""
    whole = len(rows) - len(rows) % _ROWS
    for start in range(0, whole, _ROWS):
        some = enumerate(rows[start : start + _ROWS])
        db.execute(_PUT, {f"{name}{at}": value for at, row in some for name, value in row.items()})
    if whole < len(rows):
        db.executemany(SQL["put_customer_word"], rows[whole:])


def forget(db: Db, code: str) -> None:
    """A customer is about to be deleted: found by nothing."""
    row = db.execute(SQL["customer_found_by"], {"code": code}).fetchone()
    words = _words((row and row[0]) or "")
    if words:
        db.executemany(SQL["drop_customer_word"], [{"word": word, "code": code} for word in words])


class Finder:
    """Searches. Every method may raise StoreError."""

    def __init__(self, writer: Writer, reader: Database, region: str = "IR") -> None:
        self._writer, self._reader, self._region = writer, reader, region

    async def find(self, text: str, limit: int = 20, *, whole_numbers: bool = False) -> FoundCustomers:
        """Customers by what a person typed, or has typed so far.

        Args:
            whole_numbers: numbers count only as a whole: whoever may not see them could find them out by their
                beginnings.
        """
        return await self._reader.read(lambda db: find(db, text, limit, self._region, whole_numbers=whole_numbers))

    async def step(self, limit: int = _AT_ONCE) -> int:
        """Work out the words of some customers from before there was a search; how many there were."""
        return await self._writer.submit(lambda tx: _index_some(tx, limit))

    def running(self) -> AbstractAsyncContextManager[None]:
        """Work them out while this is open, until all are."""
        return beside(self._run(), name="store-customers")

    async def _run(self) -> None:
        while True:
            begun = time.monotonic()
            try:
                left = await self.step()
            except StoreError:  # they are found all the same, if more slowly
                log.exception("customers_not_indexed")
                left = 1
            if not left:
                return
            await asyncio.sleep((time.monotonic() - begun) * _SHARE)


def find(
    db: Db, text: str, limit: int, region: str = "IR", *, own: bool = False, whole_numbers: bool = False
) -> FoundCustomers:
    """See Finder. `own`: by the customer's own name and code alone, not by numbers or by those who work there."""
    asked, hits = Asked.of(text), _Hits(limit)
    if not asked.whole:
        return FoundCustomers()
    more = False
    code = heir(db, plain_code(text))
    if exact := db.execute(SQL["customer_by_code"], {"code": code}).fetchone():
        hits.add(Hit(code=exact[0], name=exact[1]))
    if not own:
        for low in _numbers(text, region, whole=whole_numbers):
            for hit in _by_phone(db, low, limit + 1, whole=whole_numbers):
                hits.add(hit)
    for walked in dict.fromkeys((asked.whole, _rarest(db, asked))):
        more |= _walk(db, walked, asked, hits, own=own)
    more |= _bare(db, asked, hits)
    told = tuple(hits.by_code.values())
    return FoundCustomers(hits=told[:limit], more=more or len(told) > limit)


def _text(code: str, name: str, contacts: Sequence[str]) -> str:
    """What stands in found_by."""
    lines = (" ".join(Line.of(text).parts) for text in (name, code, *contacts))
    name_line, code_line, *others = lines
    return "\n".join((name_line, code_line, *dict.fromkeys(line for line in others if line)))


def _lines(text: str, *, own: bool = False) -> list[Line]:
    lines = [Line(tuple(line.split())) for line in text.split("\n")]
    return lines[:2] if own else lines


def _words(text: str) -> dict[str, int]:
    """The rows of customer_word that a found_by stands for: whether each is the customer's own."""
    words: dict[str, int] = {}
    if not text:
        return words
    for place, line in enumerate(_lines(text)):
        for tail in line.tails[:_MOST]:
            words.setdefault(tail[:_LONGEST], int(place < 2))
    return words


def _rarest(db: Db, asked: Asked) -> str:
    if len(asked.words) == 1:
        return asked.words[0]
    counts = []
    for word in asked.words:
        values = {"low": word[:_LONGEST], "high": word[:_LONGEST] + _AFTER_ALL, "most": _COUNTED}
        counts.append((db.execute(SQL["count_customer_words"], values).fetchall()[0][0], -len(word), word))
    return min(counts)[2]


def _walk(db: Db, word: str, asked: Asked, hits: _Hits, *, own: bool) -> bool:
    """Add those with a word that begins so; True when it was stopped before the end."""
    low, until = word[:_LONGEST], time.perf_counter() + _SECONDS
    window = _FIRST_WINDOW  # of a common word the first customers will do
    values = {"from_word": low, "from_code": "", "limit": window}
    while not hits.full:
        rows = db.execute(SQL["customers_by_word"], values).fetchall()
        for begin, code, is_own, name, text in rows:
            if not begin.startswith(low):
                return False
            if own and not is_own:
                continue
            if _likely(text, asked) and asked.finds(_lines(text, own=own)):
                hits.add(Hit(code=code, name=name))
        if len(rows) < window:
            return False
        if time.perf_counter() > until:
            return True
        window = _WINDOW
        values |= {"from_word": rows[-1][0], "from_code": rows[-1][1], "limit": window}
    return True


def _likely(text: str, asked: Asked) -> bool:
    """Whether each word stands somewhere, which most candidates fail: to look where takes ten times as long."""
    solid = text.replace(" ", "")
    return all(word in solid for word in asked.words)


def _bare(db: Db, asked: Asked, hits: _Hits) -> bool:
    """The same of customers whose words are not worked out yet, by name and code alone; True if there are many."""
    rows = db.execute(SQL["customers_to_index"], {"limit": _BARE}).fetchall()
    for code, name in rows:
        if asked.finds((Line.of(name), Line.of(code))):
            hits.add(Hit(code=code, name=name))
    return len(rows) == _BARE


def _by_phone(db: Db, low: str, limit: int, *, whole: bool) -> Iterator[Hit]:
    values = {"low": low, "high": low + ("!" if whole else ":"), "limit": limit}  # before and after every digit
    for number, code, name in db.execute(SQL["customers_by_phone_start"], values).fetchall():
        yield Hit(code=code, name=name, phone=number)


def _numbers(text: str, region: str, *, whole: bool) -> Sequence[str]:
    """How E.164 numbers begin that a person may mean who typed this, or so far."""
    plain = phone.bare(text)
    if any(char.isalpha() for char in plain) or not plain:
        return ()
    exact = phone.to_e164(plain, region)
    figures = "".join(char for char in plain if char.isdigit())
    if exact is not None or whole:
        return (exact,) if exact else ()
    if len(figures) < _LEAST_DIGITS:
        return ()
    if plain.startswith("+"):
        return (f"+{figures}",)
    if figures.startswith("00"):
        return (f"+{figures[2:]}",) if len(figures) > _LEAST_DIGITS else ()
    trunk, country = phone.trunk_prefix(region), phone.country_code(region)
    if trunk and figures.startswith(trunk):
        return (f"+{country}{figures[len(trunk) :]}",)
    area = phone.area_code(region)
    local = (f"+{country}{area}{figures}",) if area else ()
    return (*local, f"+{country}{figures}", f"+{figures}")


def _index_some(transaction: Transaction, limit: int) -> int:
    db = transaction.db
    rows = db.execute(SQL["customers_to_index"], {"limit": limit}).fetchall()
    index(db, [row[0] for row in rows])
    return len(rows)
