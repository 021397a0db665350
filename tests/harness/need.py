"""Programs of other people that the real calls need; `make test` installs them."""

from __future__ import annotations

import os
import shutil

import pytest

MISSING = "this machine lacks"


def need(program: str) -> None:
    """Skip the test where a program is missing; with CI, fail it."""
    if shutil.which(program) is not None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{MISSING} {program}", pytrace=False)
    pytest.skip(f"{MISSING} {program}")
