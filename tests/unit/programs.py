"""Programs that a test needs beside Python."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest


def needs(*programs: str) -> None:
    """Skip where a program is absent; on CI that is a failure."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    absent = [name for name in programs if shutil.which(name, path=path) is None]
    if absent and os.environ.get("CI") == "true":
        pytest.fail(f"programs are absent: {', '.join(absent)}")
    if absent:
        pytest.skip(f"programs are absent: {', '.join(absent)}")
