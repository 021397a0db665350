"""The Asterisks that the tests call, each in a folder of its own, both made at once.

    python -m tools.asterisks

It asks for the standard library only: `make test` runs it while the virtual environment is being filled.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.find import have_asterisk
from pbx_bridge.pbx.program import Asterisk
from pbx_bridge.pbx.tree import BULLSEYE, SID, Suite, root_of

ROOT = Path(os.environ.get("TEST_ASTERISK_ROOT", Path(__file__).resolve().parents[1] / "var" / "asterisk-root"))
_SUITES = (None, BULLSEYE)  # the machine's own or unstable's; and the oldest that is served

Tell = Callable[[str], None]


def asterisk_of(suite: Suite | None, tell: Tell = lambda line: None) -> Asterisk:
    """That of a Debian release, None for the machine's own or unstable's; made if it is missing. Raises PbxError."""
    return have_asterisk(root_of(ROOT, suite or SID), tell, suite)


def asterisks(tell: Tell = lambda line: None) -> list[str]:
    """Have them made where they are missing; what stood in the way of each that is missing still, a line each."""
    with ThreadPoolExecutor(len(_SUITES)) as threads:
        return [fault for fault in threads.map(partial(_fault, tell), _SUITES) if fault]


def _fault(tell: Tell, suite: Suite | None) -> str:
    try:
        asterisk_of(suite, tell)
    except PbxError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    for line in asterisks():
        sys.stdout.write(
            f"{line}\n"
        )  # no failure: each test that needs it tells, and is skipped where that is allowed
