"""What a company has on its PBX: trunks to the world, queues, numbers, hours. Values only; `faults` judges them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from pbx_bridge.ivr.opening.holidays import DAY
from pbx_bridge.ivr.opening.hours import WEEKDAYS, Week
from pbx_bridge.values import own_number

STRATEGIES = (
    "ringall",
    "rrmemory",
    "rrordered",
    "linear",
    "leastrecent",
    "fewestcalls",
    "random",
    "wrandom",
)

_PRIVATE = tuple(
    ipaddress.IPv4Network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8")
)
_DIGIT = re.compile("[0-9X]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A line to the world.

    Attributes:
        host, port: where calls go, and where we register.
        username: who we are to the provider; empty: known by our address.
        register: the provider is told where we are.
        number: of ours, with or without +: shown to whom we call, and where a registered trunk's calls come in.
        addresses: the networks from which it calls us.
        srtp: voice is encrypted as well.
        qualify_s: asked every so many seconds whether it is there; 0: never.
    """

    name: str
    host: str
    port: int = 5060
    transport: Literal["udp", "tcp", "tls"] = "udp"
    username: str = ""
    password: str = field(default="", repr=False)
    register: bool = False
    number: str = ""
    addresses: tuple[str, ...] = ()
    srtp: bool = False
    qualify_s: int = 60

    @property
    def uri(self) -> str:
        """Where its SIP is."""
        kind = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"sip:{self.host}:{self.port}{kind}"

    @property
    def client_uri(self) -> str:
        """Whose place it is that we register."""
        return self.uri.replace("sip:", f"sip:{self.username}@", 1)

    @property
    def contact_user(self) -> str:
        """The number its calls come in with when it sends them to where we registered; empty: there is none."""
        digits = self.number.removeprefix("+") or self.username
        return digits if digits.isascii() and digits.isdigit() else ""

    @property
    def networks(self) -> tuple[str, ...]:
        """From where it calls us: as told, else its host, if that is an address."""
        try:
            return self.addresses or (f"{ipaddress.IPv4Address(self.host)}/32",)
        except ValueError:
            return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRule:
    """How a queue serves its callers. Times in seconds; None: as the plan has it.

    Attributes:
        members: None: every agent. penalties: by member; who has more is rung only when nobody with less is free.
        ring_s: one agent's phone. retry_s: between two rounds. wait_s: the longest wait.
        longest: no more callers than that wait; 0: any number.
    """

    members: tuple[str, ...] | None = None
    penalties: Mapping[str, int] = field(default_factory=dict)
    strategy: str = "rrmemory"
    ring_s: int = 20
    retry_s: int = 2
    wrap_up_s: int | None = None
    wait_s: int | None = None
    longest: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number of ours, or with X at its end a block of them.

    Attributes:
        pattern: as the admin wrote it. region: whose number it is where it has no country code.
        flow: what callers meet; empty: what everybody meets. language: before they have chosen; empty: the plan's.
        queue: where they go without the daemon; empty: the first one.
    """

    pattern: str
    flow: str = ""
    language: str = ""
    queue: str = ""
    region: str = "IR"

    @property
    def whole(self) -> str:
        """With + and country code, where it can have one: by this two numbers are compared."""
        return own_number.whole(self.pattern, self.region)

    @property
    def forms(self) -> tuple[str, ...]:
        """Every way in which a provider may write it."""
        return own_number.forms(self.pattern, self.region)

    @property
    def extensions(self) -> tuple[str, ...]:
        """The same as extensions of the dialplan."""
        return tuple(f"_{form}" if "X" in form else form for form in self.forms)

    @property
    def is_block(self) -> bool:
        """It stands for several."""
        return "X" in self.pattern

    def meets(self, other: Number) -> bool:
        """Some number is both."""
        return meet(self.whole, other.whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When people are at the queues, on a zone's clock."""

    week: Week
    zone: ZoneInfo

    def spans(self) -> Iterator[str]:
        """Each day's hours as GotoIfTime() has them: `08:00-16:59,sat,*,*,Asia/Tehran`, both minutes included."""
        for start, end in self.week.spans:
            for day in range(start // DAY, (end - 1) // DAY + 1):
                first, last = max(start, day * DAY) - day * DAY, min(end, (day + 1) * DAY) - day * DAY - 1
                yield f"{_clock(first)}-{_clock(last)},{WEEKDAYS[day % 7]},*,*,{self.zone.key}"


def meet(one: str, other: str) -> bool:
    """Some number is of both patterns, which are written in the same form."""
    alike = (a == b or ("X" in (a, b) and _DIGIT.match(a + b)) for a, b in zip(one, other, strict=False))
    return len(one) == len(other) and all(alike)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def is_private(network: str) -> bool:
    """No address of it is reached over the internet."""
    parsed = ipaddress.ip_network(network)
    return isinstance(parsed, ipaddress.IPv4Network) and any(parsed.subnet_of(one) for one in _PRIVATE)


def overlapping(networks: Sequence[str], others: Sequence[str]) -> str:
    """The first network of these that shares an address with one of the others; empty where none does."""
    parsed = [ipaddress.ip_network(other) for other in others]
    return next((n for n in networks if any(ipaddress.ip_network(n).overlaps(other) for other in parsed)), "")
