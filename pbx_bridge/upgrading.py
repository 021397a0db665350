"""How a running daemon is asked to hand over to another version, and how whoever asked learns what came of it.

`HOME/run/upgrade-asked.json` says by which program, SIGUSR2 has it read, `HOME/run/upgrade.json` answers.
"""

from __future__ import annotations

import enum
import os
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from pbx_bridge.errors import BridgeError
from pbx_bridge.process import lives, only_one, pid_of_daemon, write_note

T = TypeVar("T")

_POLL_S = 0.05
_ASKED, _TOLD, _LOCK = "upgrade-asked.json", "upgrade.json", "upgrade.lock"
_FIRST_WORD_S = 10.0  # one that says nothing for so long is frozen


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. `number`: known to nobody else. `program`: what becomes the daemon of the new version."""

    number: str
    program: tuple[str, ...]


class Stage(enum.StrEnum):
    """How far it came."""

    ABLE = "able"  # nothing was asked of this daemon yet
    UNDER_WAY = "under way"
    DONE = "done"
    REFUSED = "refused"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a daemon says.

    Attributes:
        pid: who says it: when it is done, the new one.
        wish: the number of what was asked.
        words: what is being done, or why it was refused.
        alone_s: seconds in which nobody looked after callers.
    """

    pid: int
    stage: Stage = Stage.ABLE
    wish: str = ""
    words: str = ""
    alone_s: float = 0.0


def tell(run: Path, told: Told) -> None:
    """Write it down, whole or not at all. Raises OSError."""
    write_note(run / _TOLD, msgspec.json.encode(told))


def take_wish(run: Path) -> Wish | None:
    """What is asked for; it is not given twice. None: nobody waits for it any more."""
    wish = _read(run / _ASKED, Wish)
    (run / _ASKED).unlink(missing_ok=True)
    return wish


def ask(run: Path, program: Sequence[str], say: Callable[[str], None], patience_s: float = _FIRST_WORD_S) -> Told:
    """Have the daemon of this folder hand over to that program, and wait for what comes of it. Blocking.

    Raises:
        BridgeError: no daemon runs there, another upgrade is under way, or it was refused: then nothing is changed.
    """
    _refuse_strangers(run)
    with only_one(run / _LOCK, busy="an upgrade is under way already: wait for it"):
        pid = pid_of_daemon(run, "start the new version as ever")
        before = _read(run / _TOLD, Told)
        if before is None or before.pid != pid:
            raise BridgeError(
                f"the daemon (process {pid}) is only starting, or of a version that cannot hand over: ask again, or "
                "restart it"
            )
        wish = Wish(number=secrets.token_hex(8), program=tuple(program))
        write_note(run / _ASKED, msgspec.json.encode(wish))
        try:
            os.kill(pid, signal.SIGUSR2)
            told = _outcome(run, pid, wish.number, say, patience_s)
        except OSError as error:
            raise BridgeError(f"the daemon (process {pid}) cannot be told: {error.strerror}") from error
        finally:
            (run / _ASKED).unlink(missing_ok=True)
    if told.stage is Stage.REFUSED:
        raise BridgeError(f"nothing was changed, the daemon goes on: {told.words}")
    return told


def _refuse_strangers(run: Path) -> None:
    """What another user, root too, leaves there could not be read or replaced by the daemon's own."""
    try:
        owner = run.stat().st_uid
    except OSError as error:
        raise BridgeError(f"no daemon runs in {run.parent}: {error.strerror}") from error
    if owner != os.geteuid():
        raise BridgeError(f"{run} belongs to another user: run this as the user with the id {owner}, as by sudo -u")


def _outcome(run: Path, pid: int, wish: str, say: Callable[[str], None], patience_s: float) -> Told:
    until, last = time.monotonic() + patience_s, ""
    while True:
        told = _read(run / _TOLD, Told)
        if told is None or told.wish != wish:
            if time.monotonic() > until:
                raise BridgeError(
                    f"the daemon (process {pid}) said nothing for {patience_s:.0f} s, and nothing was changed: is it "
                    "frozen? Look into its log, or restart it"
                )
        elif told.stage is not Stage.UNDER_WAY:
            return told
        elif lives(pid) or lives(told.pid):
            until = time.monotonic() + patience_s
            if told.words != last:
                say(last := told.words)
        elif time.monotonic() > until:  # one that agreed, and was not named yet, may say that it serves
            raise BridgeError(
                f"the daemon (process {pid}) ended meanwhile: whatever keeps it running starts it again"
            )
        time.sleep(_POLL_S)


def _read(path: Path, kind: type[T]) -> T | None:
    """What stands there; None: nothing, or nothing of that kind."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None
