"""Everything that decides how the configuration looks, as one value; refuses what could break out of a line."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.modules import WANTED
from pbx_bridge.pbx.paths import PbxPaths
from pbx_bridge.pbx.version import Version

AGENTS = ("101", "102")
QUEUES = ("support", "services")
WRAP_UP_S = 5  # after a call from a queue; Asterisk tells nobody
RECORDED = ("inbound", "outbound", "internal")
MAILBOX = "600"

_SECRET = re.compile(r"[A-Za-z0-9_-]{16,}")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Networks that container engines give out, and this machine.
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")
_NUMBER = re.compile(r"[0-9]{1,15}")
_TRUNK = re.compile(r"127(\.[0-9]{1,3}){3}:[0-9]{1,5}")
_PARK_SLOTS = 9


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PbxSecrets:
    """Passwords that stand in Asterisk's configuration. Never printed: it has no readable repr."""

    ari: str
    ari_monitor: str
    ami: str
    agents: Mapping[str, str]

    def __post_init__(self) -> None:
        for text in (self.ari, self.ari_monitor, self.ami, *self.agents.values()):
            if not _SECRET.fullmatch(text):
                raise PbxError(
                    "a secret has at least 16 letters, digits, - and _ only: remove its file to get a new one"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the instance listens. RTP takes the even ports from `rtp_start` to `rtp_end`."""

    sip: int = 5060
    ari: int = 8088
    ami: int = 5038
    rtp_start: int = 10000
    rtp_end: int = 20000

    def __post_init__(self) -> None:
        if self.rtp_end - self.rtp_start < 4:
            raise PbxError(f"RTP needs some ports: {self.rtp_start}-{self.rtp_end} is too small")


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxPlan:
    """The whole configuration as values. Raises PbxError for a value that cannot be written.

    Attributes:
        extension: the number that agents dial to try the flow.
        app: the Stasis application's name.
        language: the channel language before a caller has chosen.
        dead_man_s: seconds a caller waits for a daemon that does not answer.
        queue_wait_s, fallback_wait_s: seconds in a queue, with and without the daemon.
        longest_call_s: seconds after which any call ends.
        ring_s, dial_s: seconds an agent's phone rings when dialled directly, and one of the world outside.
        park_s: seconds a caller stays parked.
        wrap_up_s: seconds in which no queue rings an agent who had a call.
        mailbox, park, conference: what agents dial, or send a caller to; the park slots follow `park`.
        trunk: `host:port` on loopback where agents' calls to the world go; empty: there is no way out.
        recorded: the directions of calls whose talks are recorded.
        container: Asterisk is alone in a container's network, and `host` is where its ports are published.
    """

    systemname: str
    paths: PbxPaths
    secrets: PbxSecrets
    version: Version
    ports: Ports = field(default_factory=Ports)
    modules: tuple[str, ...] = WANTED
    host: str = "127.0.0.1"
    extension: str = "100"
    app: str = "pbx_bridge"
    ari_user: str = "pbx_bridge"
    ami_user: str = "pbx_bridge"
    queues: tuple[str, ...] = QUEUES
    agents: tuple[str, ...] = AGENTS
    language: str = "fa"
    dead_man_s: int = 10
    queue_wait_s: int = 120
    fallback_wait_s: int = 90
    longest_call_s: int = 7200
    ring_s: int = 20
    dial_s: int = 60
    park_s: int = 60
    wrap_up_s: int = WRAP_UP_S
    mailbox: str = MAILBOX
    park: str = "700"
    conference: str = "800"
    trunk: str = ""
    recorded: tuple[str, ...] = RECORDED
    container: bool = False

    def __post_init__(self) -> None:
        for word in (self.systemname, self.app, self.ari_user, self.ami_user, self.language, *self.queues):
            if not _WORD.fullmatch(word):
                raise PbxError(f"{word!r} cannot be a name in Asterisk's configuration")
        self._check_extensions()
        if self.trunk and not _TRUNK.fullmatch(self.trunk):
            raise PbxError(f"{self.trunk!r} is no host:port on loopback for a trunk")
        _check_loopback(self.host)

    def _check_extensions(self) -> None:
        services = (self.extension, self.mailbox, self.park, self.conference)
        for number in (*services, *self.agents):
            if not _NUMBER.fullmatch(number):
                raise PbxError(f"{number!r} cannot be an extension")
        every = (*services, *self.park_slots)
        for number in every:
            if number in self.agents:
                raise PbxError(f"extension {number} is an agent's: choose another for the service")
            if every.count(number) > 1:
                raise PbxError(f"extension {number} is given twice")

    @property
    def park_slots(self) -> tuple[str, ...]:
        """The extensions that fetch a parked caller: those after the one that parks."""
        return tuple(str(int(self.park) + number) for number in range(1, _PARK_SLOTS + 1))

    @property
    def bind(self) -> str:
        """The address to listen on; in a container all of its own, since only published ports lead there."""
        return "0.0.0.0" if self.container else self.host  # noqa: S104

    @property
    def trusted(self) -> tuple[str, ...]:
        """Where the daemon may come from."""
        return _PRIVATE if self.container else (f"{self.host}/32",)

    @property
    def phones(self) -> tuple[str, ...]:
        """Where phones may call from; a published port shows them as the container network's gateway."""
        return _PRIVATE if self.container else ("127.0.0.0/8",)

    @property
    def entity_id(self) -> str:
        """Asterisk's own id; given, because it warns where it finds no network card to take it from."""
        digest = hashlib.sha256(f"{self.systemname} {self.paths.base}".encode()).hexdigest()
        return ":".join(("02", *(digest[i : i + 2] for i in range(0, 10, 2))))


def _check_loopback(host: str) -> None:
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError as error:
        raise PbxError(f"{host!r} is no IPv4 address") from error
    if not address.is_loopback:
        raise PbxError(f"{host} is no loopback address: the private Asterisk never listens outside this machine")
