"""`python -m bench.soak`: prints its progress and a table on stderr, one JSON object on stdout."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import click

from bench.callers import require_sipp
from bench.figure import CannotMeasure
from bench.soak.faults import LONG, SHORT
from bench.soak.trial import Result, trial
from bench.system import asterisk

_SHORT_CALLS, _RATE = 200, 5.0
_SLACK_S = 240.0  # for the start, the last callers and the verdict; a run that hangs must end by itself
_MOST_SHOWN = 40


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--minutes", type=click.FloatRange(min=0.5, max=600), default=15.0, show_default=True)
@click.option(
    "--rate", type=click.FloatRange(min=0.5, max=20), default=_RATE, show_default=True, help="Calls a second."
)
@click.option("--short", is_flag=True, help=f"{_SHORT_CALLS} calls, a minute or so, as in `make test`.")
@click.option("--keep", type=click.Path(path_type=Path), help="Leave Asterisk's files, store and log in this folder.")
def main(minutes: float, rate: float, short: bool, keep: Path | None) -> None:
    """Real calls through menu and queue while daemon, Asterisk, ARI and store are killed, cut and locked.

    Exit status 0 when every call that Asterisk's files tell is on record, once, whole, and no caller was left in
    silence; 1 when not.

    \b
    Example:
      .venv/bin/python -m bench.soak --minutes 5
    """
    calls = _SHORT_CALLS if short else round(minutes * 60 * rate)
    try:
        result = run(calls, rate, short=short, keep=keep)
    except CannotMeasure as error:
        click.echo(f"soak: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("soak: interrupted", err=True)
        sys.exit(130)
    for line in table(result):
        click.echo(line, err=True)
    click.echo(json.dumps(result.counts | {"problems": result.problems}, indent=2, ensure_ascii=False))
    sys.exit(1 if result.problems else 0)


def run(calls: int, rate: float, *, short: bool, keep: Path | None = None) -> Result:
    """One soak with an Asterisk of its own. Raises CannotMeasure."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # leaves nothing behind either
    require_sipp()
    begun = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"[{time.monotonic() - begun:6.1f} s] {text}", err=True)

    async def bounded(pbx: Any) -> Result:
        async with asyncio.timeout(calls / rate + _SLACK_S):
            return await trial(pbx, calls, rate, SHORT if short else LONG, say, keep)

    with asterisk(say) as pbx:
        try:
            return asyncio.run(bounded(pbx))
        except TimeoutError:
            raise CannotMeasure("not done in time") from None
        except AssertionError as error:  # of the tests' harness
            raise CannotMeasure(str(error)) from error


def table(result: Result) -> list[str]:
    """The counts and what went wrong, for people."""
    width = max(map(len, result.counts))
    lines = ["", *(f"{name.ljust(width)}  {_plain(value)}" for name, value in result.counts.items()), ""]
    shown = result.problems[:_MOST_SHOWN]
    more = [f"… and {len(result.problems) - len(shown)} more"] if len(result.problems) > len(shown) else []
    return [*lines, *shown, *more, "FAILED" if result.problems else "nothing lost, nothing doubled"]


def _plain(value: Any) -> str:
    return ", ".join(f"{name}: {count}" for name, count in value.items()) if isinstance(value, dict) else str(value)


if __name__ == "__main__":
    main()
