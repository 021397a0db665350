"""The proof where the daemon answers the phone itself: the doctor's own test call."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from pbx_bridge.doctor.trial import place_call
from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.child import read_pid
from pbx_bridge.pbx.try_call import RunningSystem


def daemon_runs(pid_file: Path) -> bool:
    """Whether the process of that pid file lives."""
    pid = read_pid(pid_file)
    try:
        os.kill(pid or 0, 0)
    except OSError:
        return False
    return pid is not None


def call_the_menu(system: RunningSystem, number: str) -> str:
    """Call it; what was seen. Raises PbxError."""
    trouble = asyncio.run(place_call(system, number))
    if trouble:
        raise PbxError(trouble)
    return f"a call to {number} was served by the menu and is on record"
