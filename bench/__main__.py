"""`python -m bench`: runs the measures, prints one JSON object on stdout and a table on stderr."""

from __future__ import annotations

import asyncio
import os
import platform
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path

import click

from bench import report
from bench.callers import require_sipp
from bench.command import measuring, run_within
from bench.desk import Desk
from bench.figure import Figure
from bench.history import calls_in
from bench.measures import ALL, ALONE
from bench.system import Pbx, Say, asterisk, system

_PEOPLE = 420
_LIMIT_S = 1200.0  # a run takes half as long; one that hangs must end by itself
_CALLS, _QUICK_CALLS = 300_000, 100_000  # of the history, where nothing else is asked for
_NAMES = [name for names in (*ALONE, *ALL) for name in names]
_ONLY = f"Measure this one; may be repeated: {', '.join(_NAMES)}."


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", "only", multiple=True, type=click.Choice(_NAMES), metavar="NAME", help=_ONLY)
@click.option("--quick", is_flag=True, help="Fewer calls: six minutes, and rougher figures.")
@click.option("--big", type=click.Path(file_okay=False, path_type=Path), help="Folder of bench.big_store, for lists.")
@click.option("--calls", type=click.IntRange(min=1000), envvar="BENCH_CALLS", help="In the store the pages read.")
@click.option(
    "--made", type=click.Path(exists=True, path_type=Path), help="The pages' store: a folder of bench.history."
)
def main(only: tuple[str, ...], quick: bool, big: Path | None, calls: int | None, made: Path | None) -> None:
    """Measure the daemon with real calls on a real Asterisk of its own, beside asyncari.

    One JSON object on stdout: name to {value, unit, goal, better, peer}, and detail where there is more. A table
    and the progress on stderr. Takes about a quarter of an hour. Exit status 0 when everything was measured, whether
    or not the goals are met.

    \b
    Example:
      .venv/bin/python -m bench --quick --only daemon_cpu_per_call
      .venv/bin/python -m bench --big var/big --only list_number_p99
      .venv/bin/python -m bench --calls 10000000 --only page_list_ms
    """
    with measuring("bench") as say:
        count = calls_in(made) if made else calls or (_QUICK_CALLS if quick else _CALLS)
        desk = Desk(say=say, quick=quick, big=big, calls=count, made=made)
        figures, facts = run(only or _NAMES, desk)
    click.echo(report.as_table(figures, facts), err=True)
    click.echo(report.as_json(figures))


def run(only: Collection[str], desk: Desk) -> tuple[Sequence[Figure], Sequence[str]]:
    """The figures asked for, and what they were measured on. Raises CannotMeasure."""
    say = desk.say
    facts = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores"
    with_asterisk = any(name in only for names in ALL for name in names)
    if with_asterisk:
        require_sipp()
    figures = asyncio.run(_measure_alone(desk, only))
    if with_asterisk:
        with asterisk(say) as pbx:
            figures += run_within(_LIMIT_S, _measure(pbx, only, desk.quick, say))
            facts = f"Asterisk {pbx.plan.version}, {facts}"
    return figures, (facts,)


async def _measure_alone(desk: Desk, only: Collection[str]) -> list[Figure]:
    figures: list[Figure] = []
    for names, measure in ALONE.items():
        if set(names) & set(only):
            figures += [figure for figure in await measure(desk) if figure.name in only]
    return figures


async def _measure(pbx: Pbx, only: Collection[str], quick: bool, say: Say) -> Sequence[Figure]:
    figures: list[Figure] = []
    async with system(pbx, _PEOPLE, say) as made:
        for names, measure in ALL.items():
            if set(names) & set(only):
                figures += [figure for figure in await measure(made, quick) if figure.name in only]
    return figures


if __name__ == "__main__":
    main()
