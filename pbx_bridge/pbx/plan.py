"""Everything that decides how the configuration looks, as one value; refuses what could break out of a line."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pbx_bridge.errors import PbxError, PlanRefused
from pbx_bridge.pbx.faults import faults_of
from pbx_bridge.pbx.house import Hours, Number, QueueRule, Trunk, is_private
from pbx_bridge.pbx.modules import WANTED
from pbx_bridge.pbx.paths import PbxPaths
from pbx_bridge.pbx.remote import RemoteDaemon
from pbx_bridge.pbx.version import Version

AGENTS = ("101", "102")
QUEUES = ("support", "services")
WRAP_UP_S = 5  # after a call from a queue; Asterisk tells nobody
RECORDED = ("inbound", "outbound", "internal")
MAILBOX = "600"

_SECRET = re.compile(r"[A-Za-z0-9_-]{16,}")
# Networks that container engines give out, and this machine.
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")
_PARK_SLOTS = 9
_LOCAL = ("127.0.0.1/32",)
_ANY = "0.0.0.0"  # noqa: S104 - it is asked for by pbx.sip_host, and closed to whom nobody named


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
    sip_tls: int = 5061
    ari: int = 8088
    ami: int = 5038
    rtp_start: int = 10000
    rtp_end: int = 20000


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxPlan:
    """The whole configuration as values. Raises PlanRefused naming everything that does not fit together.

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
        sip_host: where phones and trunks reach it; empty: `host`. sip_outside: its address behind a router.
        phone_networks: where agents' phones are; empty: private networks.
        sip_certificate, sip_key, sip_authorities: files, by the names Asterisk has for them; empty: no TLS.
        trunks: lines to the world. out: those for calls to the outside, the first that works.
        agent_names: what phones show of an agent. queue_rules: of the queues that are not as all are.
        numbers: those of ours that differ from others. hours: when people are at the queues; None: at any hour.
        remote: ARI and AMI over TLS for a daemon elsewhere; None: they are on loopback only.
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
    sip_host: str = ""
    sip_outside: str = ""
    phone_networks: tuple[str, ...] = ()
    sip_certificate: str = ""
    sip_key: str = ""
    sip_authorities: str = "/etc/ssl/certs/ca-certificates.crt"
    trunks: tuple[Trunk, ...] = ()
    out: tuple[str, ...] = ()
    agent_names: Mapping[str, str] = field(default_factory=dict)
    queue_rules: Mapping[str, QueueRule] = field(default_factory=dict)
    numbers: tuple[Number, ...] = ()
    hours: Hours | None = None
    remote: RemoteDaemon | None = None

    def __post_init__(self) -> None:
        if faults := tuple(faults_of(self)):
            raise PlanRefused(faults)

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
        elsewhere = self.remote.networks if self.remote is not None else ()
        return (*(_PRIVATE if self.container else (f"{self.host}/32",)), *elsewhere)

    @property
    def phones(self) -> tuple[str, ...]:
        """Where phones may call from; a published port shows them as the container network's gateway."""
        if self.phone_networks:
            return self.phone_networks
        return _PRIVATE if self.container or self.is_open else ("127.0.0.0/8",)

    @property
    def callers(self) -> tuple[str, ...]:
        """Whoever calls from here without being known calls as if from outside: for trying, and for the doctor."""
        return _LOCAL if self.trunks or self.is_open else self.phones

    @property
    def allowed(self) -> tuple[str, ...]:
        """Where SIP may come from at all; everybody else is refused. Empty: it listens on loopback alone."""
        trunks = (network for trunk in self.trunks for network in trunk.networks)
        return _merged((*_LOCAL, *self.phones, *trunks)) if self.is_open else ()

    @property
    def near(self) -> tuple[str, ...]:
        """The networks whose machines reach us without a router that translates."""
        return _merged((*_LOCAL, *filter(is_private, self.phones)))

    @property
    def sip_bind(self) -> str:
        """The address SIP listens on."""
        return self.bind if self.container else self.sip_host or self.host

    @property
    def is_open(self) -> bool:
        """Other machines reach its SIP."""
        return not self.container and not self.sip_bind.startswith("127.")

    @property
    def media(self) -> str:
        """The address of voice; empty: whichever the far end sees us by."""
        return "" if self.container or self.sip_bind == _ANY else self.sip_bind

    @property
    def ways_out(self) -> tuple[str, ...]:
        """The trunks for calls to the outside, in their order; empty: there is no way out."""
        return ("trunk",) if self.trunk else self.out

    def rule(self, queue: str) -> QueueRule:
        """How a queue serves its callers, with nothing left open."""
        told = self.queue_rules.get(queue, QueueRule())
        return replace(
            told,
            members=self.agents if told.members is None else told.members,
            wrap_up_s=self.wrap_up_s if told.wrap_up_s is None else told.wrap_up_s,
            wait_s=self.queue_wait_s if told.wait_s is None else told.wait_s,
        )

    @property
    def needs(self) -> tuple[str, ...]:
        """The modules that this configuration needs beside those that every one does."""
        registers = any(trunk.register for trunk in self.trunks)
        encrypts = any(trunk.srtp for trunk in self.trunks) or bool(self.sip_certificate)
        named = (("res_pjsip_outbound_registration", registers), ("res_srtp", encrypts))
        return tuple(name for name, needed in named if needed)

    @property
    def entity_id(self) -> str:
        """Asterisk's own id; given, because it warns where it finds no network card to take it from."""
        digest = hashlib.sha256(f"{self.systemname} {self.paths.base}".encode()).hexdigest()
        return ":".join(("02", *(digest[i : i + 2] for i in range(0, 10, 2))))


def _merged(networks: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(str, ipaddress.collapse_addresses(map(ipaddress.IPv4Network, networks))))
