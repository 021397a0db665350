"""Ports that a test may give away and bind later, as often as it likes.

The kernel gives what it likes to every socket that names no port, so a port that was free a moment ago may be
somebody else's now; with four test processes on real calls that happens. These lie below the kernel's range, and a
port that one process has named is named by no other while that process lives.
"""

from __future__ import annotations

import random
import socket
from contextlib import suppress

# Linux gives 32768 and up by itself (/proc/sys/net/ipv4/ip_local_port_range); a PBX under test has its voices below.
_RANGE = range(30_000, 32_768)
_claims: dict[int, socket.socket] = {}


def own_port() -> int:
    """A port of 127.0.0.1, free for TCP and UDP, that is this process's until it ends.

    Raises OSError when every one is taken.
    """
    for port in random.sample(_RANGE, len(_RANGE)):
        if port not in _claims and _claim(port):
            return port
    raise OSError(f"all ports from {_RANGE.start} to {_RANGE.stop - 1} are taken")


def _claim(port: int) -> bool:
    # A name without a file: the kernel forgets it when the process ends, in whichever way.
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with suppress(OSError):
        claim.bind(f"\0pbx-bridge-test-port-{port}")
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", port))
        _claims[port] = claim
        return True
    claim.close()
    return False
