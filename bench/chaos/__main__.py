"""`python -m bench.chaos`: progress and a table on stderr, one JSON object on stdout; the document is rewritten."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence

import click

from bench.callers import require_sipp
from bench.chaos.cases import Fault
from bench.chaos.page import rewrite, row
from bench.chaos.paper import open_doors
from bench.chaos.trial import Outcome, trial
from bench.command import measuring, run_within
from bench.figure import CannotMeasure
from bench.system import REPOSITORY, Say, asterisk

PAGE = REPOSITORY / "docs" / "chaos.md"
_LONGEST_S = 420.0  # of one fault; one that hangs must end by itself
_NAMES = {fault.name.lower(): fault for fault in Fault}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("faults", nargs=-1, type=click.Choice(sorted(_NAMES)))
@click.option("--dry", is_flag=True, help="Leave docs/chaos.md as it is.")
def main(faults: Sequence[str], dry: bool) -> None:
    """Do each fault (or those named) to a real Asterisk and daemon under real calls; a minute or so each.

    What was measured goes into the table of docs/chaos.md, a row after each fault. Exit status 0 when no caller was
    left in silence, every call is on record once and whole, and the status page told; 1 when not, or when a fault
    cannot be done on this machine.

    \b
    Example:
      .venv/bin/python -m bench.chaos reset hole
    """
    with measuring("chaos") as say:
        require_sipp()
        done, without = run([_NAMES[name] for name in faults] or list(Fault), say, dry=dry)
    told = [dataclasses.asdict(outcome) for outcome in done]
    click.echo(json.dumps({"done": told, "not_done": without}, indent=2, ensure_ascii=False))
    sys.exit(1 if without or any(outcome.problems for outcome in done) else 0)


def run(faults: Sequence[Fault], say: Say, *, dry: bool) -> tuple[list[Outcome], dict[str, str]]:
    """Each in turn: what was measured, and why others could not be. Raises CannotMeasure without an Asterisk."""
    done: list[Outcome] = []
    without: dict[str, str] = {}
    for fault in faults:
        with asterisk(say, open_doors) as pbx:
            try:
                outcome = run_within(_LONGEST_S, trial(pbx, fault, say))
            except CannotMeasure as error:
                without[fault.value] = str(error)
                say(f"NOT DONE: {without[fault.value]}")
                continue
        done.append(outcome)
        say(row(outcome))
        for problem in outcome.problems:
            say(f"  {problem}")
        if not dry:
            rewrite(PAGE, {fault: row(outcome)})
    return done, without


if __name__ == "__main__":
    main()
