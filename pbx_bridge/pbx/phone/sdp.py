"""Session descriptions (RFC 4566) for one G.711 stream, and the choice between offer and answer. Pure."""

from __future__ import annotations

import enum
import ipaddress
from dataclasses import dataclass

PCMU, PCMA = 0, 8
TELEPHONE_EVENT = 101


class KeysBy(enum.Enum):
    """How keys travel. Asterisk's `auto_info` takes SIP INFO only from a phone that offers no RTP events."""

    RTP = "rtp"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Where the far end wants its audio and how.

    Attributes:
        host, port: UDP address of its RTP; port 0 means it wants none.
        codec: payload type we send, PCMA or PCMU.
        events: payload type of telephone-event; None if it takes none.
        sends: whether it sends audio to us (false while it holds us silently).
    """

    host: str
    port: int
    codec: int
    events: int | None
    sends: bool = True


def describe(
    host: str, port: int, *, keys: KeysBy, session: int, version: int = 1, direction: str = "sendrecv"
) -> bytes:
    """Our own description: PCMA before PCMU, RTP events where they are wanted."""
    lines = [
        "v=0",
        f"o=- {session} {version} IN IP4 {host}",
        "s=pbx_bridge",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {PCMA} {PCMU}" + (f" {TELEPHONE_EVENT}" if keys is KeysBy.RTP else ""),
        f"a=rtpmap:{PCMA} PCMA/8000",
        f"a=rtpmap:{PCMU} PCMU/8000",
    ]
    if keys is KeysBy.RTP:
        lines += [f"a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000", f"a=fmtp:{TELEPHONE_EVENT} 0-16"]
    lines += ["a=ptime:20", f"a={direction}"]
    return "\r\n".join([*lines, ""]).encode()


def parse(body: bytes) -> Media | None:
    """The far end's audio stream; None if the description holds none that we can use."""
    host, audio, attributes = _lines(body.decode("utf-8", "replace"))
    parts = audio.split()
    if len(parts) < 4 or not _is_number(parts[1], 65535):
        return None
    codec = next((int(p) for p in parts[3:] if p in (str(PCMA), str(PCMU))), None)
    if codec is None or not _is_address(host):
        return None
    silent = "inactive" in attributes or "recvonly" in attributes
    return Media(host=host, port=int(parts[1]), codec=codec, events=_events(attributes, parts[3:]), sends=not silent)


def _lines(text: str) -> tuple[str, str, list[str]]:
    """The connection address, the first audio line's value, and the attributes that speak of it."""
    host, audio, attributes, ours = "", "", list[str](), True
    for line in text.splitlines():
        kind, _, value = line.partition("=")
        match kind:
            case "m":
                ours = not audio and value.startswith("audio ")
                audio = value if ours else audio
            case "c" if ours:
                host = value.split()[-1].partition("/")[0] if value.split() else ""
            case "a" if ours:
                attributes.append(value.strip())
            case _:
                pass
    return host, audio, attributes


def _events(attributes: list[str], offered: list[str]) -> int | None:
    for attribute in attributes:
        name, _, value = attribute.partition(":")
        payload, _, encoding = value.partition(" ")
        known = name == "rtpmap" and encoding.lower().startswith("telephone-event/8000")
        if known and payload in offered and _is_number(payload, 127):
            return int(payload)
    return None


def _is_number(text: str, highest: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= highest


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
