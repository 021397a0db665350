"""Process 1 of the bridge's container: starts the daemon, passes SIGTERM and SIGHUP on, and ends when it ends.

A container engine starts a container again that has ended, but leaves one alone whose program stands still. So the
daemon is ended here when its event loop has not answered for 15 to 40 s, as systemd's watchdog does elsewhere.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pbx_bridge.pbx.healthcheck import alive

_LOOKS_S = 5.0
_STARTS = 24  # looks until it must have answered once, two minutes: it may have much to read
_MISSES = 3  # looks without an answer after that, each of up to 8 s more


def keep(command: Sequence[str], pid_file: Path, answers: Callable[[], bool], looks_s: float = _LOOKS_S) -> int:
    """Run the command until it ends or stands still; its exit status, 1 when it had to be killed.

    Args:
        pid_file: where commands such as `pbx-bridge reload` find the daemon.
        answers: whether its event loop stirs. looks_s: seconds from one look to the next.
    """
    told = {**os.environ, "PBXB_ENDS_WITH_DAEMON": "1"}  # it then does not hand over to a process that would end too
    child = subprocess.Popen(command, env=told)  # noqa: S603 - ours
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda got, _: child.send_signal(got))
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    pid_file.write_text(f"{child.pid}\n", encoding="ascii")
    left = _STARTS
    while left:
        try:
            return _status(child.wait(looks_s))
        except subprocess.TimeoutExpired:
            left = _MISSES if answers() else left - 1
    print("the daemon has stood still: it is ended, and this container with it", file=sys.stderr, flush=True)
    child.kill()
    child.wait()
    return 1


def _status(code: int) -> int:
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    port = int(os.environ.get("PBX_BRIDGE_WEB__PORT", "8080"))
    home = Path(os.environ.get("PBX_BRIDGE_HOME", "/data"))
    sys.exit(keep(["pbx-bridge", "daemon"], home / "run" / "daemon.pid", lambda: alive("127.0.0.1", port)))
