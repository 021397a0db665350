"""Programs of other people that the real calls need; `make test` installs them."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

MISSING = "this machine lacks"
NO_ASTERISK = "no Asterisk here"
NO_PROMPTS = "no prompts were rendered here"


def need(program: str) -> None:
    """Skip the test where a program is missing; with CI, fail it."""
    if shutil.which(program) is not None:
        return
    _without(f"{MISSING} {program}")


def no_asterisk(error: Exception) -> NoReturn:
    """Skip what needs an Asterisk where none can be had; with CI, fail it."""
    _without(f"{NO_ASTERISK}: {error}")


def no_prompts() -> NoReturn:
    """Skip what needs rendered prompts where there are none; with CI, fail it."""
    _without(NO_PROMPTS)


def _without(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
