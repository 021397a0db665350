"""The settings of the PBX, of which all of `asterisk-conf/` is made: trunks, agents, queues, numbers.

What a value looks like is refused here; what does not fit together, such as a member who is no agent, by
`pbx_bridge.pbx.faults`, all of it at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from pbx_bridge.config.sections import NetworkName, Port, Section, hours_of_office
from pbx_bridge.ivr.opening.hours import Week
from pbx_bridge.pbx.house import STRATEGIES, Hours, Number, QueueRule, Trunk
from pbx_bridge.pbx.plan import AGENTS, QUEUES, WRAP_UP_S
from pbx_bridge.pbx.remote import RemoteDaemon

Extension = Annotated[str, Field(pattern=r"^[1-9][0-9]{1,5}$")]
Service = Annotated[str, Field(pattern=r"^[0-9]{1,15}$")]
# What an agent's phone shows: it stands between quotes in a line.
ShownName = Annotated[str, Field(pattern=r'^[^\x00-\x1f\x7f"<>;\\\[\]]{0,40}$')]
TrunkName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$")]
SipUser = Annotated[str, Field(pattern=r"^[A-Za-z0-9+._-]{0,64}$")]
QueueName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
NumberPattern = Annotated[str, Field(pattern=r"^\+?[0-9]{2,15}X{0,6}$")]
Language = Literal["fa", "en"]


def _strategy(name: str) -> str:
    if name not in STRATEGIES:
        raise ValueError(f"{name!r} is no strategy: {', '.join(STRATEGIES)}")
    return name


class TrunkSettings(Section):
    """A line to the world. The password that a provider gave stands in HOME/secrets/trunk_NAME."""

    host: HostName  # where calls go, and where we register
    port: Port = 5060  # of SIP there
    transport: Literal["udp", "tcp", "tls"] = "udp"  # with tls its certificate is checked by pbx.sip_authorities
    srtp: bool | None = None  # voice encrypted as well; unset: with tls
    username: SipUser = ""  # who we are to the provider; unset: known by our address
    register_us: bool = Field(default=False, alias="register")  # tell the provider where we are
    number: str = Field(default="", pattern=r"^(\+?[0-9]{3,15})?$")  # shown to whom we call; where its calls come in
    addresses: list[NetworkName] = Field(default=[])  # from where it calls us; unset: `host`, if an address
    qualify_s: int = Field(default=60, ge=0, le=3600)  # asked so often whether it is there; 0: never

    def trunk(self, name: str, password: str) -> Trunk:
        """The same as a value of the PBX."""
        return Trunk(
            name=name,
            host=self.host,
            port=self.port,
            transport=self.transport,
            username=self.username,
            password=password,
            register=self.register_us,
            number=self.number,
            addresses=tuple(self.addresses),
            srtp=self.transport == "tls" if self.srtp is None else self.srtp,
            qualify_s=self.qualify_s,
        )


class QueueSettings(Section):
    """A queue of callers. Unset members: every agent."""

    members: list[Extension] | None = None  # who is rung; unset: every agent
    # By member: who has more is rung only when nobody with less is free.
    penalties: dict[Extension, Annotated[int, Field(ge=0, le=100)]] = Field(default={})
    strategy: Annotated[str, AfterValidator(_strategy)] = "rrmemory"  # who is rung first, as Asterisk calls it
    ring_s: int = Field(default=20, ge=5, le=300)  # one agent's phone, before the next one's
    retry_s: int = Field(default=2, ge=1, le=60)  # between two rounds
    wrap_up_s: int = Field(default=WRAP_UP_S, ge=0, le=3600)  # no call for an agent who had one
    wait_s: int = Field(default=120, ge=5, le=7200)  # the longest wait, where the flow says nothing
    longest: int = Field(default=0, ge=0, le=1000)  # no more callers than that wait; 0: any number

    def rule(self) -> QueueRule:
        """The same as a value of the PBX."""
        return QueueRule(
            members=None if self.members is None else tuple(self.members),
            penalties=self.penalties,
            strategy=self.strategy,
            ring_s=self.ring_s,
            retry_s=self.retry_s,
            wrap_up_s=self.wrap_up_s,
            wait_s=self.wait_s,
            longest=self.longest,
        )


class NumberSettings(Section):
    """A number of ours, or with X at its end a block of them: what whoever calls it meets."""

    flow: str = ""  # unset: ivr.flow
    language: Language | None = None  # before they have chosen; unset: pbx.language
    queue: str = ""  # where they go without the daemon; unset: the first queue

    def number(self, pattern: str, region: str) -> Number:
        """The same as a value of the PBX."""
        return Number(pattern=pattern, flow=self.flow, language=self.language or "", queue=self.queue, region=region)


class RemoteSettings(Section):
    """ARI and AMI over TLS, for a daemon on another machine (docs/pbx.md). Files as Asterisk names them."""

    host: str  # the address they listen on
    certificate: Path  # PEM, with the name or address of the PBX in it
    key: Path  # PEM, of the certificate
    networks: list[NetworkName]  # from where the daemon comes
    ari_port: Port = 8089  # of ARI over TLS
    ami_port: Port = 5039  # of AMI over TLS

    def daemon(self) -> RemoteDaemon:
        """The same, for the plan."""
        return RemoteDaemon(
            host=self.host,
            certificate=str(self.certificate),
            key=str(self.key),
            networks=tuple(self.networks),
            ari_port=self.ari_port,
            ami_port=self.ami_port,
        )


class PbxSettings(Section):
    """The private Asterisk. `root` is the Debian tree it runs in when the host has none of version 20 or later."""

    systemname: str = Field(default="pbx1", pattern=r"^[A-Za-z0-9_-]{1,32}$")
    root: Path | None = None  # default: HOME/asterisk-root
    host: str = "127.0.0.1"
    sip_port: Port = 5060
    ari_port: Port = 8088
    ami_port: Port = 5038
    rtp_start: Port = 10000
    rtp_end: Port = 20000
    trunk: str | None = Field(default=None, pattern=r"^127(\.[0-9]{1,3}){3}:[0-9]{1,5}$")  # the way outside
    extension: Service = "100"  # the number the demo tells a newcomer to dial
    mailbox: Service = "600"  # the company's box
    park: Service = "700"  # nine slots follow it
    conference: Service = "800"
    language: Language = "fa"  # of callers who have not chosen

    sip_host: str | None = None  # where phones and trunks reach it; unset: host
    sip_outside: str | None = None  # its address in the world, behind a router that translates
    sip_tls_port: Port = 5061
    sip_certificate: Path | None = None  # with it SIP is spoken over TLS as well
    sip_key: Path | None = None
    sip_authorities: Path = Path("/etc/ssl/certs/ca-certificates.crt")  # who vouches for trunks over TLS
    remote: RemoteSettings | None = None  # a daemon on another machine; unset: ARI and AMI on loopback only
    phones: list[NetworkName] = Field(default=[])  # from where agents' phones may speak; unset: private networks

    trunks: dict[TrunkName, TrunkSettings] = Field(default={})
    out: list[TrunkName] = Field(default=[])  # for calls to the outside, the first that works; unset: no way out
    agents: dict[Extension, ShownName] = Field(default={})  # name by extension; unset: 101 and 102
    queues: dict[QueueName, QueueSettings] = Field(default={})  # unset: support and services
    numbers: dict[NumberPattern, NumberSettings] = Field(default={})
    hours: Annotated[dict[str, str | list[str]], AfterValidator(hours_of_office)] = Field(default={})  # unset: always

    @property
    def extensions(self) -> tuple[str, ...]:
        """Agents' extensions."""
        return tuple(self.agents) or AGENTS

    @property
    def queue_names(self) -> tuple[str, ...]:
        """The queues; the first takes callers whom the daemon cannot serve."""
        return tuple(self.queues) or QUEUES

    @property
    def wrap_up_s(self) -> int:
        """After a talk no queue of ours rings that agent for so many seconds, at the longest."""
        return max((queue.wrap_up_s for queue in self.queues.values()), default=WRAP_UP_S)

    def staffed(self, zone: str) -> Hours | None:
        """When people are at the queues; None: at any hour."""
        return Hours(week=Week.parse(self.hours), zone=ZoneInfo(zone)) if self.hours else None

    @property
    def sip_address(self) -> str:
        """Where this machine reaches its SIP."""
        return self.sip_host if self.sip_host not in (None, "", "0.0.0.0") else self.host  # noqa: S104 - to know it
