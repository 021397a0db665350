"""Is an address free, and if not, who has it: asked before anything is started."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pbx_bridge.errors import PortTaken

_PROC = Path("/proc")
_LISTEN = "0A"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where something of ours must listen, and what it is for."""

    what: str
    host: str
    port: int
    transport: Literal["tcp", "udp"] = "tcp"


def check_free(addresses: Iterable[Address]) -> None:
    """Raises PortTaken naming the first address that another program has, and the program where it can be seen."""
    for address in addresses:
        if not _is_free(address):
            holder = _holder(address)
            by = f" by {holder}" if holder else ""
            raise PortTaken(
                f"{address.host}:{address.port} ({address.transport}, for {address.what}) is taken{by}: "
                "stop that program or choose another port in the settings"
            )


def _is_free(address: Address) -> bool:
    kind = socket.SOCK_STREAM if address.transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:  # what Asterisk and aiohttp do: connections that are fading do not count
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError:
            return False
    return True


def _holder(address: Address) -> str:
    """`program (pid N)` as far as /proc shows it; empty when it does not."""
    inodes = _inodes(address)
    for process in _PROC.iterdir() if inodes else ():
        if process.name.isdigit() and _holds(process, inodes):
            return f"{_program(process)} (pid {process.name})"
    return ""


def _inodes(address: Address) -> set[str]:
    found = set()
    port = f"{address.port:04X}"
    for table in (address.transport, f"{address.transport}6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                open_to_all = address.transport == "udp" or fields[3] == _LISTEN
                if fields[1].endswith(f":{port}") and open_to_all:
                    found.add(f"socket:[{fields[9]}]")
    return found


def _holds(process: Path, inodes: set[str]) -> bool:
    with contextlib.suppress(OSError):
        for link in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                if str(link.readlink()) in inodes:
                    return True
    return False


def _program(process: Path) -> str:
    with contextlib.suppress(OSError):
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    return "a program"
