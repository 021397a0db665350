"""Programs of other people that the real calls need; `make test` installs them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import NoReturn, TypeVar

import pytest

from pbx_bridge.errors import PbxError

T = TypeVar("T")

MISSING = "this machine lacks"
NO_ASTERISK = "no Asterisk here"
NO_PROMPTS = "no prompts were rendered here"


def need(program: str) -> None:
    """Skip the test where a program is missing; with CI, fail it."""
    if shutil.which(program) is not None:
        return
    _without(f"{MISSING} {program}")


@contextmanager
def an_asterisk(opened: AbstractContextManager[T], suite: str | None = None) -> Iterator[T]:
    """What that context gives. Where no Asterisk can be had, see `no_asterisk`."""
    with ExitStack() as stack:
        try:
            one = stack.enter_context(opened)
        except PbxError as error:
            no_asterisk(error, suite)
        yield one


def no_asterisk(error: PbxError, suite: str | None = None) -> NoReturn:
    """Skip what needs an Asterisk where none can be had; with CI, fail it.

    That of an older `suite` is skipped even so: Debian's mirrors drop releases as they age.
    """
    if suite is not None:
        pytest.skip(f"{NO_ASTERISK} of {suite}: {error}")
    _without(f"{NO_ASTERISK}: {error}")


def no_prompts() -> NoReturn:
    """Skip what needs rendered prompts where there are none; with CI, fail it."""
    _without(NO_PROMPTS)


def _without(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
