"""Brings a store's tables to what this version expects: numbered files, each applied once, all in one transaction."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from pbx_bridge.errors import StoreError, StoreNewer

if TYPE_CHECKING:
    from pbx_bridge.store.database import Db

_NAME = re.compile(r"(\d{4})_\w+\.sql")
_TABLE = "CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY, checksum TEXT NOT NULL)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered file."""

    version: int
    text: str

    @property
    def checksum(self) -> str:
        """What shows that an applied file was changed afterwards."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def shipped(engine: str = "") -> list[Migration]:
    """The migrations of this version, in order: SQLite's, or those of the engine in a folder of that name."""
    folder = files("pbx_bridge.store").joinpath(engine).joinpath("migrations")
    found = [(_NAME.fullmatch(f.name), f) for f in folder.iterdir()]
    migrations = [Migration(version=int(m[1]), text=f.read_text(encoding="utf-8")) for m, f in found if m]
    return sorted(migrations, key=lambda migration: migration.version)


def migrate(db: sqlite3.Connection, migrations: Sequence[Migration]) -> int:
    """Apply what is missing and return how many were. Raises StoreNewer, StoreError; then nothing was applied."""
    if _has_all(db, migrations):  # without a lock: a daemon can start while another process holds the store
        return 0
    db.execute("BEGIN IMMEDIATE")
    try:
        applied = apply(db, migrations)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return applied


def _has_all(db: sqlite3.Connection, migrations: Sequence[Migration]) -> bool:
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'migration'").fetchone() is None:
        return False
    applied = dict(db.execute("SELECT version, checksum FROM migration").fetchall())
    _check(applied, migrations)
    return len(applied) == len(migrations)


def apply(db: Db, migrations: Sequence[Migration]) -> int:
    """The same inside a transaction of the caller's."""
    db.execute(_TABLE)
    applied = dict(db.execute("SELECT version, checksum FROM migration").fetchall())
    _check(applied, migrations)
    missing = [migration for migration in migrations if migration.version not in applied]
    for migration in missing:
        for statement in _statements(migration.text):
            db.execute(statement)
        values = {"version": migration.version, "checksum": migration.checksum}
        db.execute("INSERT INTO migration VALUES (:version, :checksum)", values)
    return len(missing)


def _check(applied: dict[int, str], migrations: Sequence[Migration]) -> None:
    known = {migration.version: migration.checksum for migration in migrations}
    for version, checksum in applied.items():
        if version not in known:
            raise StoreNewer(
                f"the store has version {version}, this pbx_bridge knows {max(known)}: use the newer one"
            )
        if known[version] != checksum:
            raise StoreError(f"migration {version:04} was changed after the store had it: restore the file as it was")


def _statements(text: str) -> Iterator[str]:
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
