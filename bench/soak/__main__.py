"""`python -m bench.soak`: prints its progress and a table on stderr, one JSON object on stdout."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import click

from bench.callers import require_sipp
from bench.command import Result, measuring, run_within, tell
from bench.soak.faults import LONG, SHORT, Plan
from bench.soak.trial import limit_s, trial
from bench.system import Say, asterisk

_SHORT_CALLS, _RATE = 200, 5.0
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
    with measuring("soak") as say:
        require_sipp()
        result = run(calls, rate, SHORT if short else LONG, say, keep)
    tell_as_table(result)


def run(calls: int, rate: float, plan: Plan, say: Say, keep: Path | None) -> Result:
    """One soak with an Asterisk of its own. Raises CannotMeasure."""
    with asterisk(say) as pbx:
        return run_within(limit_s(calls, rate), trial(pbx, calls, rate, plan, say, keep))


def tell_as_table(result: Result) -> NoReturn:
    """For people on stderr, for programs on stdout; ends the program as `tell` does."""
    for line in table(result):
        click.echo(line, err=True)
    tell(result)


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
