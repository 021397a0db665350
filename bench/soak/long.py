"""`make soak-long`: an hour of calls at half of what the machine bears; nothing may pile up, nothing may be lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from bench.callers import require_sipp
from bench.command import Result, measuring, run_within
from bench.figure import CannotMeasure
from bench.soak.__main__ import tell_as_table
from bench.soak.faults import Fault, Plan
from bench.soak.ledger import Ledger, idle
from bench.soak.trial import limit_s, trial
from bench.system import Say, System, asterisk

_RATE = 10.0  # SIPp, Asterisk and the daemon then take about half of two cores
_MOST_CALLS = 100_000  # that are looked up afterwards
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
    with measuring("soak-long") as say:
        require_sipp()
        result = run(minutes, rate, say, keep)
    tell_as_table(result)


def run(minutes: float, rate: float, say: Say, keep: Path | None) -> Result:
    """One long soak with an Asterisk of its own. Raises CannotMeasure."""
    calls = round(minutes * 60 * rate)
    if calls > _MOST_CALLS:
        raise CannotMeasure(f"{calls} calls are more than {_MOST_CALLS}: fewer --minutes or a lower --rate")
    ledger = Ledger()

    @asynccontextmanager
    async def watched(made: System) -> AsyncIterator[None]:
        async with ledger.kept(made, say):
            yield
        ledger.end = await idle(made)
        made.running.stop_daemon()
        await made.running.start_daemon()
        ledger.fresh = await idle(made)

    with asterisk(say) as pbx:
        result = run_within(limit_s(calls, rate), trial(pbx, calls, rate, _plan(minutes), say, keep, watched))
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
