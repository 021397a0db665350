"""How a program of this folder begins and ends: progress on stderr, one line for what cannot be measured."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from bench.figure import CannotMeasure
from bench.system import Say

T = TypeVar("T")


@contextmanager
def measuring(name: str) -> Iterator[Say]:
    """Gives where its progress is said, each line with the seconds since the beginning.

    Ends the program with status 1 when nothing can be measured, and with 130 when it is interrupted, by Ctrl-C or by
    SIGTERM: what was started is ended first.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # leaves nothing behind either
    begun = time.monotonic()
    try:
        yield lambda text: click.echo(f"[{time.monotonic() - begun:6.1f} s] {text}", err=True)
    except CannotMeasure as error:
        click.echo(f"{name}: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo(f"{name}: interrupted", err=True)
        sys.exit(130)


def run_within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Run it, but no longer than that: what hangs must end by itself. Raises CannotMeasure."""

    async def bounded() -> T:
        async with asyncio.timeout(seconds):
            return await work

    try:
        return asyncio.run(bounded())
    except TimeoutError:
        raise CannotMeasure(f"not done after {seconds:g} s") from None
    except AssertionError as error:  # of the tests' harness
        raise CannotMeasure(str(error) or "an assertion failed") from error
