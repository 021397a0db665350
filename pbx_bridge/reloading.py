"""How a running daemon is asked to read its settings anew, and how whoever asked learns what came of it.

SIGHUP asks; `HOME/run/reload.json` answers.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import msgspec

from pbx_bridge.errors import BridgeError
from pbx_bridge.process import pid_of_daemon, write_note

_POLL_S = 0.05
_FILE = "reload.json"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a reload came to.

    Attributes:
        number: of this reload in this daemon's life, from 1; 0: there was none yet.
        taken: settings that count now and were others before.
        waiting: settings that need a restart.
        reason: why nothing was changed; empty: it was.
    """

    pid: int
    number: int = 0
    taken: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    reason: str = ""


def tell(run: Path, outcome: Outcome) -> None:
    """Write it down, whole or not at all. Raises OSError."""
    write_note(run / _FILE, msgspec.json.encode(outcome))


def ask(run: Path, patience_s: float = 30.0) -> Outcome:
    """Have the daemon of this folder read its settings anew, and wait for what comes of it. Blocking.

    Raises:
        BridgeError: no daemon runs there, or it says nothing within the time.
    """
    pid = pid_of_daemon(run, "it reads its settings when it is started")
    before = _told(run, pid)
    try:
        os.kill(pid, signal.SIGHUP)
    except OSError as error:
        raise BridgeError(f"the daemon (process {pid}) cannot be told: {error.strerror}") from error
    until = time.monotonic() + patience_s
    while (outcome := _told(run, pid)) is None or (before is not None and outcome.number <= before.number):
        if time.monotonic() > until:
            raise BridgeError(f"the daemon (process {pid}) said nothing for {patience_s:.0f} s: look into its log")
        time.sleep(_POLL_S)
    return outcome


def _told(run: Path, pid: int) -> Outcome | None:
    """What that process told last; None: nothing yet."""
    try:
        outcome = msgspec.json.decode((run / _FILE).read_bytes(), type=Outcome)
    except (OSError, msgspec.DecodeError):
        return None
    return outcome if outcome.pid == pid else None
