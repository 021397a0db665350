"""Where a store is: a file of SQLite's, or a database of a PostgreSQL server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

_SCHEMES = ("postgresql", "postgres")
_PASSWORD = re.compile(r"(?<=//)([^:/@\s]*):[^\s'\"]*@|((?:^|[?&\s])(?:ssl)?password=)[^&\s]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A database of a PostgreSQL server. Its text can be shown: it never holds a password.

    Attributes:
        url: `postgresql://user@host:port/database`, as libpq reads it, without a password.
        password_file: holds the password, where there is such a file; else libpq looks in ~/.pgpass.
    """

    url: str
    password_file: Path | None = None

    @classmethod
    def parse(cls, text: str, password_file: Path | None = None) -> Address:
        """The address of its text. Raises ValueError, which never repeats a password."""
        try:
            parts = urlsplit(text)
            told = parts.password, dict(parse_qsl(parts.query))
        except ValueError as error:
            raise ValueError(f"{mask(text)!r} is no address: {error}") from None
        if parts.scheme not in _SCHEMES:
            raise ValueError(f"{mask(text)!r} is no address of a store: postgresql://USER@HOST/DATABASE")
        if told[0] is not None or "@" in parts.path or {"password", "sslpassword"} & told[1].keys():
            raise ValueError("a password does not belong in the address: put it into HOME/secrets/postgres")
        if not parts.path.strip("/"):
            raise ValueError(f"{mask(text)!r} names no database: postgresql://USER@HOST/DATABASE")
        return cls(url=text, password_file=password_file)

    def __str__(self) -> str:
        return self.url


StorePlace = Path | Address


def mask(text: str) -> str:
    """The text with every password in it replaced by ***."""
    return _PASSWORD.sub(lambda m: f"{m[2]}***" if m[2] else f"{m[1]}:***@", text)
