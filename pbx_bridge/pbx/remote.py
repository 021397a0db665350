"""ARI and AMI over TLS for a daemon on another machine: where they listen besides loopback, and who may come."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

_FILE = re.compile(r"/[^\x00-\x1f;]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteDaemon:
    """The two doors.

    Attributes:
        host: the address they listen on.
        certificate, key: files by the names Asterisk has for them.
        networks: from where the daemon comes; nobody else may sign in.
    """

    host: str
    certificate: str
    key: str
    networks: tuple[str, ...]
    ari_port: int = 8089
    ami_port: int = 5039

    def faults(self) -> Iterator[str]:
        """What of it cannot be, each with the setting's name and the reason."""
        try:
            ipaddress.IPv4Address(self.host)
        except ValueError:
            yield f"host: {self.host!r} is no IPv4 address"
        for name, file in (("certificate", self.certificate), ("key", self.key)):
            if not _FILE.fullmatch(file):
                yield f"{name}: {file!r} cannot stand in a line of http.conf: it begins with / and has no ;"
        if not self.networks:
            yield "networks: from where does the daemon come? Without that nobody may sign in"
        for text in self.networks:
            if ipaddress.ip_network(text).num_addresses > 1 << 16:
                yield f"networks: {text} is half the world: ARI's password is an administrator's"
