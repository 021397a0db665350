"""Who can reach ARI and AMI at all: where they listen, and whether what goes over the line can be read."""

from __future__ import annotations

from pbx_bridge.doctor.finding import NotLookedAt, Severity, Unseen, check, listed
from pbx_bridge.doctor.gathered import Gathered
from pbx_bridge.values.loopback import is_loopback

_ANY = ("0.0.0.0", "::")  # noqa: S104 - to find it
_BIND = "Set bindaddr = 127.0.0.1 (or a management address) in [general] of"


@check(
    "ami-open-to-world",
    Severity.DANGER,
    why="Whoever reaches AMI may guess its passwords for ever; with one of them calls can be placed at your cost.",
    mend=f"{_BIND} manager.conf; where that cannot be, let a firewall pass the daemon only.",
)
def ami_open_to_world(g: Gathered) -> str:
    return _told("AMI", _wide(_addresses(g, "manager.conf", g.ours.ami_port)))


@check(
    "ari-open-to-world",
    Severity.DANGER,
    why="An ARI user is an administrator of the PBX, and HTTP carries the password in the open.",
    mend=f"{_BIND} http.conf; where that cannot be, let a firewall pass the daemon only.",
)
def ari_open_to_world(g: Gathered) -> str:
    return _told("HTTP", _wide(_addresses(g, "http.conf", g.ours.ari_port)))


@check(
    "ami-without-tls",
    Severity.DANGER,
    why="Passwords and callers' numbers can be read on the way from another machine.",
    mend="Set tlsenable, tlsbindaddr and tlscertfile in manager.conf and bindaddr = 127.0.0.1, or use a tunnel.",
)
def ami_without_tls(g: Gathered) -> str:
    plain = _addresses(g, "manager.conf", g.ours.ami_port if g.ours.ami_plain else 0)
    return _told("AMI without TLS", _outside(plain))


@check(
    "ari-without-tls",
    Severity.DANGER,
    why="The ARI password, which is an administrator's, can be read on the way from another machine.",
    mend="Set tlsenable, tlsbindaddr and tlscertfile in http.conf and bindaddr = 127.0.0.1, or use a tunnel.",
)
def ari_without_tls(g: Gathered) -> str:
    plain = _addresses(g, "http.conf", g.ours.ari_port if g.ours.ari_plain else 0)
    return _told("HTTP without TLS", _outside(plain))


@check(
    "ami-over-http",
    Severity.DANGER,
    why="AMI over HTTP is a second door to it, open wherever HTTP is.",
    mend="Set webenabled = no in [general] of manager.conf.",
)
def ami_over_http(g: Gathered) -> str:
    return "webenabled is on in manager.conf" if g.conf("manager.conf").one("general").yes("webenabled") else ""


def _addresses(g: Gathered, name: str, port: int) -> set[str]:
    """Where it listens without TLS, by its file and by the sockets of this machine. Raises NotLookedAt."""
    conf = g.etc.get(name)
    if (conf is None or isinstance(conf, Unseen)) and isinstance(g.sockets, Unseen):
        raise NotLookedAt(g.sockets.why)
    sockets = () if isinstance(g.sockets, Unseen) else g.sockets
    found = {socket.address for socket in sockets if socket.port == port}
    if conf is not None and not isinstance(conf, Unseen) and conf.one("general").yes("enabled"):
        found.add(conf.one("general").get("bindaddr", _ANY[0]))
    return found


def _wide(addresses: set[str]) -> list[str]:
    return sorted(addresses & set(_ANY))


def _outside(addresses: set[str]) -> list[str]:
    return sorted(address for address in addresses - set(_ANY) if not is_loopback(address))


def _told(what: str, addresses: list[str]) -> str:
    return f"{what} listens on {listed(addresses)}" if addresses else ""
