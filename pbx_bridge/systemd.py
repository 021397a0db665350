"""What systemd is told: that the daemon is ready, that it stops, and that its event loop still turns.

sd_notify(3) is one datagram to a socket whose name stands in the environment. Without it nothing is said.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress

READY, RELOADING, STOPPING, ALIVE = "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1"
_US = 1_000_000


def main_is(pid: int) -> str:
    """What is said when another process goes on as the service; that one stirs from now on."""
    return f"MAINPID={pid}\n{ALIVE}"


def environment_of_another(environ: Mapping[str, str]) -> dict[str, str]:
    """Our environment for a process that will be the service: systemd's watchdog named us by our process id."""
    return {name: value for name, value in environ.items() if name != "WATCHDOG_PID"}


class Supervisor:
    """systemd, if it started this process as a service of type `notify`."""

    def __init__(self, environ: Mapping[str, str] = os.environ, pid: int | None = None) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        # An abstract name is written with @ and begins with a zero byte (unix(7)).
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        self._silence_s = _silence(environ, os.getpid() if pid is None else pid) if name else 0.0

    @property
    def watches(self) -> bool:
        """Whether it ends us when it hears nothing of us for a while."""
        return self._silence_s > 0

    def tell(self, state: str) -> None:
        """Send one line. Whatever is in the way of that, the daemon goes on: systemd draws its own conclusion."""
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
            told.setblocking(False)
            told.sendto(state.encode(), self._address)

    async def run(self) -> None:
        """Say that the loop turns, twice in the silence that is borne, until cancelled."""
        while True:
            self.tell(ALIVE)
            await asyncio.sleep(self._silence_s / 2)


def _silence(environ: Mapping[str, str], pid: int) -> float:
    """Seconds; 0: nobody watches this process."""
    told, whom = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(pid))
    return int(told) / _US if told.isascii() and told.isdigit() and whom == str(pid) else 0.0
