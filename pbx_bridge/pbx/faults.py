"""What does not fit together in the settings of a PBX: all of it, each with its place and the reason. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from pbx_bridge.pbx.house import QueueRule, Trunk, is_private, meet, overlapping

if TYPE_CHECKING:
    from pbx_bridge.pbx.plan import PbxPlan

_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TRUNK_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_SIP_USER = re.compile(r"[A-Za-z0-9+._-]{0,64}")
_SHOWN = re.compile(r'[^\x00-\x1f\x7f"<>;\\\[\]]{0,40}')
_PASSWORD = re.compile(r"[\x21-\x7e]{1,128}")
_DIGITS = re.compile(r"[0-9]{1,15}")
_BLOCK = re.compile(r"\+?[0-9]{2,15}X{0,6}")
_GATEWAY = re.compile(r"127(\.[0-9]{1,3}){3}:[0-9]{1,5}")
_FILE = re.compile(r"/[^\x00-\x1f;]*")
# Other sections of pjsip.conf, and the endpoint of whoever calls from this machine.
_TAKEN_NAMES = frozenset({"acl", "global", "phone", "system", "tcp", "tls", "trunk", "udp"})
# Extensions that a context has for its own ends, and other sections of queues.conf.
_NO_QUEUE = frozenset({"a", "e", "every", "general", "h", "i", "o", "s", "t"})
_LOCAL = "127.0.0.1/32"


def faults_of(plan: PbxPlan) -> Iterator[str]:
    """Every fault, as `place: reason`, the place being the setting's name."""
    for judge in (_names, _doors, _ports, _extensions, _trunks, _ways_out, _queues, _numbers):
        yield from judge(plan)


def _names(plan: PbxPlan) -> Iterator[str]:
    named = {"pbx.systemname": plan.systemname, "ari.app": plan.app, "ari.user": plan.ari_user}
    named |= {"ami.user": plan.ami_user, "pbx.language": plan.language}
    for place, word in (*named.items(), *((f"pbx.queues.{queue}", queue) for queue in plan.queues)):
        if not _WORD.fullmatch(word):
            yield f"{place}: {word!r} cannot be a name in Asterisk's configuration"


def _doors(plan: PbxPlan) -> Iterator[str]:
    address = _ipv4(plan.host)
    if address is None:
        yield f"pbx.host: {plan.host!r} is no IPv4 address"
    elif not address.is_loopback:
        yield (
            f"pbx.host: {plan.host} is no loopback address: ARI and AMI never listen outside this machine without "
            "TLS; for phones and trunks there is pbx.sip_host"
        )
    for name, text in (("sip_host", plan.sip_host), ("sip_outside", plan.sip_outside)):
        if text and _ipv4(text) is None:
            yield f"pbx.{name}: {text!r} is no IPv4 address"
    if plan.container and (plan.trunks or plan.sip_host):
        yield "pbx.trunks, pbx.sip_host: a container's SIP is published on loopback alone: not there"
    yield from _phones(plan)
    if bool(plan.sip_certificate) != bool(plan.sip_key):
        yield "pbx.sip_certificate: a certificate and its key (pbx.sip_key) belong together: name both or none"
    files = {"certificate": plan.sip_certificate, "key": plan.sip_key, "authorities": plan.sip_authorities}
    for name, file in files.items():
        if file and not _FILE.fullmatch(file):
            yield f"pbx.sip_{name}: {file!r} cannot stand in a line of pjsip.conf: it begins with / and has no ;"
    if plan.remote is not None:
        yield from (f"pbx.remote.{fault}" for fault in plan.remote.faults())


def _phones(plan: PbxPlan) -> Iterator[str]:
    for text in plan.phone_networks:
        if ipaddress.ip_network(text).version != 4:
            yield f"pbx.phones: {text} is no IPv4 network"
        elif not is_private(text) and not plan.sip_certificate:
            yield (
                f"pbx.phones: {text} is public, and without TLS passwords and voices could be read on the way: "
                "set pbx.sip_certificate and pbx.sip_key, or let phones come by a VPN"
            )


def _ipv4(text: str) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError:
        return None


def _ports(plan: PbxPlan) -> Iterator[str]:
    ports = plan.ports
    told = {"pbx.sip_port": ports.sip, "pbx.ari_port": ports.ari, "pbx.ami_port": ports.ami}
    if plan.sip_certificate:
        told["pbx.sip_tls_port"] = ports.sip_tls
    if plan.remote is not None:
        told |= {"pbx.remote.ari_port": plan.remote.ari_port, "pbx.remote.ami_port": plan.remote.ami_port}
    for (first, port), (second, other) in combinations(told.items(), 2):
        if port == other:
            yield f"{second}: port {port} is that of {first} already"
    if ports.rtp_end - ports.rtp_start < 4:
        yield f"pbx.rtp_end: RTP needs some ports: {ports.rtp_start}-{ports.rtp_end} is too small"
    if ports.rtp_start <= ports.sip <= ports.rtp_end:
        yield f"pbx.sip_port: {ports.sip} is among the ports for voice, {ports.rtp_start}-{ports.rtp_end}"


def _extensions(plan: PbxPlan) -> Iterator[str]:
    services = {
        "extension": plan.extension,
        "mailbox": plan.mailbox,
        "park": plan.park,
        "conference": plan.conference,
    }
    named = {f"pbx.{name}": number for name, number in services.items()}
    wrong = {place for place, number in named.items() if not _DIGITS.fullmatch(number)}
    for place in sorted(wrong):
        yield f"{place}: {named[place]!r} cannot be an extension"
    if "pbx.park" not in wrong:
        named |= {f"pbx.park (its slot {number})": number for number in plan.park_slots}
    for number in plan.agents:
        if not _DIGITS.fullmatch(number):
            yield f"pbx.agents: {number!r} cannot be an extension"
        elif not _SHOWN.fullmatch(plan.agent_names.get(number, "")):
            yield f"pbx.agents.{number}: {plan.agent_names[number]!r} cannot be shown on a phone"
    for number in (number for number, count in Counter(plan.agents).items() if count > 1):
        yield f"pbx.agents: extension {number} is given twice"
    for place, number in named.items():
        if number in plan.agents:
            yield f"{place}: extension {number} is an agent's: choose another for the service"
    for (first, number), (second, other) in combinations(named.items(), 2):
        if number == other:
            yield f"{second}: extension {number} is given twice: it is that of {first}"


def _trunks(plan: PbxPlan) -> Iterator[str]:
    if plan.trunk and not _GATEWAY.fullmatch(plan.trunk):
        yield f"pbx.trunk: {plan.trunk!r} is no host:port on loopback for a trunk"
    for trunk in plan.trunks:
        for reason in _trunk(plan, trunk):
            yield f"pbx.trunks.{trunk.name}{reason}"
    for name in (name for name, count in Counter(trunk.name for trunk in plan.trunks).items() if count > 1):
        yield f"pbx.trunks.{name}: two trunks have this name"
    for first, second in combinations(plan.trunks, 2):
        if shared := overlapping(second.networks, first.networks):
            yield f"pbx.trunks.{second.name}.addresses: {shared} is where {first.name} calls from as well"


def _trunk(plan: PbxPlan, trunk: Trunk) -> Iterator[str]:
    """What is wrong with one, each beginning with the rest of its place."""
    if not _TRUNK_NAME.fullmatch(trunk.name) or trunk.name in _TAKEN_NAMES:
        others = ", ".join(sorted(_TAKEN_NAMES))
        yield f": {trunk.name!r} cannot be a trunk's name: small letters, digits, - and _, and none of {others}"
    if not _HOST.fullmatch(trunk.host):
        yield f".host: {trunk.host!r} is no host"
    if not trunk.networks:
        yield ".addresses: needed, because host is a name: the networks from which it calls, such as 192.0.2.0/28"
    if any(ipaddress.ip_network(network).version != 4 for network in trunk.networks):
        yield ".addresses: only IPv4 networks can stand here"
    elif overlapping(trunk.networks, (_LOCAL,)):
        yield ".addresses: 127.0.0.1 is this machine's own phones'"
    if any(ipaddress.ip_network(network).prefixlen < 8 for network in trunk.networks):
        yield ".addresses: so wide a network would let anybody in as this trunk"
    if trunk.transport == "tls" and not plan.sip_certificate:
        yield ".transport: tls needs pbx.sip_certificate and pbx.sip_key"
    yield from _credentials(trunk)


def _credentials(trunk: Trunk) -> Iterator[str]:
    if not _SIP_USER.fullmatch(trunk.username):
        yield f".username: {trunk.username!r} cannot stand in an address"
    if trunk.username and not trunk.password:
        yield f".username: its password is missing: write what the provider gave into secrets/trunk_{trunk.name}"
    elif trunk.username and not _PASSWORD.fullmatch(trunk.password):
        yield f".username: its password (secrets/trunk_{trunk.name}) has characters that cannot stand in pjsip.conf"
    if trunk.register and not trunk.username:
        yield ".register: needs a username"
    elif trunk.register and not trunk.contact_user:
        yield ".number: needed, because the username is no number: calls come in with it"


def _ways_out(plan: PbxPlan) -> Iterator[str]:
    if plan.trunk and (plan.trunks or plan.out):
        yield "pbx.trunk: a gateway for trying; it cannot stand beside pbx.trunks and pbx.out"
    known = [trunk.name for trunk in plan.trunks]
    for name, count in Counter(plan.out).items():
        if name not in known:
            yield f"pbx.out: there is no trunk {name!r} in pbx.trunks; there are: {', '.join(known) or 'none'}"
        elif count > 1:
            yield f"pbx.out: {name} is named twice"


def _queues(plan: PbxPlan) -> Iterator[str]:
    if not plan.queues:
        yield "pbx.queues: there must be one, for callers whom the daemon cannot serve"
    for name in (name for name, count in Counter(plan.queues).items() if count > 1):
        yield f"pbx.queues.{name}: two queues have this name"
    for name in plan.queues:
        if name.lower() in _NO_QUEUE or name.startswith("_"):
            yield f"pbx.queues.{name}: this name means something else to Asterisk: choose another"
    for name, rule in plan.queue_rules.items():
        if name not in plan.queues:
            yield f"pbx.queues.{name}: there is no such queue"
        yield from (f"pbx.queues.{name}.{reason}" for reason in _members(plan, rule))


def _members(plan: PbxPlan, rule: QueueRule) -> Iterator[str]:
    members = plan.agents if rule.members is None else rule.members
    for number, count in Counter(members).items():
        if number not in plan.agents:
            yield f"members: {number} is no agent in pbx.agents"
        elif count > 1:
            yield f"members: {number} is named twice"
    for number in rule.penalties:
        if number not in members:
            yield f"penalties: {number} is no member of this queue"


def _numbers(plan: PbxPlan) -> Iterator[str]:
    for number in plan.numbers:
        place = f"pbx.numbers.{number.pattern}"
        if not _BLOCK.fullmatch(number.pattern):
            yield f"{place}: {number.pattern!r} is no number: digits, perhaps + before and X for any digit at the end"
        if number.queue and number.queue not in plan.queues:
            yield f"{place}.queue: there is no queue {number.queue!r}; there are: {', '.join(plan.queues)}"
        if number.language and not _WORD.fullmatch(number.language):
            yield f"{place}.language: {number.language!r} cannot be a name in Asterisk's configuration"
    written = [(number, number.whole) for number in plan.numbers]
    for (first, whole), (second, other) in combinations(written, 2):
        # One number within a block is what an admin means, and what Asterisk takes first.
        if meet(whole, other) and first.is_block == second.is_block:
            yield f"pbx.numbers.{second.pattern}: {first.pattern} is the same number, or overlaps it"
