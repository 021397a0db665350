"""URLs with places for arguments: nothing that is put in can lead elsewhere than the settings say. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlsplit

Scalar = str | int | float | bool

_LONGEST_URL, _LONGEST_VALUE = 500, 500
_ALLOWED = re.compile(r"^[A-Za-z0-9\-._~:/?@!$&'()*+,;=%{}\[\]#]+$")
_HOST = re.compile(r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$")
_PLACE = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}")
_LOOPBACK = re.compile(r"^(localhost|::1|127(\.[0-9]{1,3}){3})$")


@dataclass(frozen=True, slots=True)
class UrlTemplate:
    """A URL with `{argument}` in its path and its query.

    Attributes:
        server: scheme, host and port: these never change.
        is_private: what is sent is read by nobody on the way: TLS, or this machine itself.
    """

    server: str
    path: str
    query: str
    is_private: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError with what is wrong, without the text: an address may hold a secret."""
        if not (0 < len(text) <= _LONGEST_URL and _ALLOWED.match(text)):
            raise ValueError(f"a URL has up to {_LONGEST_URL} letters, digits and signs of URLs, without spaces")
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https"):
            raise ValueError("a URL begins with https:// or http://")
        if "@" in parts.netloc:
            raise ValueError("a URL holds no user and no password: they would stand in logs; use token_file")
        if "{" in parts.netloc or not _HOST.match(parts.netloc) or not _is_port(parts.netloc):
            raise ValueError("the host must be a fixed name or address, with a port or without")
        if "#" in text:
            raise ValueError("a URL of a service has no #")
        if set("{}") & set(_PLACE.sub("", f"{parts.path}?{parts.query}")):
            raise ValueError("{ and } stand round the name of an argument: small letters, digits and _")
        is_private = parts.scheme == "https" or bool(_LOOPBACK.match(parts.hostname or ""))
        return cls(f"{parts.scheme}://{parts.netloc}", parts.path or "/", parts.query, is_private)

    @property
    def arguments(self) -> frozenset[str]:
        """What must be put in."""
        return frozenset(_PLACE.findall(f"{self.path}?{self.query}"))

    def __str__(self) -> str:
        return f"{self.server}{self.path}" + (f"?{self.query}" if self.query else "")

    def fill(self, arguments: Mapping[str, Scalar]) -> str:
        """The URL with these put in, percent-encoded. Raises ValueError naming an argument, never its value."""
        path = "/".join(_segment(segment, arguments) for segment in self.path.split("/"))
        query = _PLACE.sub(lambda match: _encoded(match[1], arguments), self.query)
        return f"{self.server}{path}" + (f"?{query}" if query else "")


def _segment(segment: str, arguments: Mapping[str, Scalar]) -> str:
    """One part of a path; an argument in it makes it neither vanish nor lead upwards."""
    names = _PLACE.findall(segment)
    filled = _PLACE.sub(lambda match: _encoded(match[1], arguments), segment)
    for name in names:
        if filled in (".", "..") or not _text(name, arguments):
            raise ValueError(f"argument {name} cannot stand in a URL")
    return filled


def _encoded(name: str, arguments: Mapping[str, Scalar]) -> str:
    try:
        return quote(_text(name, arguments), safe="")
    except UnicodeEncodeError:  # half a character, from a caller
        raise ValueError(f"argument {name} cannot stand in a URL") from None


def _text(name: str, arguments: Mapping[str, Scalar]) -> str:
    if name not in arguments:
        raise ValueError(f"argument {name} is missing")
    value = arguments[name]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) > _LONGEST_VALUE or any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise ValueError(f"argument {name} cannot stand in a URL")
    return text


def _is_port(netloc: str) -> bool:
    _, colon, port = netloc.rpartition("]")[2].rpartition(":")
    return not colon or 1 <= int(port) <= 65535
