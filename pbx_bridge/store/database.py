"""What the store's code sees of a database, whichever engine it is: the same named SQL runs on both.

Db        inside the database's thread: statements with `:name` parameters. A plain sqlite3 connection is one.
Database  from the event loop: work that is a function of a Db, a transaction of it, or one query.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pbx_bridge.store.address import Address, StorePlace
from pbx_bridge.store.sqlite import OPERATIONAL, connect_sqlite
from pbx_bridge.store.sqlite_readers import connect_sqlite_readers

T = TypeVar("T")


class Rows(Protocol):
    """What a statement gave, as tuples."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed."""

    @property
    def description(self) -> Any:
        """A sequence for each column, its name first; None where a statement gives no rows."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """The rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Db(Protocol):
    """A connection, used in one thread."""

    def execute(self, statement: str, values: Any = ..., /) -> Rows:
        """Run one statement; `values` by parameter name."""

    def executemany(self, statement: str, rows: Iterable[Any], /) -> Rows:
        """Run one statement for each row of values."""


class Database(Protocol):
    """An open database."""

    async def run(self, work: Callable[[Db], T]) -> T:
        """The result of `work`, called with the connection in its thread, outside a transaction."""

    async def transact(self, work: Callable[[Db], T]) -> T:
        """The same inside a transaction that keeps all other writers out; committed unless `work` raises.

        The same `work` may be given again after an operational error: it is not done twice.
        """

    def version(self, db: Db) -> int:
        """A number that differs from the last transaction's when another process has written in between."""

    async def read(self, work: Callable[[Db], T]) -> T:
        """As `run`, for reading: what the engine refuses becomes a StoreError."""

    async def rows(self, statement: str, /, **values: Any) -> list[Any]:
        """Every row of a query, as tuples. Raises StoreError."""

    async def migrate(self) -> int:
        """Bring the tables to this version; how many files were applied. Raises StoreNewer, StoreError."""


@asynccontextmanager
async def connect(place: StorePlace, *, reading: bool = False) -> AsyncIterator[Database]:
    """An open database, for reading only or for writing. Raises StoreError."""
    match place:
        case Path() if reading:
            async with connect_sqlite_readers(place) as readers:
                yield readers
        case Path():
            async with connect_sqlite(place) as database:
                yield database
        case Address():
            from pbx_bridge.store.postgres import connect_postgres  # its driver is not loaded without need

            async with connect_postgres(place, reading=reading) as server:
                yield server


def is_operational(error: BaseException) -> bool:
    """True when the disk, the server or another process is in the way, not the statement: worth another try."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        return code & 0xFF in OPERATIONAL
    return getattr(error, "operational", False) is True
