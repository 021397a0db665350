"""A whole copy of a store in one file, of one moment, made while calls go on; and the way back.

SQLite: `VACUUM INTO`, one read transaction, so that no writer waits and none makes it begin anew.
PostgreSQL: its own `pg_dump`, `pg_restore` and `psql`, which must be of the server's version or newer.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

from pbx_bridge.errors import StoreError, StoreNewer
from pbx_bridge.store.address import Address, StorePlace
from pbx_bridge.store.migrate import shipped

Progress = Callable[[int, int], None]
"""(bytes written, bytes in all, about)"""

_STEPS = 200_000  # of SQLite's machine, between two looks at the file
_ASIDE = "before_restore_"  # and when: the schema of what was there
_SERVERS = Path("/usr/lib/postgresql")  # where Debian has the programs of each version


def file_name(place: StorePlace) -> str:
    """What the copy is called."""
    return "store.pgdump" if isinstance(place, Address) else "store.db"


def take(place: StorePlace, target: Path, progress: Progress) -> int:
    """Copy the store to a new file; the version of its tables. Raises StoreError, and leaves no half file."""
    try:
        if isinstance(place, Address):
            told = ["--format=custom", "--no-owner", f"--exclude-schema={_ASIDE}*", f"--file={target}", place.url]
            _run("pg_dump", told, place)
            return _pg_version(place)
        return _vacuum(place, target, progress)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def check(place: StorePlace, copy: Path) -> None:
    """Raises StoreNewer for a copy of a newer version's, StoreError for one that cannot be read."""
    if isinstance(place, Address):
        _run("pg_restore", ["--list", str(copy)], place)
        return
    try:
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as db:
            found = db.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreError(f"{copy}: {error}") from error
    if found != "ok":
        raise StoreError(f"{copy} is damaged: {found}")
    refuse_newer(copy, version(copy))


def refuse_newer(what: StorePlace, version: int) -> None:
    """Raises StoreNewer."""
    if version > (known := shipped()[-1].version):
        raise StoreNewer(f"{what} has version {version}, this pbx_bridge knows {known}: use the newer one")


def version(place: StorePlace) -> int:
    """The version of a store's tables. Raises StoreError: there is no store."""
    if isinstance(place, Address):
        return _pg_version(place)
    try:
        with closing(sqlite3.connect(f"{place.absolute().as_uri()}?mode=ro", uri=True)) as db:
            found: int = db.execute("SELECT MAX(version) FROM migration").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreError(f"{place}: {error}") from error
    return found


def is_there(place: StorePlace) -> bool:
    """Whether something would be replaced. Raises StoreError."""
    if isinstance(place, Address):
        return _pg_version(place) > 0
    return place.exists()


def put_back(place: Path, copy: Path) -> None:
    """Put a checked copy where the store of SQLite was; the place is free. Raises OSError."""
    shutil.copyfile(copy, partial := place.with_name(f"{place.name}.partial"))
    partial.chmod(0o600)
    _sync(partial)
    partial.rename(place)
    _sync(place.parent)


def put_back_on_server(address: Address, copy: Path, now: datetime) -> str:
    """The same for PostgreSQL; the schema into which goes what was there. Raises StoreError; nothing was changed."""
    aside, statements = f"{_ASIDE}{now:%Y%m%d_%H%M%S}", copy.with_name(f"{copy.name}.partial")
    first = f"ALTER SCHEMA public RENAME TO {aside}; CREATE SCHEMA public;"
    try:
        _run("pg_restore", ["--no-owner", f"--file={statements}", str(copy)], address)
        told = ["--single-transaction", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--dbname={address.url}"]
        _run("psql", [*told, f"--command={first}", f"--file={statements}"], address)
    finally:
        statements.unlink(missing_ok=True)
    return aside


def _vacuum(place: Path, target: Path, progress: Progress) -> int:
    try:
        with closing(sqlite3.connect(f"{place.absolute().as_uri()}?mode=ro", uri=True)) as db:
            pages, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))

            def look() -> int:
                progress(min(_size(target), pages * size), pages * size)
                return 0

            db.set_progress_handler(look, _STEPS)
            db.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from error  # it was pressed while SQLite was at work
        raise StoreError(f"{place} cannot be copied to {target}: {error}") from error
    progress(pages * size, pages * size)
    target.chmod(0o600)
    _sync(target)
    return version(target)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _pg_version(address: Address) -> int:
    """The version of the tables; 0: there are none."""
    from pbx_bridge.store.postgres.session import PgError, open_session  # its driver is not loaded without need

    try:
        with closing(open_session(address, reading=True)) as session:
            [there] = session.execute("SELECT to_regclass('migration') IS NOT NULL").fetchone() or [False]
            [found] = (session.execute("SELECT MAX(version) FROM migration").fetchone() or [0]) if there else [0]
    except PgError as error:
        raise StoreError(f"{address}: {error}") from error
    return found or 0


def _run(name: str, arguments: list[str], address: Address) -> None:
    done = subprocess.run(  # noqa: S603 - a program of the server's, no text of a caller
        [_program(name), *arguments], env=_environment(address), capture_output=True, text=True, check=False
    )
    if done.returncode:
        told = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise StoreError(f"{name}: {told[0]}")


def _program(name: str) -> str:
    if found := shutil.which(name):
        return found
    versions = sorted(_SERVERS.glob(f"*/bin/{name}"), key=lambda path: _number(path.parts[-3]))
    if not versions:
        raise StoreError(f"{name} is not installed; Debian has it in postgresql-client")
    return str(versions[-1])


def _number(text: str) -> float:
    return float(text) if text.replace(".", "", 1).isdigit() else 0.0


def _environment(address: Address) -> Mapping[str, str]:
    """The password goes neither on the command line nor into the folder."""
    from pbx_bridge.store.postgres.session import options

    password = options(address, reading=True).get("password")
    return {**os.environ, **({"PGPASSWORD": password} if password else {})}
