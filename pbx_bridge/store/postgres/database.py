"""The Database protocol over a server: a writing connection in a thread of its own, a pool for reading.

A connection that is lost is opened anew by the next try. When it is lost in the very COMMIT, the server is asked
what became of that transaction, so that nothing is done twice.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

from pbx_bridge.errors import StoreError
from pbx_bridge.store.address import Address
from pbx_bridge.store.database import Database, Db
from pbx_bridge.store.migrate import apply, shipped
from pbx_bridge.store.postgres.db import PgDb
from pbx_bridge.store.postgres.partitions import Partitions
from pbx_bridge.store.postgres.session import PgError, configure, open_session, options

T = TypeVar("T")

_READERS = 4
_POOL_WAIT_S = 2.0  # a caller may be waiting for the answer
_NOBODY, _COPY = 0, -1  # holders of store_turn before any other
_MIGRATING = 0x7062785F  # the advisory lock's number, ours alone

# The one row of store_turn is the writers' lock, and tells whose transaction was the last.
_BEGIN = "BEGIN; SELECT turn, holder, CAST(pg_current_xact_id() AS TEXT) FROM store_turn FOR UPDATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    """A transaction whose COMMIT was not answered."""

    work: Callable[..., Any]
    result: Any
    xid: str


class _Session(Protocol):
    def __call__(self, work: Callable[[Db], T]) -> T: ...


class _Threaded:
    """What reading and writing have in common."""

    def __init__(self, threads: int, session: _Session) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="store-postgres")
        self._session = session

    async def _hop(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def run(self, work: Callable[[Db], T]) -> T:
        """See Database."""
        return await self._hop(lambda: self._session(work))

    async def read(self, work: Callable[[Db], T]) -> T:
        """See Database."""
        try:
            return await self.run(work)
        except PgError as error:
            raise StoreError(f"the store cannot be read: {error}") from error

    async def rows(self, statement: str, /, **values: Any) -> list[Any]:
        """See Database."""
        return await self.read(lambda db: db.execute(statement, values).fetchall())


class PgWriter(_Threaded):
    """The writing connection.

    Args:
        address: the database.
        copying: its only writer so far is `db copy`, and has to stay so.
    """

    def __init__(self, address: Address, *, copying: bool = False) -> None:
        super().__init__(1, self._with_session)
        self._address, self._copying = address, copying
        self._db: PgDb | None = None
        self._holder, self._version = 0, 0
        self._partitions = Partitions()
        self._doubt: _Doubt | None = None

    async def open(self) -> None:
        """Connect. Raises PgError."""
        await self._hop(self._connected)

    async def close(self) -> None:
        """Disconnect."""
        await self._hop(self._drop)
        self._threads.shutdown()

    async def transact(self, work: Callable[[Db], T]) -> T:
        """See Database."""
        return await self._hop(lambda: self._transact(work))

    def version(self, db: Db) -> int:
        """See Database."""
        return self._version

    async def migrate(self) -> int:
        """See Database."""
        return await self.run(_migrate)

    def _connected(self) -> PgDb:
        if self._db is None:
            self._partitions.forget()
            self._db = PgDb(open_session(self._address), self._partitions)
            # A new name after each loss: what stands on a server that came back from a backup is not remembered.
            self._holder = _COPY if self._copying else secrets.randbelow(2**62) + 1
        return self._db

    def _drop(self) -> None:
        if self._db is not None:
            with suppress(psycopg.Error):
                self._db.connection.close()
            self._db = None

    def _with_session(self, work: Callable[[Db], T]) -> T:
        db = self._connected()
        try:
            return work(db)
        except BaseException:
            self._recover(db)
            raise

    def _transact(self, work: Callable[[Db], T]) -> T:
        return self._with_session(lambda _: self._transacted(self._connected(), work))

    def _transacted(self, db: PgDb, work: Callable[[Db], T]) -> T:
        doubt, self._doubt = self._doubt, None
        if doubt is not None and doubt.work is work:
            try:
                if _was_committed(db, doubt):
                    done: T = doubt.result
                    return done
            except BaseException:
                self._doubt = doubt
                raise
        xid = self._begin(db)
        result = work(db)
        self._doubt = _Doubt(work=work, result=result, xid=xid)
        db.execute("COMMIT")
        self._doubt = None
        return result

    def _begin(self, db: PgDb) -> str:
        try:
            cursor = db.connection.execute(_BEGIN)
            cursor.nextset()
            turn, holder, xid = cursor.fetchone() or (0, 0, "")
            if self._copying and holder not in (_NOBODY, _COPY):
                raise StoreError(f"{self._address} is in use: what came there since would be lost by copying over it")
            if holder != self._holder:
                turn += 1
                db.execute("UPDATE store_turn SET turn = :turn, holder = :me", {"turn": turn, "me": self._holder})
            self._version = turn
            self._partitions.look_ahead(db.connection)
        except psycopg.Error as error:
            raise PgError.of(error) from error
        return str(xid)

    def _recover(self, db: PgDb) -> None:
        """Leave a connection that can be used again, or none."""
        self._partitions.forget()
        try:
            if db.connection.info.transaction_status != TransactionStatus.IDLE:
                db.connection.execute("ROLLBACK")
        except psycopg.Error:
            self._drop()
        else:
            if db.connection.closed:
                self._drop()
            else:
                self._doubt = None  # the server answered: it was not committed


class PgReader(_Threaded):
    """The pool of reading connections."""

    def __init__(self, address: Address) -> None:
        super().__init__(_READERS, self._with_session)
        self._pool: ConnectionPool[Any] = ConnectionPool(
            address.url,
            kwargs=lambda: options(address, reading=True),
            min_size=1,
            max_size=_READERS,
            num_workers=1,
            timeout=_POOL_WAIT_S,
            reconnect_timeout=1.0,  # else it waits longer and longer, and reads go on failing when the server is back
            open=False,
            configure=configure,
            check=ConnectionPool.check_connection,
        )

    async def open(self) -> None:
        """Connect. Raises PgError."""
        await self._hop(self._open)

    async def close(self) -> None:
        """Disconnect."""
        await self._hop(self._pool.close)
        self._threads.shutdown()

    async def transact(self, work: Callable[[Db], T]) -> T:
        """Refused: a reading connection."""
        raise StoreError("this connection only reads")

    def version(self, db: Db) -> int:
        """Known to writers only."""
        return 0

    async def migrate(self) -> int:
        """Refused: a reading connection."""
        raise StoreError("this connection only reads")

    def _open(self) -> None:
        try:
            self._pool.open(wait=True, timeout=_POOL_WAIT_S)
        except psycopg.Error as error:
            raise PgError.of(error) from error

    def _with_session(self, work: Callable[[Db], T]) -> T:
        try:
            with self._pool.connection() as connection:
                return work(PgDb(connection))
        except psycopg.Error as error:
            raise PgError.of(error) from error


@asynccontextmanager
async def connect_postgres(
    address: Address, *, reading: bool = False, copying: bool = False
) -> AsyncIterator[Database]:
    """An open database, for reading only or for writing. Raises StoreError."""
    database = PgReader(address) if reading else PgWriter(address, copying=copying)
    try:
        try:
            await database.open()
        except (PgError, OSError, UnicodeDecodeError) as error:
            raise StoreError(f"{address}: the store cannot be opened: {error}") from error
        yield database
    finally:
        await database.close()


def _migrate(db: Db) -> int:
    db.execute("BEGIN")
    db.execute("SELECT pg_advisory_xact_lock(:lock)", {"lock": _MIGRATING})
    applied = apply(db, shipped("postgres"))
    db.execute("COMMIT")
    return applied


def _was_committed(db: PgDb, doubt: _Doubt) -> bool:
    """What the server says. Raises PgError while the transaction is still under way there."""
    try:
        row = db.connection.execute("SELECT pg_xact_status(CAST(%s AS xid8))", (doubt.xid,)).fetchone()
    except psycopg.errors.InvalidParameterValue:  # a server that never came so far: restored from a backup
        return False
    except psycopg.Error as error:
        raise PgError.of(error) from error
    if row == ("in progress",):
        raise PgError("the server has not yet ended the transaction that was cut off", operational=True)
    return row == ("committed",)
