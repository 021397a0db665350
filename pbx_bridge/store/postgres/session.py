"""One connection to the server: how it is opened, how values go over, and what its errors mean."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumperUnknown

from pbx_bridge.store.address import Address, mask
from pbx_bridge.values.hostile import encodable

_CONNECT_S = 5
# A server that vanished without a word is noticed within about 20 s instead of the kernel's quarter of an hour.
_OPTIONS: dict[str, Any] = {
    "autocommit": True,  # transactions are begun by name
    "application_name": "pbx_bridge",
    "connect_timeout": _CONNECT_S,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
# A write that waits for a lock, or a transaction left open by a frozen process, ends and is tried again.
_WRITING = ("synchronous_commit=on", "lock_timeout=5s", "idle_in_transaction_session_timeout=60s")
# Planned for the values of each time: how many calls there are of a queue or a month differs a thousandfold.
_READING = ("default_transaction_read_only=on", "statement_timeout=60s", "plan_cache_mode=force_custom_plan")

# https://www.postgresql.org/docs/15/errcodes-appendix.html: connection, transaction rolled back, resources, operator
# intervention, system error. Read-only (a standby), a lock not to be had, corruption. Not 54: a value too long.
_OPERATIONAL_CLASSES = ("08", "40", "53", "57", "58")
_OPERATIONAL = ("25006", "55P03", "XX001", "XX002")


class PgError(Exception):
    """What the server, or the way to it, refused. Its text is one line without the values of a row.

    Attributes:
        operational: worth another try as it is.
    """

    def __init__(self, reason: str, *, operational: bool) -> None:
        lines = reason.strip().splitlines()
        super().__init__(mask(lines[0]) if lines else "no reason was given")
        self.operational = operational

    @classmethod
    def of(cls, error: psycopg.Error) -> PgError:
        """What psycopg raised."""
        return cls(error.diag.message_primary or str(error), operational=_is_operational(error))


class _TextDumper(StrDumperUnknown):
    """Texts as PostgreSQL can keep them: it takes neither NUL nor lone surrogates, which callers may send."""

    def dump(self, obj: str) -> bytes:
        return storable(obj).encode()


def storable(text: str) -> str:
    """The text as PostgreSQL keeps it."""
    return encodable(text.replace("\0", "\ufffd"))


def options(address: Address, *, reading: bool) -> dict[str, Any]:
    """What `psycopg.connect` gets beside the address. The password is read anew each time: it may have changed.

    Raises OSError, UnicodeDecodeError for a password file that cannot be read.
    """
    settings = _READING if reading else _WRITING
    told = dict(_OPTIONS, options=" ".join(f"-c {setting}" for setting in (*settings, "jit=off")))
    if address.password_file is not None and address.password_file.exists():
        told["password"] = address.password_file.read_text(encoding="utf-8").strip()
    return told


def configure(connection: psycopg.Connection[Any]) -> None:
    """Make values go over alike each time: one statement then has one prepared form, which is kept."""
    connection.prepared_max = 1000
    connection.adapters.register_dumper(int, Int8Dumper)
    connection.adapters.register_dumper(str, _TextDumper)


def open_session(address: Address, *, reading: bool = False) -> psycopg.Connection[Any]:
    """A new connection. Raises PgError."""
    try:
        connection = psycopg.connect(address.url, **options(address, reading=reading))
    except psycopg.Error as error:
        raise PgError.of(error) from error
    except (OSError, UnicodeDecodeError) as error:
        raise PgError(f"{address.password_file}: {error}", operational=True) from error
    configure(connection)
    return connection


def _is_operational(error: psycopg.Error) -> bool:
    state = error.sqlstate
    if state is None:  # it did not come from the server: no connection, or lost
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state[:2] in _OPERATIONAL_CLASSES or state in _OPERATIONAL
