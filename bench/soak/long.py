"""`make soak-long`: an hour of calls at half of what the machine bears; nothing may pile up, nothing may be lost."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from bench.callers import require_sipp
from bench.figure import CannotMeasure
from bench.soak.__main__ import table
from bench.soak.faults import Fault, Plan
from bench.soak.ledger import Ledger, idle
from bench.soak.trial import Result, trial
from bench.system import System, asterisk

_RATE = 10.0  # SIPp, Asterisk and the daemon then take about half of two cores
_MOST_CALLS = 100_000  # that are looked up afterwards
_SLACK_S = 240.0
_RESTARTS = 12  # of Asterisk and of the line, in turn, evenly over the time
_LEAST_PAUSE_S = 40.0


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--minutes", type=click.FloatRange(min=2, max=1440), default=60.0, show_default=True)
@click.option(
    "--rate", type=click.FloatRange(min=0.5, max=50), default=_RATE, show_default=True, help="Calls a second."
)
@click.option("--keep", type=click.Path(path_type=Path), help="Leave Asterisk's files, store and log in this folder.")
def main(minutes: float, rate: float, keep: Path | None) -> None:
    """Calls of every kind for an hour, while Asterisk, the line and (once, early) the daemon are restarted.

    Exit status 0 when the daemon's memory stays flat, no task and no descriptor is left over when all is quiet, and
    every call that Asterisk's files tell is on record, once, whole; 1 when not.

    \b
    Example:
      .venv/bin/python -m bench.soak.long --minutes 20
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # leaves nothing behind either
    try:
        require_sipp()
        result = run(minutes, rate, keep)
    except CannotMeasure as error:
        click.echo(f"soak-long: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("soak-long: interrupted", err=True)
        sys.exit(130)
    for line in table(result):
        click.echo(line, err=True)
    click.echo(json.dumps(result.counts | {"problems": result.problems}, indent=2, ensure_ascii=False))
    sys.exit(1 if result.problems else 0)


def run(minutes: float, rate: float, keep: Path | None) -> Result:
    """One long soak with an Asterisk of its own. Raises CannotMeasure."""
    begun, calls = time.monotonic(), round(minutes * 60 * rate)
    if calls > _MOST_CALLS:
        raise CannotMeasure(f"{calls} calls are more than {_MOST_CALLS}: fewer --minutes or a lower --rate")
    ledger = Ledger()

    def say(text: str) -> None:
        click.echo(f"[{time.monotonic() - begun:7.1f} s] {text}", err=True)

    @asynccontextmanager
    async def watched(made: System) -> AsyncIterator[None]:
        async with ledger.kept(made, say):
            yield
        ledger.end = await idle(made)
        made.running.stop_daemon()
        await made.running.start_daemon()
        ledger.fresh = await idle(made)

    async def bounded() -> Result:
        async with asyncio.timeout(minutes * 60 + _SLACK_S):
            return await trial(pbx, calls, rate, _plan(minutes), say, keep, watched)

    with asterisk(say) as pbx:
        try:
            result = asyncio.run(bounded())
        except TimeoutError:
            raise CannotMeasure("not done in time") from None
        except AssertionError as error:  # of the tests' harness
            raise CannotMeasure(str(error)) from error
    return Result(problems=[*result.problems, *ledger.problems()], counts=result.counts | ledger.counts())


def _plan(minutes: float) -> Plan:
    pause_s = max(_LEAST_PAUSE_S, minutes * 60 / _RESTARTS)
    return Plan(
        pause_s=(pause_s * 0.8, pause_s * 1.2),
        lengths={Fault.CUT: 5.0},
        first=(Fault.KILL,),
        kills=0,  # what piles up shows in a process that lives
        others=(Fault.PBX, Fault.CUT),
        once=False,
    )


if __name__ == "__main__":
    main()
