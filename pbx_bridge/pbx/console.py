"""A running instance asked over its control socket, blocking; and whether it serves. For the supervisor and tests."""

from __future__ import annotations

import http.client
import subprocess
from dataclasses import dataclass
from pathlib import PurePosixPath

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.program import Asterisk

_CONTROL = ("\x1b[0m", "\x1b[0K")


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Asterisk's console. `conf` is its asterisk.conf by the name Asterisk has for it."""

    asterisk: Asterisk
    conf: PurePosixPath

    def ask(self, command: str, timeout: float = 10.0) -> str:
        """What the instance answers to a console command. Raises PbxError when it is not there."""
        told = self._run(command, timeout)
        if told.returncode != 0:
            raise PbxError(
                f"the Asterisk console did not answer {command!r}: {told.stderr.strip() or told.stdout.strip()}"
            )
        return _plain(told.stdout)

    def booted(self, timeout: float = 2.0) -> bool:
        """True when the instance runs and has started every module."""
        try:
            return self._run("core waitfullybooted", timeout).returncode == 0
        except PbxError:
            return False

    def _run(self, command: str, timeout: float) -> subprocess.CompletedProcess[str]:
        line = self.asterisk.console_command(str(self.conf), command)
        try:
            return subprocess.run(  # noqa: S603 - a fixed program, no shell
                line,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=timeout,
                stdin=subprocess.DEVNULL,
                env=self.asterisk.environment(),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PbxError(f"the Asterisk console did not answer {command!r}") from error


def ari_answers(host: str, port: int, timeout: float = 1.0) -> bool:
    """True when ARI speaks HTTP there, and knows its own paths (a refusal for want of a password counts)."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", "/ari/asterisk/ping")
        return connection.getresponse().status in (200, 401)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _plain(text: str) -> str:
    for mark in _CONTROL:
        text = text.replace(mark, "")
    return text
