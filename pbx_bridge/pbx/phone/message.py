"""SIP messages: text of one datagram to a value and back (RFC 3261 section 7). Pure and total.

Whatever bytes arrive, `parse` answers with a message or None; whatever values are given, `build` never lets one
of them end its own line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote

Headers = tuple[tuple[str, str], ...]

_COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
}
_TOKEN = r"[A-Za-z0-9.!%*_+`'~-]+"  # noqa: S105 - RFC 3261's word for a name, no secret
_REQUEST_LINE = re.compile(rf"({_TOKEN}) (\S+) SIP/2\.0", re.ASCII)
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2}) ?(.*)", re.ASCII)
_NAME = re.compile(_TOKEN, re.ASCII)
_URI = re.compile(r"sips?:(?:([^@\s<>]*)@)?([^@:;?\s<>]+)(?::([0-9]{1,5}))?([;?][^\s<>]*)?", re.ASCII | re.IGNORECASE)
_ADDRESS = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*?))\s*<([^<>]*)>(.*)', re.DOTALL)
_FORBIDDEN = re.compile(r"[\r\n\0]")
_MAX_HEADERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request. Header names are as written by its sender, see `header`."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""


Message = Request | Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Uri:
    """The parts of a sip: URI that a phone needs; `user` stays percent-encoded."""

    user: str
    host: str
    port: int

    @property
    def destination(self) -> tuple[str, int]:
        """Where a datagram to it goes."""
        return self.host, self.port

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        return f"sip:{user}{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The value of From, To or Contact."""

    display: str = ""
    uri: str = ""
    params: dict[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """The dialog tag, empty if there is none."""
        return self.params.get("tag", "")


def parse(datagram: bytes) -> Message | None:
    """The message in a datagram; None for anything that is not one."""
    head, separator, body = datagram.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not separator:
        return None
    first, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    headers = _parse_headers(lines)
    if headers is None:
        return None
    length = _header(headers, "content-length").strip()
    if length:
        if not (length.isascii() and length.isdigit()) or len(length) > 6 or int(length) > len(body):
            return None
        body = body[: int(length)]
    return _with_first_line(first, headers, body)


def _with_first_line(first: str, headers: Headers, body: bytes) -> Message | None:
    if status := _STATUS_LINE.fullmatch(first):
        return Response(status=int(status[1]), reason=status[2], headers=headers, body=body)
    if request := _REQUEST_LINE.fullmatch(first):
        return Request(method=request[1], uri=request[2], headers=headers, body=body)
    return None


def _parse_headers(lines: list[str]) -> Headers | None:
    unfolded: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and unfolded:
            unfolded[-1] += " " + line.strip()
        else:
            unfolded.append(line)
    if len(unfolded) > _MAX_HEADERS:
        return None
    headers = []
    for line in unfolded:
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name.rstrip()) or _FORBIDDEN.search(value):
            return None
        headers.append((name.rstrip(), value.strip()))
    return tuple(headers)


def build(message: Message) -> bytes:
    """The datagram of a message; Content-Length is added. Raises ValueError for a value with CR, LF or NUL."""
    if isinstance(message, Request):
        first = f"{message.method} {message.uri} SIP/2.0"
    else:
        first = f"SIP/2.0 {message.status} {message.reason}"
    lines = [first, *(f"{name}: {value}" for name, value in message.headers), f"Content-Length: {len(message.body)}"]
    for line in lines:
        if _FORBIDDEN.search(line):
            raise ValueError(f"a SIP line holds a line break: {line!r}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + message.body


def header(message: Message, name: str) -> str:
    """The first header of that name, in its long or compact form, in any case; empty if there is none."""
    return _header(message.headers, name)


def all_headers(message: Message, name: str) -> tuple[str, ...]:
    """Every header of that name, in order."""
    wanted = name.lower()
    return tuple(value for key, value in message.headers if _long(key) == wanted)


def _header(headers: Headers, name: str) -> str:
    wanted = name.lower()
    return next((value for key, value in headers if _long(key) == wanted), "")


def _long(name: str) -> str:
    lower = name.lower()
    return _COMPACT.get(lower, lower)


def cseq(message: Message) -> tuple[int, str]:
    """The sequence number and method of CSeq; (-1, "") if it is malformed."""
    number, _, method = header(message, "cseq").partition(" ")
    if not (number.isascii() and number.isdigit()) or len(number) > 10 or not method.strip():
        return -1, ""
    return int(number), method.strip()


def branch(message: Message) -> str:
    """The branch of the topmost Via; empty if it has none."""
    return params_of(header(message, "via").partition(",")[0]).get("branch", "")


def params_of(value: str) -> dict[str, str]:
    """The `;name=value` parameters of a header value, names in lower case."""
    found = {}
    for part in value.split(";")[1:]:
        name, _, told = part.partition("=")
        if name.strip():
            found[name.strip().lower()] = told.strip()
    return found


def parse_uri(text: str) -> Uri | None:
    """The sip: URI in a text, or None."""
    match = _URI.fullmatch(text.strip())
    if match is None or int(match[3] or "5060") not in range(1, 65536):
        return None
    return Uri(user=match[1] or "", host=match[2], port=int(match[3] or "5060"))


def parse_address(value: str) -> Address:
    """The parts of a From, To or Contact value; whatever cannot be read is empty."""
    match = _ADDRESS.fullmatch(value)
    if match is None:
        uri = value.partition(";")[0].strip()
        return Address(uri=uri, params=params_of(value))
    quoted, plain, uri, rest = match.groups()
    display = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) if quoted is not None else plain
    return Address(display=display, uri=uri.strip(), params=params_of(rest))


def address(uri: str, *, display: str = "", tag: str = "") -> str:
    """A From, To or Contact value; the display name is quoted and cannot break out."""
    shown = f'"{_quoted(display)}" ' if display else ""
    return f"{shown}<{uri}>" + (f";tag={tag}" if tag else "")


def _quoted(text: str) -> str:
    return _FORBIDDEN.sub(" ", text).replace("\\", "\\\\").replace('"', '\\"')


def user_part(number: str) -> str:
    """A number as the user part of a URI."""
    return quote(number, safe="+*-_.!~'()&=$")
