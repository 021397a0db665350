"""A real PostgreSQL server for tests: in a folder of its own, on a unix socket only, killed and started at will."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from pbx_bridge.store.address import Address
from pbx_bridge.store.migrate import apply, shipped
from pbx_bridge.store.postgres.db import PgDb
from pbx_bridge.store.postgres.partitions import Partitions

_USER = "pbx"
_MEMORY, _ROOM = Path("/dev/shm"), 2**30
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_SMALL = ("shared_buffers=16MB", "max_connections=60", "listen_addresses=", "max_wal_size=64MB", "wal_level=minimal")


def program(name: str) -> str | None:
    """The path of one of the server's programs; Debian keeps them apart."""
    found = [str(path) for path in Path("/usr/lib/postgresql").glob(f"*/bin/{name}")]
    return shutil.which(name) or next(iter(sorted(found, reverse=True)), None)


class Server:
    """One server. Its data live in `folder`, which belongs to a user other than root: initdb insists."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._folder, self._durable = folder, durable
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._has_tables = False

    def make(self) -> None:
        """Lay the data folder."""
        self._folder.chmod(0o711)
        data = self._folder / "data"
        data.mkdir(mode=0o700)
        user, group = _owner()
        if user and group:
            shutil.chown(data, user, group)
            shutil.chown(self._folder, user, group)
        initdb = [program("initdb") or "initdb", "-D", str(data), "-U", _USER, "-E", "UTF8", "--locale=C.UTF-8", "-N"]
        self._call([*initdb, "--auth=trust"])
        rules = "local all locked scram-sha-256\nlocal all all trust\n"  # one user has a password
        (data / "pg_hba.conf").write_text(rules, encoding="utf-8")

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = [*_SMALL, "max_wal_senders=0", f"unix_socket_directories={self._folder}"]
        if not self._durable:
            settings += _FAST
        command = [program("postgres") or "postgres", "-D", str(self._folder / "data")]
        for setting in settings:
            command += ["-c", setting]
        user, group = _owner()
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=user, group=group
            )
        self._until_it_answers()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends connections and shuts down, SIGQUIT is a crash, SIGKILL the worst."""
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(timeout=30)
        self._process = None

    def crash(self) -> None:
        """All of it is gone at once, nothing is written any more."""
        self.stop(signal.SIGQUIT)

    @property
    def folder(self) -> Path:
        """Where its socket is."""
        return self._folder

    def new_database(self, *, empty: bool = True) -> Address:
        """A database of its own, without tables or as a store opened for the first time leaves it."""
        self._made += 1
        name = f"t{self._made}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else self._opened_before()}")
        return self.address(name)

    def drop(self, address: Address) -> None:
        """Remove a database, whoever is in it."""
        self.sql(f"DROP DATABASE IF EXISTS {name_of(address)} WITH (FORCE)")

    def address(self, name: str, *, user: str = _USER, password_file: Path | None = None) -> Address:
        """A database's address."""
        return Address.parse(f"postgresql://{user}@/{name}?host={self._folder}", password_file)

    def sql(self, statement: str, database: str = "postgres") -> None:
        """Run a statement as the administrator."""
        with psycopg.connect(self.address(database).url, autocommit=True) as db:
            db.execute(statement.encode())

    def _opened_before(self) -> str:
        """The name of a database with all tables: copying it is quicker than making them."""
        name = "opened"
        if not self._has_tables:
            self.sql(f"CREATE DATABASE {name}")
            with psycopg.connect(self.address(name).url) as connection:
                apply(PgDb(connection), shipped("postgres"))
                Partitions().look_ahead(connection)
            self._has_tables = True
        return name

    def _until_it_answers(self) -> None:
        until = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.address("postgres").url, connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > until or (self._process and self._process.poll() is not None):
                    raise
                time.sleep(0.02)
            else:
                return

    def _call(self, command: list[str]) -> None:
        user, group = _owner()
        subprocess.run(command, check=True, capture_output=True, timeout=60, cwd=self._folder, user=user, group=group)


def name_of(address: Address) -> str:
    """The database's name."""
    return address.url.split("/")[3].split("?")[0]


@contextlib.contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """A new server until the end. What need not last lies in memory: a database takes a sixth of the time there."""
    folder = Path(tempfile.mkdtemp(prefix="pbx-pg-", dir=None if durable else _in_memory()))
    server = Server(folder, durable=durable)
    try:
        server.make()
        server.start()
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.crash()  # nothing of it is wanted any more
        shutil.rmtree(folder, ignore_errors=True)


def _in_memory() -> Path | None:
    """A folder in memory with room for it; None: there is none."""
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ROOM:
        return None
    return _MEMORY


def _owner() -> tuple[str, str] | tuple[None, None]:
    """User and group to run it as: not root."""
    if os.geteuid() != 0:
        return None, None
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return "nobody", "nogroup"
    return "postgres", "postgres"
