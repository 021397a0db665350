"""How a program of this folder begins and ends: progress on stderr, one line for what cannot be measured."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import click

from bench.figure import CannotMeasure
from bench.system import Say

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a proof went: `problems` is empty when nothing was lost, doubled or left as it should not be."""

    problems: list[str]
    counts: dict[str, Any]


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


def tell(result: Result) -> NoReturn:
    """The result as JSON on stdout; ends the program with status 1 where it names a problem."""
    click.echo(json.dumps(result.counts | {"problems": result.problems}, indent=2, ensure_ascii=False))
    sys.exit(1 if result.problems else 0)


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
