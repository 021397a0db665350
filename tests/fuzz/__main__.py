"""`make fuzz`, or `PYTHONPATH=tests python -m fuzz cel --inputs 1000000`."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

import click
import structlog

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "unit")]

from fuzz.mutate import made  # noqa: E402
from fuzz.run import Plan, Progress, as_json, noting, play_all  # noqa: E402
from fuzz.targets import TARGETS  # noqa: E402
from fuzz.work import play  # noqa: E402

HTTP = "http"
_FOLDER = TESTS.parent / "var" / "fuzz"
_HTTP_EACH = 1000  # a request costs as much as so many inputs


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*TARGETS, HTTP]))
@click.option(
    "--inputs",
    default=1_000_000,
    show_default=True,
    help="For each target; of http, one in a thousand.",
)
@click.option("--seed", default=1, show_default=True, help="Another seed gives other inputs.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Processes at a time.")
@click.option("--show", type=int, help="Show this one input, and what comes of it.")
@click.option("--anew", is_flag=True, help="Forget what was played before.")
@click.option("--share", type=(int, int), hidden=True)
@click.option("--note", type=Path, hidden=True)
def main(
    names: tuple[str, ...], inputs: int, seed: int, jobs: int, show: int | None, anew: bool,
    share: tuple[int, int] | None, note: Path | None,
) -> None:  # fmt: skip
    """Play spoilt inputs. Interrupted, it goes on where it was; exit status 1 when there are defects.

    Example: PYTHONPATH=tests python -m fuzz cel ami --inputs 20000
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if share is not None and note is not None:
        click.echo(as_json(play(TARGETS[names[0]], seed, range(*share), noting(note))))
    elif show is not None:
        _show(names[0] if names else "", seed, show)
    else:
        wanted = names or (*TARGETS, HTTP)
        try:
            defects = asyncio.run(_all([name for name in wanted if name != HTTP], inputs, seed, jobs, anew))
        except (KeyboardInterrupt, asyncio.CancelledError):
            click.echo("stopped; the same command goes on from here", err=True)
            sys.exit(130)
        if HTTP in wanted:
            defects += _http(max(1, inputs // _HTTP_EACH))
        sys.exit(1 if defects else 0)


def _show(name: str, seed: int, number: int) -> None:
    if name not in TARGETS:
        raise click.UsageError("--show needs one target")
    target = TARGETS[name]
    click.echo(repr(made(target.stock(), name, seed, number)))
    try:
        click.echo(play(target, seed, range(number, number + 1)) or "no defect")
    except Exception:
        click.echo(traceback.format_exc())


async def _all(names: Sequence[str], inputs: int, seed: int, jobs: int, anew: bool) -> int:
    _FOLDER.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = str(TESTS)
    if (this := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)  # with its processes
    defects = 0
    for name in names:
        progress = Progress.read(_FOLDER, name, seed)
        if anew:
            progress = Progress(file=progress.file)
        plan = Plan(target=name, seed=seed, inputs=inputs)
        await play_all(plan, progress, jobs, lambda line: click.echo(line, err=True))
        click.echo(f"{name}: {inputs} inputs, {len(progress.found)} defects, {progress.spent_s:.0f} s of work")
        for number, reason in sorted(progress.found.items()):
            click.echo(f"  {number}: {reason}")
        defects += len(progress.found)
    return defects


def _http(examples: int) -> int:
    from fuzz.http import probe, site_on_store  # the workers start faster without it

    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        faults = probe(site_on_store(Path(folder)), examples, lambda line: click.echo(line, err=True))
    click.echo(f"http: {examples} requests to each operation, {len(faults)} defects")
    for fault in faults:
        click.echo(f"  {fault}")
    return len(faults)


if __name__ == "__main__":
    main()
